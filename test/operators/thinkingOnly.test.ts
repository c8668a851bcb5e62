import { MessageBuilder, type StreamEvent } from 'claude-rx';
import { thinkingOnly } from 'claude-rx/operators/thinkingOnly';
import fc from 'fast-check';
import { from } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { drawn } from '../diagrams/drawn.ts';
import { marbles } from '../support/marbles.ts';
import {
  delta,
  messageDelta,
  messageStart,
  messageStop,
  outcomeOf,
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
  '[': thinkingStart(0),
  a: thinking(0, 'Let me'),
  b: thinking(0, ' see'),
  s: delta(0, { type: 'signature_delta', signature: 'c2ln' }),
  ']': stop(0),
  '{': textStart(1),
  t: text(1, 'Yes'),
  '}': stop(1),
  x: messageDelta(),
  S: messageStop,
};
const thoughts = { a: 'Let me', b: ' see' };

describe('thinkingOnly', () => {
  it(
    'emits the thinking as it arrives',
    drawn(
      'thinkingOnly',
      marbles((m) => {
        const source = m.cold('--m--[--a--b--s--]--{--t--}--x--S|', events);
        const result = '       --------a--b---------------------|';
        m.expect(source.pipe(thinkingOnly())).toBeObservable(result, thoughts);
        m.expect(source).toHaveSubscriptions('^--------------------------------!');
      }),
    ),
  );

  it(
    'passes an error on, after all the thinking before it',
    marbles((m) => {
      const source = m.cold('--m--[--a--#', events, new Error('lost'));
      const result = '       --------a--#';
      m.expect(source.pipe(thinkingOnly())).toBeObservable(result, thoughts, new Error('lost'));
    }),
  );

  it(
    'unsubscribes from the source',
    marbles((m) => {
      const source = m.hot(' --m--[--a--b--]--x--S|', events);
      const unsubscribe = '  ---------!';
      const result = '       --------a-';
      m.expect(source.pipe(thinkingOnly()), unsubscribe).toBeObservable(result, thoughts);
      m.expect(source).toHaveSubscriptions('^--------!');
    }),
  );

  it('emits the thinking that comes with the start of a block', () => {
    const all = [thinkingStart(0, 'First, '), thinking(0, 'the sum')];
    expect(thoughtsOf(all)).toEqual(['First, ', 'the sum']);
  });

  it('emits nothing for thinking that is omitted, redacted or of an unknown shape', () => {
    const nothing = [
      thinkingStart(0),
      thinking(0, ''),
      delta(0, { type: 'thinking_delta', thinking: null }),
      delta(0, { type: 'thinking_delta', estimated_tokens: 12 }),
      delta(0, { type: 'signature_delta', signature: 'c2ln' }),
      start(1, { type: 'redacted_thinking', data: 'ZGF0YQ==' }),
      start(2, { type: 'thinking' }),
      textStart(3, 'text'),
      text(3, 'text'),
      raw({ type: 'content_block_delta', index: 3 }),
      raw({ type: 'content_block_start', index: 4 }),
    ];
    expect(thoughtsOf(nothing)).toEqual([]);
  });

  it('emits, joined, the thinking blocks of the message, whatever the reply', () => {
    fc.assert(
      fc.property(reply, (all) => {
        const builder = new MessageBuilder();
        for (const event of all) builder.push(event);
        const blocks = builder.message?.content ?? [];
        const seen = thoughtsOf(all);
        expect(seen.join('')).toBe(
          blocks.map((block) => (block.type === 'thinking' ? block.thinking : '')).join(''),
        );
        expect(seen).not.toContain('');
      }),
    );
  });
});

function thoughtsOf(all: StreamEvent[]): string[] {
  return outcomeOf(from(all).pipe(thinkingOnly())).values;
}
