import { expect, it } from 'vitest';
import { LeadingBlank } from '../../../src/recovery/LeadingBlank.ts';
import type { SplicedEvent } from '../../../src/recovery/SplicedEvent.ts';

const start = { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } };
const delta = (text: string): SplicedEvent => {
  return { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } };
};
const stop = { type: 'content_block_stop', index: 0 };

function given(): { blank: LeadingBlank; events: SplicedEvent[] } {
  const events: SplicedEvent[] = [];
  return { blank: new LeadingBlank((event) => events.push(event)), events };
}

it('holds white space back until there is more of the text', () => {
  const { blank, events } = given();
  for (const event of [start, delta('\n'), delta(' ')]) blank.push(event);
  expect(events).toEqual([start]);
  for (const event of [delta('a'), delta(' ')]) blank.push(event);
  expect(events).toEqual([start, delta('\n'), delta(' '), delta('a'), delta(' ')]);
});

it('emits it before the end of the text', () => {
  const { blank, events } = given();
  for (const event of [start, delta(' '), stop]) blank.push(event);
  expect(events).toEqual([start, delta(' '), stop]);
});

it('drops it if the attempt breaks, and emits it if no attempt follows', () => {
  const { blank, events } = given();
  for (const event of [start, delta('\n')]) blank.push(event);
  blank.drop();
  blank.push(delta('\t'));
  expect(events).toEqual([start]);
  blank.release();
  expect(events).toEqual([start, delta('\t')]);
});
