import { expect, it } from 'vitest';
import { BlockNumbers } from '../../../src/recovery/BlockNumbers.ts';

it('numbers blocks from 0 on, whatever their indices, and knows the open one', () => {
  const blocks = new BlockNumbers();
  expect([blocks.begin(3), blocks.begin(7)]).toEqual([0, 1]);
  expect([blocks.of(3), blocks.of(7), blocks.of(0), blocks.open]).toEqual([0, 1, undefined, 1]);
  expect([blocks.close(), blocks.open, blocks.close()]).toEqual([1, undefined, undefined]);
});

it('goes on behind the blocks that stand, with the indices of another attempt', () => {
  const blocks = new BlockNumbers();
  for (const index of [0, 1, 2]) blocks.begin(index);
  blocks.forget();
  blocks.keep(2);
  expect(blocks.open).toBeUndefined();
  expect([blocks.of(0), blocks.begin(0), blocks.of(0)]).toEqual([undefined, 2, 2]);
});

it('leaves the open block open where it stands, for a text that goes on in it', () => {
  const blocks = new BlockNumbers();
  blocks.begin(0);
  blocks.forget();
  blocks.keep(1);
  blocks.join(5, 0);
  expect([blocks.open, blocks.of(5), blocks.begin(6)]).toEqual([0, 0, 1]);
});

it('counts the blocks of the reply before an index of the attempt', () => {
  const blocks = new BlockNumbers();
  blocks.begin(0);
  blocks.forget();
  for (const index of [0, 1]) blocks.begin(index);
  expect([0, 1, 2].map((keep) => blocks.countBefore(keep))).toEqual([0, 2, 3]);
});
