import { MessageBuilder } from 'claude-rx';
import { accumulateText } from 'claude-rx/operators/accumulateText';
import fc from 'fast-check';
import { from } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { drawn } from '../diagrams/drawn.ts';
import { marbles } from '../support/marbles.ts';
import {
  callStart,
  messageDelta,
  messageStart,
  messageStop,
  outcomeOf,
  ping,
  reply,
  resume,
  stop,
  text,
  textStart,
} from './events.ts';

const events = {
  m: messageStart(),
  '[': textStart(0),
  a: text(0, 'Hel'),
  b: text(0, 'lo'),
  ']': stop(0),
  '{': textStart(1),
  c: text(1, ' there'),
  e: text(1, ''),
  p: ping,
  x: messageDelta(),
  S: messageStop,
  n: messageStart('msg_2'),
  q: resume(0),
  r: resume(1),
};
const texts = { A: 'Hel', B: 'Hello', C: 'Hello there', o: '' };

describe('accumulateText', () => {
  it(
    'emits the whole text so far, on each change',
    drawn(
      'accumulateText',
      marbles((m) => {
        const source = m.cold('--m--[--a--b--]--{--c--]--x--S|', events);
        const result = '       --------A--B--------C---------|';
        m.expect(source.pipe(accumulateText())).toBeObservable(result, texts);
        m.expect(source).toHaveSubscriptions('^-----------------------------!');
      }),
    ),
  );

  it(
    'emits nothing for events that change nothing',
    marbles((m) => {
      const source = m.cold('-p-m-m-[-p-e-k-x-S|', { ...events, k: callStart(1) });
      const result = '       ------------------|';
      m.expect(source.pipe(accumulateText())).toBeObservable(result, texts);
    }),
  );

  it(
    'includes text in the start of a block',
    marbles((m) => {
      const source = m.cold('-m-[-b-|', { ...events, '[': textStart(0, 'Hel') });
      const result = '       ---A-B-|';
      m.expect(source.pipe(accumulateText())).toBeObservable(result, texts);
    }),
  );

  it(
    'includes text without a message_start, as for a late subscriber',
    marbles((m) => {
      const source = m.cold('-a-b-]-x-S|', events);
      const result = '       -A-B------|';
      m.expect(source.pipe(accumulateText())).toBeObservable(result, texts);
    }),
  );

  it(
    'passes an error on, after all earlier values',
    marbles((m) => {
      const source = m.cold('--m--[--a--#', events, new Error('lost'));
      const result = '       --------A--#';
      m.expect(source.pipe(accumulateText())).toBeObservable(result, texts, new Error('lost'));
    }),
  );

  it(
    'unsubscribes from the source',
    marbles((m) => {
      const source = m.hot(' --m--[--a--b--]|', events);
      const unsubscribe = '  ---------!';
      const result = '       --------A-';
      m.expect(source.pipe(accumulateText()), unsubscribe).toBeObservable(result, texts);
      m.expect(source).toHaveSubscriptions('^--------!');
    }),
  );

  it(
    'withdraws the text of the blocks that a resume withdraws',
    marbles((m) => {
      const source = m.cold('-m-[-a-b-]-{-c-r-{-c-q-[-a-x-S|', events);
      const result = '       -----A-B-----C-B---C-o---A----|';
      m.expect(source.pipe(accumulateText())).toBeObservable(result, texts);
    }),
  );

  it(
    'continues the block that a resume keeps',
    marbles((m) => {
      const source = m.cold('-m-[-a-r-b-]-S|', events);
      const result = '       -----A---B----|';
      m.expect(source.pipe(accumulateText())).toBeObservable(result, texts);
    }),
  );

  it(
    'starts again with another message, but not with a repeated message_start',
    marbles((m) => {
      const source = m.cold('-m-[-a-m-b-]-x-S-n-[-a-S-n-[-a|', events);
      const result = '       -----A---B-------o---A---o---A|';
      m.expect(source.pipe(accumulateText())).toBeObservable(result, texts);
    }),
  );

  it('has separate state for each subscription', () => {
    const once = from([events.m, textStart(0, 'Hi')]).pipe(accumulateText());
    expect(outcomeOf(once).values).toEqual(['Hi']);
    expect(outcomeOf(once).values).toEqual(['Hi']);
  });

  it('equals the text of the message after each event, for any reply and seams', () => {
    const seams = fc.array(fc.record({ at: fc.nat(), keep: fc.nat({ max: 4 }) }), { maxLength: 3 });
    fc.assert(
      fc.property(reply, seams, (all, places) => {
        const cut = [...all];
        // The seam itself only: what follows it is a block, as after a seam in the wild.
        for (const { at, keep } of places) {
          const starts = cut.flatMap((event, i) =>
            event.type === 'content_block_start' ? [i] : [],
          );
          if (starts.length > 0) cut.splice(starts[at % starts.length]!, 0, resume(keep));
        }
        const builder = new MessageBuilder();
        const expected: string[] = [];
        for (const event of cut) {
          builder.push(event);
          const blocks = builder.message?.content ?? [];
          const now = blocks.map((block) => (block.type === 'text' ? block.text : '')).join('');
          if (now !== (expected.at(-1) ?? '')) expected.push(now);
        }
        expect(outcomeOf(from(cut).pipe(accumulateText())).values).toEqual(expected);
      }),
    );
  });
});
