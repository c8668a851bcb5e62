import { EventEmitter } from 'node:events';
import { EventDecoder, MessageStreamError, type StreamEvent, Valve } from 'claude-rx';
import { type SseMessage, toMessageEvents } from 'claude-rx/nest';
import { messageEvents } from 'claude-rx/testing';
import { from, NEVER, of, Subject, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  type Continuation,
  continuation,
  continuationOf,
  withContinuation,
} from '../../../src/message/continuation.ts';
import { testScheduler } from '../../support/marbles.ts';
import { messageStart, outcomeOf, text } from '../../operators/events.ts';

const run = (test: Parameters<ReturnType<typeof testScheduler>['run']>[0]) => () =>
  testScheduler().run(test);

const events = { a: text(0, 'a'), b: text(0, 'b') };
const messages = {
  a: { type: 'content_block_delta', data: events.a },
  b: { type: 'content_block_delta', data: events.b },
  h: { comment: '' },
};

/** A response whose client takes what there is when it is told to. */
class FullResponse extends EventEmitter {
  writableNeedDrain = true;
}

/** What a reader makes of the messages, as Nest writes them. */
function read(written: readonly SseMessage[]): StreamEvent[] {
  const seen: StreamEvent[] = [];
  const decoder = new EventDecoder((event) => seen.push(event));
  const body = written.map(({ type, data }) => `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
  decoder.push(new TextEncoder().encode(body.join('')));
  return seen;
}

describe('toMessageEvents', () => {
  it(
    'makes a message of each event, and a comment after each silence',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('--a--b------------------|', events);
      const result = '     --a--b-------h-------h--|';
      expectObservable(source.pipe(toMessageEvents({ heartbeat: 8 }))).toBe(result, messages);
      expectSubscriptions(source.subscriptions).toBe('^-----------------------!');
    }),
  );

  it(
    'sends a comment every 15 seconds unless told otherwise, and none behind the end',
    run(({ cold, expectObservable }) => {
      const source = cold('40s |', events);
      expectObservable(source.pipe(toMessageEvents())).toBe('15s h 14999ms h 9999ms |', messages);
      expectObservable(source.pipe(toMessageEvents({ heartbeat: Infinity }))).toBe('40s |');
    }),
  );

  it(
    'unsubscribes the source, and leaves no timer, when it is unsubscribed',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('--a------', events);
      expectObservable(source.pipe(toMessageEvents({ heartbeat: 4 })), '^-----!').toBe(
        '--a----',
        messages,
      );
      expectSubscriptions(source.subscriptions).toBe('^-----!');
    }),
  );

  it('gives a reader the events, and how they join what it has', () => {
    const said: Continuation = { keep: 1, seam: { sent: 'Once' } };
    const [first, ...rest] = messageEvents.text('Hello world');
    const start = withContinuation(first!, { [continuation]: said });
    const seen = read(outcomeOf(from([start, ...rest]).pipe(toMessageEvents())).values);
    expect(seen).toEqual([start, ...rest]);
    expect(continuationOf(seen[0]!)).toEqual(said);
  });

  it('makes an error the last message, of which a reader makes the error again', () => {
    const error = new MessageStreamError('Slow down', {
      code: 'rate_limited',
      retryAfterMs: 2_000,
    });
    const { values, completed } = outcomeOf(
      throwError(() => error).pipe(toMessageEvents({ heartbeat: 5 })),
    );
    expect(completed).toBe(true);
    expect(values).toMatchObject([
      { type: 'error', data: { error: { message: 'There were too many requests.' } } },
    ]);
    expect(() => read(values)).toThrowError(
      expect.objectContaining({ code: 'rate_limited', retryable: true, retryAfterMs: 2_000 }),
    );
  });

  it('hands nothing on while the response is full, and makes the source wait', () => {
    const response = new FullResponse();
    const valve = new Valve({ highWaterMark: 2 });
    const source = new Subject<StreamEvent>();
    const given: SseMessage[] = [];
    const subscription = source
      .pipe(toMessageEvents({ response, valve }))
      .subscribe((message) => given.push(message));
    source.next(events.a);
    source.next(events.b);
    expect([given.length, valve.isOpen]).toEqual([0, false]);
    response.writableNeedDrain = false;
    response.emit('drain');
    expect(given).toEqual([messages.a, messages.b]);
    expect([valve.isOpen, valve.depth]).toEqual([true, 0]);
    source.next(messageStart());
    expect(given).toHaveLength(3);

    response.writableNeedDrain = true;
    source.next(events.a);
    expect([given.length, valve.depth]).toEqual([3, 1]);
    subscription.unsubscribe();
    expect([valve.depth, source.observed]).toEqual([0, false]);
    expect(['drain', 'close'].map((name) => response.listenerCount(name))).toEqual([0, 0]);
  });

  it('lets what waits go when the client has left', () => {
    const response = new FullResponse();
    const valve = new Valve({ highWaterMark: 1 });
    const given: SseMessage[] = [];
    of(events.a)
      .pipe(toMessageEvents({ response, valve }))
      .subscribe((message) => given.push(message));
    response.emit('close');
    expect([given.length, valve.depth]).toEqual([1, 0]);
  });

  it(
    'sends no comment to a response that is full',
    run(({ expectObservable }) => {
      const response = new FullResponse();
      const valve = new Valve();
      const result = NEVER.pipe(toMessageEvents({ response, valve, heartbeat: 3 }));
      expectObservable(result, '^--------!').toBe('----------');
    }),
  );

  it('refuses what is not valid, when it is called', () => {
    expect(() => toMessageEvents({ valve: new Valve() })).toThrow(
      /`response` and `valve` together/,
    );
    expect(() => toMessageEvents({ response: new FullResponse() })).toThrow(TypeError);
    for (const heartbeat of [0, -1, Number.NaN, '15' as never]) {
      expect(() => toMessageEvents({ heartbeat })).toThrow(
        /`heartbeat` must be milliseconds above 0/,
      );
    }
  });
});
