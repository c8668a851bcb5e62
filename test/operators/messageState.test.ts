import type { Message } from '@anthropic-ai/sdk/resources/messages/messages';
import { MessageBuilder, MessageStreamError, type StreamEvent, takeUntilAborted } from 'claude-rx';
import { type MessageState, messageState } from 'claude-rx/operators/messageState';
import fc from 'fast-check';
import { concat, EMPTY, from, NEVER, Subject, take, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { drawn } from '../diagrams/drawn.ts';
import { marbles, testScheduler } from '../support/marbles.ts';
import {
  callStart,
  json,
  messageDelta,
  messageStart,
  messageStop,
  outcomeOf,
  ping,
  reply,
  resume,
  stop,
  synchronous,
  text,
  textStart,
  usage,
} from './events.ts';

const events = {
  m: messageStart(),
  '[': textStart(0),
  a: text(0, 'Hel'),
  b: text(0, 'lo'),
  ']': stop(0),
  p: ping,
  x: messageDelta(),
  S: messageStop,
  r: resume(0),
};

const message = (...texts: string[]): Message => ({
  ...(messageStart() as { message: Message }).message,
  content: texts.map((words) => ({ type: 'text', text: words, citations: null })),
});
const streaming = (of: Message, words: string): MessageState => ({
  status: 'streaming',
  message: of,
  text: words,
  usage: of.usage,
});
const ended: Message = { ...message('Hello'), stop_reason: 'end_turn', usage: usage(25, 15) };

const waiting: MessageState = {
  status: 'waiting',
  message: undefined,
  text: '',
  usage: undefined,
};
const states = {
  w: waiting,
  A: streaming(message(), ''),
  B: streaming(message(''), ''),
  C: streaming(message('Hel'), 'Hel'),
  D: streaming(message('Hello'), 'Hello'),
  E: streaming(ended, 'Hello'),
  F: { ...streaming(ended, 'Hello'), status: 'complete' } as MessageState,
};

describe('messageState', () => {
  it(
    'emits the state of a reply on each change',
    drawn(
      'messageState',
      marbles((m) => {
        const source = m.cold('--m--[--a--b--]--x--S----', events);
        const result = '       w-A--B--C--D-----E--(F|)';
        m.expect(source.pipe(messageState())).toBeObservable(result, states);
        m.expect(source).toHaveSubscriptions('^-------------------!');
      }),
    ),
  );

  it(
    'emits an error as the last state, with the reply so far, and completes',
    drawn(
      'messageState-error',
      () =>
        testScheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
          const lost = new MessageStreamError('The connection was lost', { code: 'connection' });
          const source = cold('--m--[--a--#', events, lost);
          const result = '     w-A--B--C--(D|)';
          const D = { ...states.C, status: 'error', error: lost };
          expectObservable(source.pipe(messageState())).toBe(result, { ...states, D });
          expectSubscriptions(source.subscriptions).toBe('^----------!');
        }),
      { title: 'messageState()' },
    ),
  );

  it('makes an error of a source that completes before message_stop', () => {
    const { values, completed } = outcomeOf(
      from([events.m, events['['], events.a]).pipe(messageState()),
    );
    const last = values.at(-1);
    expect(completed).toBe(true);
    expect(last).toMatchObject({ ...states.C, status: 'error', error: { code: 'truncated' } });
    expect(last?.error?.partial).toEqual(last?.message);
  });

  it('makes an error of a source that emits nothing', () => {
    const { values, completed } = outcomeOf(EMPTY.pipe(messageState()));
    expect(values).toHaveLength(2);
    expect(values[0]).toStrictEqual(waiting);
    expect(values[1]).toMatchObject({ ...waiting, status: 'error', error: { code: 'truncated' } });
    expect(completed).toBe(true);
  });

  it('makes an error of a message_stop without a message_start', () => {
    const { values, completed } = outcomeOf(from([events.a, messageStop]).pipe(messageState()));
    expect(values.at(-1)).toMatchObject({ status: 'error', error: { code: 'protocol' } });
    expect(values).toHaveLength(2);
    expect(completed).toBe(true);
  });

  it('turns whatever the source throws into a MessageStreamError', () => {
    const failed = throwError(() => new TypeError('terminated')).pipe(messageState());
    const { error } = outcomeOf(failed).values.at(-1) as MessageState;
    expect(error).toBeInstanceOf(MessageStreamError);
    expect(error?.code).toBe('connection');
  });

  it('emits the status aborted, and keeps the text, when an AbortSignal fires', () => {
    const button = new AbortController();
    const source = new Subject<StreamEvent>();
    const seen: MessageState[] = [];
    let completed = false;
    source.pipe(takeUntilAborted(button.signal), messageState()).subscribe({
      next: (state) => seen.push(state),
      complete: () => (completed = true),
    });
    for (const event of [events.m, events['['], events.a]) source.next(event);
    button.abort(new Error('the user pressed Stop'));
    expect(seen.at(-1)).toMatchObject({
      ...states.C,
      status: 'aborted',
      error: { code: 'aborted' },
    });
    expect(completed).toBe(true);
    expect(source.observed).toBe(false);
  });

  it(
    'unsubscribes from the source',
    marbles((m) => {
      const source = m.hot(' --m--[--a--b--]|', events);
      const unsubscribe = '  ---------!';
      const result = '       w-A--B--C-';
      m.expect(source.pipe(messageState()), unsubscribe).toBeObservable(result, states);
      m.expect(source).toHaveSubscriptions('^--------!');
    }),
  );

  it(
    'emits nothing for events that change nothing',
    marbles((m) => {
      const source = m.cold('-p-a-m-p-m-[-]-p--', events);
      const result = '       w----A-----B------';
      m.expect(source.pipe(messageState())).toBeObservable(result, states);
    }),
  );

  it(
    'withdraws text with a resume',
    marbles((m) => {
      const source = m.cold('-m-[-a-r-[-a-b-x-S', events);
      const result = '       wA-B-C-A-B-C-D-E-(F|)';
      m.expect(source.pipe(messageState())).toBeObservable(result, states);
    }),
  );

  it('has its first state before the source is subscribed', () => {
    const { source, taken } = synchronous([events.m, messageStop]);
    const seen = outcomeOf(source.pipe(messageState(), take(1))).values;
    expect(seen).toStrictEqual([waiting]);
    expect(taken()).toBe(0);
  });

  it('has separate state for each subscription', () => {
    const once = from([events.m, textStart(0, 'Hi'), messageStop]).pipe(messageState());
    const first = outcomeOf(once).values;
    expect(first.map(({ status, text: words }) => `${status} ${words}`)).toEqual([
      'waiting ',
      'streaming ',
      'streaming Hi',
      'complete Hi',
    ]);
    expect(outcomeOf(once).values).toStrictEqual(first);
  });

  it('keeps the identity of unchanged fields', () => {
    const all = [events.m, textStart(0, 'Hello'), callStart(1), json(1, '{}'), events.x];
    const { values } = outcomeOf(from([...all, messageStop]).pipe(messageState()));
    const [, , second, third, fourth, fifth, last] = values;
    expect(third?.usage).toBe(second?.usage);
    expect(third?.message?.content[0]).toBe(second?.message?.content[0]);
    expect(fourth?.text).toBe('Hello');
    expect(fifth?.usage).not.toBe(fourth?.usage);
    expect(last).toMatchObject({ status: 'complete', usage: fifth?.usage });
    expect(last?.usage).toBe(fifth?.usage);
  });

  it('has the message and its text in every state, whatever the reply', () => {
    fc.assert(
      fc.property(reply, fc.option(fc.nat({ max: 3 })), (all, keep) => {
        const withSeam = keep === null ? all : [...all, resume(keep), textStart(keep, 'Again')];
        const stopped = withSeam.filter((event) => event.type !== 'message_stop');
        const { values } = outcomeOf(
          concat(from([...stopped, messageStop]), NEVER).pipe(messageState()),
        );
        for (const state of values) {
          const blocks = state.message?.content ?? [];
          const words = blocks.map((block) => (block.type === 'text' ? block.text : ''));
          expect(state.text).toBe(words.join(''));
          expect(state.usage).toBe(state.message?.usage);
        }
        const builder = new MessageBuilder();
        for (const event of [...stopped, messageStop]) builder.push(event);
        expect(values.at(-1)).toMatchObject({ status: 'complete', message: builder.message });
        expect(values.filter((state) => state.status === 'complete')).toHaveLength(1);
      }),
    );
  });
});
