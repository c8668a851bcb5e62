import { expect, it } from 'vitest';
import { SeamJoin } from '../../../src/recovery/SeamJoin.ts';

const shown = [{ type: 'text', text: 'Once upon a time ' }];
const config = { sent: 'Once upon a time', leftOut: ' ', mayRepeat: true };
const start = { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } };

function joining(): SeamJoin {
  const seam = new SeamJoin();
  seam.expect(config, shown);
  seam.begin(4, start);
  return seam;
}

it('waits for the first text of an attempt, where there is a text to join', () => {
  const seam = new SeamJoin();
  expect([seam.awaitsText, seam.push('a')]).toEqual([false, 'a']);
  seam.expect(config, []);
  expect(seam.awaitsText).toBe(false);
  seam.expect(config, shown);
  expect(seam.awaitsText).toBe(true);
  seam.begin(4, start);
  expect([seam.awaitsText, seam.text]).toEqual([false, { index: 4 }]);
});

it('returns the new text, and the start of the block once', () => {
  const seam = joining();
  expect([seam.push('Once upon a time'), seam.push(' there')]).toEqual(['', 'there']);
  expect([seam.takeStart(), seam.takeStart()]).toEqual([start, undefined]);
});

it('returns the held back text at the end of the text', () => {
  const seam = joining();
  expect([seam.push('upon'), seam.end()]).toEqual(['', 'upon']);
});

it('starts again with the attempt, and joins nothing after a cancel', () => {
  const seam = joining();
  seam.restart();
  expect([seam.awaitsText, seam.text, seam.takeStart()]).toEqual([true, undefined, undefined]);
  seam.cancel();
  expect(seam.awaitsText).toBe(false);
});
