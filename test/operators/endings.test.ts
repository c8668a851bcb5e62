import {
  accumulateMessage,
  accumulateText,
  accumulateUsage,
  type AnyStreamEvent,
  citationsOnly,
  contentBlocks,
  finalMessage,
  finalText,
  measureStream,
  MessageStreamError,
  messageState,
  messageTimeout,
  requireMessageStop,
  retryResumable,
  shareMessage,
  type StreamEvent,
  textOnly,
  thinkingOnly,
  toolUses,
  toSse,
} from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import * as fc from 'fast-check';
import { concat, from, lastValueFrom, NEVER, Observable, type OperatorFunction } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { failure, received } from '../support/server.ts';

const whole = [
  ...messageEvents.thinking('Hm').text('Hello world', { chunk: 4 }).toolUse('a', { n: 1 }),
];
const refused = {
  type: 'error',
  error: { type: 'invalid_request_error', message: 'No' },
} as unknown as StreamEvent;

describe('an error event of the API that arrives as a value', () => {
  const operators: [string, () => OperatorFunction<StreamEvent, unknown>][] = [
    ['requireMessageStop', () => requireMessageStop<StreamEvent>()],
    ['retryResumable', () => retryResumable<StreamEvent>({ resume: () => from(whole), delay: 1 })],
    ['finalMessage', () => finalMessage()],
    ['finalText', () => finalText()],
  ];
  it.each(operators)('is that error for %s, and the source is left', async (_, operator) => {
    let isLeft = false;
    const source = new Observable<StreamEvent>((subscriber) => {
      subscriber.add(() => (isLeft = true));
      concat(from([...whole.slice(0, 4), refused]), NEVER).subscribe(subscriber);
    });
    const error = await failure(source.pipe(operator()));
    expect(error).toMatchObject({
      code: 'request',
      retryable: false,
      partial: { role: 'assistant' },
    });
    expect(isLeft).toBe(true);
  });

  it('is the error of messageState', async () => {
    const state = await lastValueFrom(
      concat(from([whole[0]!, refused]), NEVER).pipe(messageState()),
    );
    expect(state).toMatchObject({ status: 'error', error: { code: 'request' } });
  });

  it('is continued if it is retryable', async () => {
    const busy = { type: 'error', error: { type: 'overloaded_error', message: 'Busy' } };
    const broken = from([...whole.slice(0, 4), busy as unknown as StreamEvent]);
    const message = await lastValueFrom(
      broken.pipe(retryResumable({ resume: () => from(whole), delay: 1 }), finalMessage()),
    );
    expect(message.stop_reason).toBe('tool_use');
  });
});

describe('retryResumable and a source that is asked from within `next`', () => {
  it('keeps the order of any number of events', async () => {
    for (let length = 1; length <= whole.length; length++) {
      const events = whole.slice(0, length);
      let ask = () => {};
      const source = new Observable<StreamEvent>((subscriber) => {
        let index = 0;
        ask = () => {
          if (index < events.length) subscriber.next(events[index++]!);
          if (index === events.length && !subscriber.closed) subscriber.complete();
        };
        ask();
      });
      const types: string[] = [];
      await new Promise<void>((done) => {
        source.pipe(retryResumable({ resume: () => from(whole), count: 0 })).subscribe({
          next: ({ type }) => {
            types.push(type);
            ask();
          },
          error: () => done(),
          complete: done,
        });
      });
      expect(types.slice(0, length)).toEqual(events.map(({ type }) => type));
    }
  });
});

describe('events with missing parts', () => {
  const operators: [string, () => OperatorFunction<AnyStreamEvent, unknown>][] = [
    ['accumulateMessage', accumulateMessage],
    ['accumulateText', accumulateText],
    ['accumulateUsage', accumulateUsage],
    ['citationsOnly', citationsOnly],
    ['contentBlocks', contentBlocks],
    ['finalMessage', finalMessage],
    ['finalText', finalText],
    ['measureStream', () => measureStream(() => {})],
    ['messageState', messageState],
    ['messageTimeout', () => messageTimeout({ total: 60_000 })],
    ['requireMessageStop', requireMessageStop],
    [
      'retryResumable',
      () => retryResumable({ resume: () => from<AnyStreamEvent[]>(whole), count: 1, delay: 0 }),
    ],
    ['shareMessage', shareMessage],
    ['textOnly', textOnly],
    ['thinkingOnly', thinkingOnly],
    ['toolUses', toolUses],
    ['toSse', () => toSse()],
  ];
  const places = whole.flatMap((event, at) => Object.keys(event).map((key) => [at, key] as const));
  const holes = fc.array(
    fc.tuple(fc.constantFrom(...places), fc.constantFrom('absent', null, 3, {})),
    {
      minLength: 1,
      maxLength: 3,
    },
  );

  it.each(operators)('end %s well or with a MessageStreamError', async (_, operator) => {
    await fc.assert(
      fc.asyncProperty(holes, async (all) => {
        const events = whole.map((event) => ({ ...event }) as Record<string, unknown>);
        for (const [[at, key], value] of all) {
          if (key === 'type') continue;
          if (value === 'absent') delete events[at]![key];
          else events[at]![key] = value;
        }
        const source = from(events as unknown as AnyStreamEvent[]);
        const error = await received(source.pipe(operator())).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        if (error !== undefined) expect(error).toBeInstanceOf(MessageStreamError);
      }),
      { numRuns: 60 },
    );
  });
});
