import type { Message } from '@anthropic-ai/sdk/resources/messages/messages';
import { MessageBuilder } from 'claude-rx';
import { accumulateMessage } from 'claude-rx/operators/accumulateMessage';
import fc from 'fast-check';
import { from } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { drawn } from '../diagrams/drawn.ts';
import { marbles } from '../support/marbles.ts';
import {
  messageDelta,
  messageStart,
  messageStop,
  outcomeOf,
  ping,
  raw,
  reply,
  resume,
  stop,
  text,
  textStart,
  usage,
} from './events.ts';

const events = {
  m: messageStart(),
  '[': textStart(0),
  a: text(0, 'Hel'),
  p: ping,
  b: text(0, 'lo'),
  ']': stop(0),
  x: messageDelta(),
  S: messageStop,
  n: messageStart('msg_2'),
  r: resume(0),
  u: raw({ type: 'vibe_check' }),
};

const message = (id: string, ...texts: string[]): Message => ({
  ...(messageStart(id) as { message: Message }).message,
  content: texts.map((words) => ({ type: 'text', text: words, citations: null })),
});
const ended = (before: Message): Message => ({
  ...before,
  stop_reason: 'end_turn',
  usage: usage(25, 15),
});
const snapshots = {
  A: message('msg_1'),
  B: message('msg_1', ''),
  C: message('msg_1', 'Hel'),
  D: message('msg_1', 'Hello'),
  E: ended(message('msg_1', 'Hello')),
  N: message('msg_2'),
};

describe('accumulateMessage', () => {
  it(
    'emits the message so far, after each event that changes it',
    drawn(
      'accumulateMessage',
      marbles((m) => {
        const source = m.cold('--m--[--a--p--b--]--x--S|', events);
        const result = '       --A--B--C-----D-----E---|';
        m.expect(source.pipe(accumulateMessage())).toBeObservable(result, snapshots);
        m.expect(source).toHaveSubscriptions('^-----------------------!');
      }),
    ),
  );

  it(
    'emits nothing for events that change nothing',
    marbles((m) => {
      const source = m.cold('-p-a-m-p-m-u-S|', events);
      const result = '       -----A--------|';
      m.expect(source.pipe(accumulateMessage())).toBeObservable(result, snapshots);
    }),
  );

  it(
    'passes an error on, after all earlier values',
    marbles((m) => {
      const source = m.cold('--m--[--a--#', events, new Error('lost'));
      const result = '       --A--B--C--#';
      const accumulated = source.pipe(accumulateMessage());
      m.expect(accumulated).toBeObservable(result, snapshots, new Error('lost'));
    }),
  );

  it(
    'unsubscribes from the source',
    marbles((m) => {
      const source = m.hot(' --m--[--a--b--]|', events);
      const unsubscribe = '  ---------!';
      const result = '       --A--B--C-';
      const accumulated = source.pipe(accumulateMessage());
      m.expect(accumulated, unsubscribe).toBeObservable(result, snapshots);
      m.expect(source).toHaveSubscriptions('^--------!');
    }),
  );

  it(
    'withdraws blocks with a resume',
    marbles((m) => {
      const source = m.cold('-m-[-a-r-[-a-b-x-S|', events);
      const result = '       -A-B-C-A-B-C-D-E--|';
      m.expect(source.pipe(accumulateMessage())).toBeObservable(result, snapshots);
    }),
  );

  it(
    'starts again with a message of another id',
    marbles((m) => {
      const source = m.cold('-m-[-a-n-p-|', events);
      const result = '       -A-B-C-N---|';
      m.expect(source.pipe(accumulateMessage())).toBeObservable(result, snapshots);
    }),
  );

  it('builds a message for each subscription', () => {
    const once = from([events.m, textStart(0, 'Hi')]).pipe(accumulateMessage());
    expect(outcomeOf(once).values.at(-1)?.content).toHaveLength(1);
    expect(outcomeOf(once).values.at(-1)?.content).toHaveLength(1);
  });

  it('shares unchanged parts between two values, and mutates no value', () => {
    const all = [events.m, textStart(0, 'One'), stop(0), textStart(1), text(1, 'Two'), events.x];
    const { values } = outcomeOf(from(all).pipe(accumulateMessage()));
    const [first, , , before, after] = values;
    expect(first?.content).toEqual([]);
    expect(before?.content[1]).not.toBe(values[2]?.content[1]);
    expect(before?.content[0]).toBe(values[1]?.content[0]);
    expect(after?.content).toBe(before?.content);
  });

  it('ends with the message that a MessageBuilder builds, for any reply', () => {
    fc.assert(
      fc.property(reply, (all) => {
        const builder = new MessageBuilder();
        for (const event of all) builder.push(event);
        const { values } = outcomeOf(from(all).pipe(accumulateMessage()));
        expect(values.at(-1)).toStrictEqual(builder.message);
        expect(new Set(values).size).toBe(values.length);
      }),
    );
  });
});
