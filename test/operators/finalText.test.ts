import { MessageStreamError } from 'claude-rx';
import { finalText } from 'claude-rx/operators/finalText';
import { textOnly } from 'claude-rx/operators/textOnly';
import fc from 'fast-check';
import { from } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { drawn } from '../diagrams/drawn.ts';
import { marbles } from '../support/marbles.ts';
import {
  call,
  citation,
  delta,
  messageDelta,
  messageStart,
  messageStop,
  outcomeOf,
  reply,
  stop,
  text,
  textStart,
  thinking,
  thinkingStart,
} from './events.ts';

const events = {
  m: messageStart(),
  '[': textStart(0),
  a: text(0, 'Grass is '),
  b: text(0, 'green, and '),
  ']': stop(0),
  '{': textStart(1),
  c: text(1, 'the sky is blue.'),
  x: messageDelta(),
  S: messageStop,
};
const T = 'Grass is green, and the sky is blue.';

describe('finalText', () => {
  it(
    'emits the whole text at message_stop, and completes',
    drawn(
      'finalText',
      marbles((m) => {
        const source = m.cold('--m--[--a--b--]--{--c--]--x--S-----', events);
        const result = '       -----------------------------(T|)';
        m.expect(source.pipe(finalText())).toBeObservable(result, { T });
        m.expect(source).toHaveSubscriptions('^----------------------------!');
      }),
    ),
  );

  it('joins blocks with citations without spaces', () => {
    const all = [
      messageStart(),
      textStart(0, 'According to the text, '),
      stop(0),
      textStart(1),
      delta(1, { type: 'citations_delta', citation: citation('The grass is green.') }),
      text(1, 'the grass is green'),
      stop(1),
      textStart(2, '.'),
      messageStop,
    ];
    const { values } = outcomeOf(from(all).pipe(finalText()));
    expect(values).toEqual(['According to the text, the grass is green.']);
  });

  it('emits an empty text for a message without text', () => {
    const all = [
      messageStart(),
      thinkingStart(0),
      thinking(0, 'Hm'),
      ...call(1, '{}'),
      messageStop,
    ];
    expect(outcomeOf(from(all).pipe(finalText())).values).toEqual(['']);
  });

  it('errors when the source completes before message_stop, with the partial message', () => {
    const { values, error } = outcomeOf(from([events.m, events['['], events.a]).pipe(finalText()));
    expect(values).toEqual([]);
    expect(error).toBeInstanceOf(MessageStreamError);
    expect(error).toMatchObject({
      code: 'truncated',
      partial: { content: [{ text: 'Grass is ' }] },
    });
  });

  it(
    'passes an error on, without the text before it',
    marbles((m) => {
      const lost = new MessageStreamError('The connection was lost', { code: 'connection' });
      const source = m.cold('--m--[--a--#', events, lost);
      const result = '       -----------#';
      m.expect(source.pipe(finalText())).toBeObservable(result, {}, lost);
    }),
  );

  it(
    'unsubscribes from the source',
    marbles((m) => {
      const source = m.hot(' --m--[--a--b--]--x--S|', events);
      const unsubscribe = '  ---------!';
      m.expect(source.pipe(finalText()), unsubscribe).toBeObservable('----------');
      m.expect(source).toHaveSubscriptions('^--------!');
    }),
  );

  it('equals the joined values of textOnly, for any reply', () => {
    fc.assert(
      fc.property(reply, (all) => {
        const whole = from([...all, messageStop]);
        const pieces = outcomeOf(whole.pipe(textOnly())).values;
        expect(outcomeOf(whole.pipe(finalText())).values).toEqual([pieces.join('')]);
      }),
    );
  });
});
