import { MessageBuilder, type StreamEvent } from 'claude-rx';
import { textOnly } from 'claude-rx/operators/textOnly';
import fc from 'fast-check';
import { from } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { drawn } from '../diagrams/drawn.ts';
import { marbles } from '../support/marbles.ts';
import {
  callStart,
  delta,
  json,
  messageDelta,
  messageStart,
  messageStop,
  outcomeOf,
  ping,
  raw,
  reply,
  start,
  stop,
  text,
  textStart,
  thinking,
  thinkingStart,
} from './events.ts';

const events = {
  m: messageStart(),
  '[': textStart(0),
  a: text(0, 'Hel'),
  b: text(0, 'lo'),
  c: text(0, ' there'),
  ']': stop(0),
  p: ping,
  x: messageDelta(),
  S: messageStop,
};
const pieces = { a: 'Hel', b: 'lo', c: ' there' };

describe('textOnly', () => {
  it(
    'emits the text as it arrives',
    drawn(
      'textOnly',
      marbles((m) => {
        const source = m.cold('--m--[--a--b--]--[--c--]--x--S|', events);
        const result = '       --------a--b--------c---------|';
        m.expect(source.pipe(textOnly())).toBeObservable(result, pieces);
        m.expect(source).toHaveSubscriptions('^-----------------------------!');
      }),
    ),
  );

  it(
    'passes an error on, after all the text before it',
    marbles((m) => {
      const source = m.cold('--m--[--a--#', events, new Error('lost'));
      const result = '       --------a--#';
      m.expect(source.pipe(textOnly())).toBeObservable(result, pieces, new Error('lost'));
      m.expect(source).toHaveSubscriptions('^----------!');
    }),
  );

  it(
    'unsubscribes from the source',
    marbles((m) => {
      const source = m.hot(' --m--[--a--b--]--x--S|', events);
      const unsubscribe = '  ---------!';
      const result = '       --------a-';
      m.expect(source.pipe(textOnly()), unsubscribe).toBeObservable(result, pieces);
      m.expect(source).toHaveSubscriptions('^--------!');
    }),
  );

  it('emits the text that comes with the start of a block', () => {
    expect(textsOf([textStart(0, 'Good '), text(0, 'morning')])).toEqual(['Good ', 'morning']);
  });

  it('never emits an empty string, also for null', () => {
    const nothing = [
      textStart(0),
      text(0, ''),
      delta(0, { type: 'text_delta', text: null }),
      start(1, { type: 'text', text: null }),
    ];
    expect(textsOf(nothing)).toEqual([]);
  });

  it('ignores everything that is not text, known or not', () => {
    const others = [
      thinkingStart(0, 'Hm'),
      thinking(0, 'Hm'),
      callStart(1),
      json(1, '{"text":"no"}'),
      delta(1, { type: 'connector_text_delta', text: 'no' }),
      start(2, { type: 'connector_text', text: 'no' }),
      raw({ type: 'text_delta', text: 'no' }),
      raw({ type: 'content_block_delta', index: 0 }),
      raw({ type: 'content_block_start', index: 0 }),
    ];
    expect(textsOf(others)).toEqual([]);
  });

  it('emits, joined, the text blocks of the message, whatever the reply', () => {
    fc.assert(
      fc.property(reply, (all) => {
        const builder = new MessageBuilder();
        for (const event of all) builder.push(event);
        const blocks = builder.message?.content ?? [];
        const texts = textsOf(all);
        expect(texts.join('')).toBe(
          blocks.map((block) => (block.type === 'text' ? block.text : '')).join(''),
        );
        expect(texts).not.toContain('');
      }),
    );
  });
});

function textsOf(all: StreamEvent[]): string[] {
  return outcomeOf(from(all).pipe(textOnly())).values;
}
