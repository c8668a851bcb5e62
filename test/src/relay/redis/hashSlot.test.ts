import { expect, it } from 'vitest';
import { hashSlot } from '../../../../src/relay/redis/hashSlot.ts';

// Examples of https://redis.io/docs/latest/commands/cluster-keyslot/ and of the cluster specification.
it.each([
  ['123456789', 0x31c3],
  ['somekey', 11_058],
  ['foo{hash_tag}', 2_515],
  ['bar{hash_tag}', 2_515],
])('the slot of %s', (key, slot) => {
  expect(hashSlot(key)).toBe(slot);
});

it.each([
  ['{user1000}.following', 'user1000'],
  ['foo{{bar}}zap', '{bar'],
  ['foo{bar}{zap}', 'bar'],
])('the slot of %s is that of %s', (key, tag) => {
  expect(hashSlot(key)).toBe(hashSlot(`{${tag}}`));
});

it('an empty hash tag does not count', () => {
  expect(hashSlot('foo{}{bar}')).not.toBe(hashSlot('bar'));
});
