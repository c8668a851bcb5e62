import Anthropic from '@anthropic-ai/sdk';
import {
  continueFrom,
  type ContinuationStrategy,
  exponentialBackoff,
  MessageStreamError,
  type MessageStreamErrorInit,
  type StreamEvent,
} from 'claude-rx';
import { accumulateText } from 'claude-rx/operators/accumulateText';
import { finalMessage } from 'claude-rx/operators/finalMessage';
import { messageTimeout } from 'claude-rx/operators/messageTimeout';
import {
  type ResumeContext,
  retryResumable,
  type RetryContext,
  type RetryResumableConfig,
} from 'claude-rx/operators/retryResumable';
import { textOnly } from 'claude-rx/operators/textOnly';
import { messageEvents } from 'claude-rx/testing';
import fc from 'fast-check';
import {
  asyncScheduler,
  concat,
  defer,
  EMPTY,
  from,
  lastValueFrom,
  map,
  type MonoTypeOperatorFunction,
  NEVER,
  type Observable,
  of,
  Subject,
  take,
  tap,
  throwError,
  toArray,
  VirtualTimeScheduler,
} from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { withContinuation } from '../../src/message/continuation.ts';
import {
  type Beginning,
  ContinuingModel,
  seeded,
  trickyTexts,
} from '../support/continuingModel.ts';
import { drawn } from '../diagrams/drawn.ts';
import { testScheduler } from '../support/marbles.ts';
import { checkEvents, joinedBlocks } from '../support/splicedReply.ts';
import {
  callStart,
  citation,
  delta,
  json,
  messageDelta,
  messageStart,
  messageStop,
  outcomeOf,
  ping,
  raw,
  start,
  stop,
  synchronous,
  text,
  textStart,
  thinking,
  thinkingStart,
  usage,
} from './events.ts';
import { rounds } from '../support/rounds.ts';

const failed = (init: Partial<MessageStreamErrorInit> = {}): MessageStreamError =>
  new MessageStreamError('It broke', { code: 'connection', ...init });

const connection = failed();

const events = {
  m: messageStart(),
  // The start of another attempt.
  n: messageStart('msg_2'),
  '[': textStart(0),
  a: text(0, 'Once upon'),
  b: text(0, ' a time'),
  c: text(0, ' there was'),
  ']': stop(0),
  p: ping,
  x: messageDelta(),
  S: messageStop,
};

/** The rest of a reply whose text is open. */
const rest = [events.n, events['['], events.b, events[']'], events.x, events.S];

/** A seam; its usage is that of so many attempts, which have only begun. */
const seam = (attempt: number, { keep = 1, error = connection, begun = attempt } = {}) =>
  raw({
    type: 'resume',
    attempt,
    error,
    model: 'claude-opus-5-5',
    keep,
    usage: sumOf(Array.from({ length: begun }, () => usage(25, 1))),
  });

/** The message_delta at the end of so many attempts. */
const ending = (begun: number) => {
  const attempts = Array.from({ length: begun }, () => usage(25, 1));
  attempts.at(-1)!.output_tokens = 15;
  return raw({ ...messageDelta(), usage: sumOf(attempts) });
};

function sumOf(attempts: ReturnType<typeof usage>[]): object {
  const total = { ...attempts[0]! };
  for (const { input_tokens, output_tokens } of attempts.slice(1)) {
    total.input_tokens += input_tokens;
    total.output_tokens += output_tokens;
  }
  return { ...total, attempts };
}

const run = (test: Parameters<ReturnType<typeof testScheduler>['run']>[0]) => () =>
  testScheduler().run(test);

/** Without a wait, so that the marbles show one attempt right behind the other. */
const retry = (config: RetryResumableConfig<StreamEvent>) =>
  retryResumable<StreamEvent>({ delay: 0, ...config });

/** What comes, all at once, and then an error. */
const broken = (all: readonly StreamEvent[], error: unknown = connection) =>
  concat(
    from(all),
    throwError(() => error),
  );

const opening = [events.m, events['['], events.a];

describe('retryResumable', () => {
  it(
    'resumes a reply that broke',
    drawn(
      'retryResumable',
      run(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold('--m-[-a-b--#', events, connection);
        const resume = cold('           --n-[-c-]-x-S-----', events);
        const result = '     --m-[-a-b----r---c-]-X-(S|)';
        const values = { ...events, r: seam(2), X: ending(2) };
        expectObservable(source.pipe(retry({ resume: () => resume }))).toBe(result, values);
        expectSubscriptions(source.subscriptions).toBe('^----------!');
        expectSubscriptions(resume.subscriptions).toBe('-----------^-----------!');
      }),
      { title: 'retryResumable({ resume })', inputs: ['source', 'resume'] },
    ),
  );

  it(
    'passes on a reply that does not break, and unsubscribes at message_stop',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-m-[-a-p-b-]-x-S----', events);
      const result = '     -m-[-a-p-b-]-x-(S|)';
      const resume = () => expect.unreachable();
      expectObservable(source.pipe(retry({ resume }))).toBe(result, events);
      expectSubscriptions(source.subscriptions).toBe('^--------------!');
    }),
  );

  it('passes on the same event objects, also of unknown types', () => {
    const unknown = raw({ type: 'vibe_check', index: 7 });
    const all = [...opening, unknown, events.b, events[']'], events.x, events.S];
    const { values } = outcomeOf(from(all).pipe(retry({ resume: () => EMPTY })));
    values.forEach((event, index) => expect(event).toBe(all[index]));
    expect(values).toHaveLength(all.length);
  });

  it(
    'treats a completion before message_stop as a break',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-m-[-a-|', events);
      const resume = cold('       -n-[-b-]-x-S', events);
      const result = '     -m-[-a--r---b-]-X-(S|)';
      const message =
        'The stream ended before message_stop: the reply may be cut off; what arrived is in `partial`';
      const error = failed({ code: 'truncated' });
      error.message = message;
      const values = { ...events, r: seam(2, { error }), X: ending(2) };
      expectObservable(source.pipe(retry({ resume: () => resume }))).toBe(result, values);
      expectSubscriptions(source.subscriptions).toBe('^------!');
    }),
  );

  it(
    'resumes after a stall, with separate clocks for each attempt',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-m-[-a----------------', events);
      const resume = cold('             ---n-[---p-b-]-x-S', events);
      const result = '     -m-[-a----------r-----p-b-]-X-(S|)';
      const limited = messageTimeout<StreamEvent>({ liveness: 8 });
      const resumed = source.pipe(limited, retry({ resume: () => resume.pipe(limited) }));
      const error = failed({ code: 'timeout' });
      error.message =
        'The reply timed out: nothing arrived, not even a ping, for 8 ms (liveness); ' +
        'the last event was content_block_delta';
      const values = { ...events, r: seam(2, { error }), X: ending(2) };
      expectObservable(resumed).toBe(result, values);
      expectSubscriptions(source.subscriptions).toBe('^------------!');
      expectSubscriptions(resume.subscriptions).toBe('-------------^----------------!');
    }),
  );

  it(
    'passes pings on, also before the resume event',
    run(({ cold, expectObservable }) => {
      const source = cold('pm-p-[-a-#', events, connection);
      const resume = cold('         p-n-p-[-p-b-]-x-S', events);
      const result = '     pm-p-[-a-p-r-p---p-b-]-X-(S|)';
      const values = { ...events, r: seam(2), X: ending(2) };
      expectObservable(source.pipe(retry({ resume: () => resume }))).toBe(result, values);
    }),
  );

  it(
    'starts with the first attempt that has a message_start',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('---#', events, connection);
      const resume = cold('   -m-[-a-]-x-S', events);
      const result = '     ----m-[-a-]-x-(S|)';
      const partials: unknown[] = [];
      const resumed = source.pipe(
        retry({ resume: ({ partial }) => (partials.push(partial), resume) }),
        tap({ complete: () => expect(partials).toEqual([undefined]) }),
      );
      expectObservable(resumed).toBe(result, events);
      expectSubscriptions(resume.subscriptions).toBe('---^----------!');
    }),
  );

  it(
    'completes a reply that lacks only message_stop, without a request',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const lost = cold('-m-[-a-]-x-#', events, connection);
      const cut = cold(' -m-[-a-]-x-|', events);
      const result = '   -m-[-a-]-x-(S|)';
      const resume = () => expect.unreachable();
      for (const source of [lost, cut]) {
        expectObservable(source.pipe(retry({ resume, count: 0 }))).toBe(result, events);
        expectSubscriptions(source.subscriptions).toBe('^----------!');
      }
    }),
  );

  it(
    'completes such a reply in a later attempt, too, and a block that was left open',
    run(({ cold, expectObservable }) => {
      const source = cold('-m-[-a-#', events, connection);
      const resume = cold('       -n-[-b-x----#', events, connection);
      const result = '     -m-[-a--r---b-(]X)-(S|)';
      const values = { ...events, r: seam(2), X: ending(2) };
      expectObservable(source.pipe(retry({ resume: () => resume, count: 1 }))).toBe(result, values);
    }),
  );

  it(
    'cleans up when unsubscribed in an attempt',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-m-[-a-#', events, connection);
      const resume = cold('       -n-[-b--------', events);
      const leave = '      --------------!';
      const result = '     -m-[-a--r---b--';
      const values = { ...events, r: seam(2) };
      expectObservable(source.pipe(retry({ resume: () => resume })), leave).toBe(result, values);
      expectSubscriptions(source.subscriptions).toBe('^------!');
      expectSubscriptions(resume.subscriptions).toBe('-------^------!');
    }),
  );

  it(
    'cleans up when unsubscribed while it waits',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-m-[-a-#', events, connection);
      const resume = cold('             -n-[-b-', events);
      const leave = '      ----------!';
      const result = '     -m-[-a-----';
      const resumed = source.pipe(retry({ resume: () => resume, delay: 6 }));
      expectObservable(resumed, leave).toBe(result, events);
      expectSubscriptions(source.subscriptions).toBe('^------!');
      expectSubscriptions(resume.subscriptions).toBe([]);
    }),
  );

  it('leaves no timer when unsubscribed while it waits', () => {
    const scheduler = new VirtualTimeScheduler();
    const resume = vi.fn(() => EMPTY);
    const subscription = broken(opening)
      .pipe(retry({ resume, delay: 1_000, scheduler }))
      .subscribe();
    expect(scheduler.actions).toHaveLength(1);
    subscription.unsubscribe();
    scheduler.flush();
    expect(scheduler.frame).toBe(0);
    expect(resume).not.toHaveBeenCalled();
  });

  it(
    'has separate state for each subscription',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-m-[-a-#', events, connection);
      const resume = cold('       -n-[-b-]-x-S', events);
      const result = '     -m-[-a--r---b-]-X-(S|)';
      const values = { ...events, r: seam(2), X: ending(2) };
      const resumed = source.pipe(retry({ resume: () => resume, count: 1 }));
      expectObservable(resumed).toBe(result, values);
      expectObservable(resumed).toBe(result, values);
      expectSubscriptions(source.subscriptions).toBe(['^------!', '^------!']);
    }),
  );
});

/** What comes in virtual time, with the contexts of `resume` and `onRetry`. */
function outcomeWith(
  source: Observable<StreamEvent>,
  config: Partial<RetryResumableConfig<StreamEvent>>,
) {
  const { scheduler = new VirtualTimeScheduler() } = config as {
    scheduler?: VirtualTimeScheduler;
  };
  const resumes: { at: number; context: ResumeContext<StreamEvent> }[] = [];
  const retries: { at: number; context: RetryContext<StreamEvent> }[] = [];
  const result = source.pipe(
    retry({
      scheduler,
      onRetry: (context) => retries.push({ at: scheduler.now(), context }),
      ...config,
      resume: (context) => {
        resumes.push({ at: scheduler.now(), context });
        return config.resume!(context);
      },
    }),
  );
  const outcome = { values: [] as StreamEvent[], completed: false, error: undefined as unknown };
  result.subscribe({
    next: (event) => outcome.values.push(event),
    complete: () => (outcome.completed = true),
    error: (error: unknown) => (outcome.error = error),
  });
  scheduler.flush();
  const times = resumes.map(({ at }) => at);
  const types = outcome.values.map(({ type }) => type);
  return { ...outcome, types, times, resumes, retries, textSoFar: textOf(outcome.values) };
}

function textOf(all: readonly StreamEvent[]): string {
  return outcomeOf(from(all).pipe(textOnly())).values.join('');
}

const messageOf = (all: readonly StreamEvent[]) =>
  outcomeOf(from(all).pipe(finalMessage())).values[0]!;

describe('retryResumable and its waits', () => {
  it(
    'waits for the given delay',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-m-[-a-#', events, connection);
      const resume = cold('            -n-[-b-]-x-S', events);
      const result = '     -m-[-a-------r---b-]-X-(S|)';
      const values = { ...events, r: seam(2), X: ending(2) };
      const resumed = source.pipe(retry({ resume: () => resume, delay: 5 }));
      expectObservable(resumed).toBe(result, values);
      expectSubscriptions(resume.subscriptions).toBe('------------^----------!');
    }),
  );

  it('calls a delay function with the error and the number of the retry', () => {
    const errors = [1, 2, 3].map((number) => failed({ requestId: `req_${number}` }));
    const delay = vi.fn((_: MessageStreamError, number: number) => 100 * number);
    let attempt = 0;
    const { times } = outcomeWith(broken(opening, errors[0]), {
      resume: () => broken([], errors[++attempt]),
      count: 2,
      delay,
    });
    expect(times).toEqual([100, 300]);
    expect(delay.mock.calls).toEqual([
      [errors[0], 1],
      [errors[1], 2],
    ]);
  });

  it('takes exponentialBackoff as delay', () => {
    const { times } = outcomeWith(broken(opening), {
      resume: () => broken([]),
      count: 4,
      delay: exponentialBackoff({ initial: 100, max: 300, jitter: 0 }),
    });
    expect(times).toEqual([100, 300, 600, 900]);
  });

  it('waits as long as the server asked, whether that is longer or shorter', () => {
    const { times, retries } = outcomeWith(broken(opening, failed({ retryAfterMs: 700 })), {
      resume: () => broken([], failed({ retryAfterMs: 0 })),
      count: 2,
      delay: 500,
    });
    expect(times).toEqual([700, 700]);
    expect(retries.map(({ context }) => context.delay)).toEqual([700, 0]);
  });

  it('does not with ignoreRetryAfter', () => {
    const { times } = outcomeWith(broken(opening, failed({ retryAfterMs: 700 })), {
      resume: () => from(rest),
      delay: 500,
      ignoreRetryAfter: true,
    });
    expect(times).toEqual([500]);
  });

  it('waits a short and random time by default, and longer after each failure', () => {
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const retries: number[] = [];
    const { times } = outcomeWith(broken(opening), {
      resume: () => broken([]),
      delay: undefined as never,
      onRetry: ({ delay }) => retries.push(delay),
    });
    expect(retries).toEqual([175, 350, 700]);
    expect(times).toHaveLength(3);
    random.mockRestore();
  });

  it('does not retry synchronously, also with delay 0', () => {
    const schedule = vi.spyOn(asyncScheduler, 'schedule');
    const resume = vi.fn(() => NEVER);
    const subscription = broken(opening).pipe(retry({ resume })).subscribe();
    expect(schedule.mock.calls.map(([, delay]) => delay)).toEqual([0]);
    expect(resume).not.toHaveBeenCalled();
    subscription.unsubscribe();
    schedule.mockRestore();
  });

  it('does not treat a delay that is too long for a timer as 0', () => {
    for (const delay of [Infinity, 2 ** 31]) {
      const { times } = outcomeWith(broken(opening), { resume: () => from(rest), delay });
      expect(times).toEqual([2 ** 31 - 1]);
    }
  });

  it('calls onRetry before each wait with the error, the partial message and the delay', () => {
    const errors = [failed({ requestId: 'req_1' }), failed({ code: 'overloaded' })];
    const { resumes, retries } = outcomeWith(broken([...opening, events.b], errors[0]), {
      resume: ({ attempt }) =>
        attempt === 2 ? broken([events.n, events['['], events.c], errors[1]) : from(rest),
      delay: (_, number) => number * 10,
    });
    expect(retries).toEqual([
      {
        at: 0,
        context: {
          attempt: 2,
          error: errors[0],
          delay: 10,
          partial: expect.objectContaining({
            id: 'msg_1',
            content: [{ type: 'text', text: 'Once upon a time', citations: null }],
          }),
        },
      },
      {
        at: 10,
        context: {
          attempt: 3,
          error: errors[1],
          delay: 20,
          partial: expect.objectContaining({
            id: 'msg_1',
            content: [{ type: 'text', text: 'Once upon a time there was', citations: null }],
          }),
        },
      },
    ]);
    const asked = retries.map(({ context: { delay: _, ...context } }) => context);
    expect(resumes.map(({ context }) => context)).toEqual(asked);
    expect(retries[1]!.context.error).toBe(errors[1]);
  });
});

describe('retryResumable and its count', () => {
  const pieces = [' a', ' b', ' c', ' d', ' e', ' f'];
  /** Brings one piece and breaks; the last one is whole. */
  const inPieces =
    (all: readonly string[]) =>
    ({ attempt }: ResumeContext<StreamEvent>) => {
      const piece = text(0, all[attempt - 2] ?? ' never');
      const isLast = attempt - 1 === all.length;
      const whole = [events.n, events['['], piece, events[']'], events.x, events.S];
      return isLast ? from(whole) : broken(whole.slice(0, 3), failed({ requestId: `${attempt}` }));
    };

  it('resumes a reply three times', () => {
    const { completed, textSoFar } = outcomeWith(broken(opening), {
      resume: inPieces(pieces.slice(0, 3)),
    });
    expect(completed).toBe(true);
    expect(textSoFar).toBe('Once upon a b c');
  });

  it('then errors with the last error, the partial message and the number of attempts', () => {
    const { error, resumes, textSoFar } = outcomeWith(broken(opening), {
      resume: inPieces(pieces),
    });
    expect(resumes).toHaveLength(3);
    expect(error).toBeInstanceOf(MessageStreamError);
    expect(error).toMatchObject({
      code: 'connection',
      requestId: '4',
      attempts: 4,
      partial: {
        id: 'msg_1',
        content: [{ type: 'text', text: 'Once upon a b c' }],
        stop_reason: null,
        usage: { input_tokens: 100, output_tokens: 4, attempts: { length: 4 } },
      },
    });
    expect(textSoFar).toBe('Once upon a b c');
  });

  it('retries `count` times, and never with 0', () => {
    for (const [count, attempts] of [
      [0, 0],
      [1, 1],
      [5, 5],
      [Infinity, 6],
    ] as const) {
      const { resumes, completed } = outcomeWith(broken(opening), {
        resume: inPieces(pieces),
        count,
      });
      expect(resumes).toHaveLength(attempts);
      expect(completed).toBe(count === Infinity);
    }
  });

  it('resets the count after progress with resetOnProgress', () => {
    const config = { resume: inPieces(pieces), count: 1 };
    expect(outcomeWith(broken(opening), config).completed).toBe(false);
    const { completed, textSoFar } = outcomeWith(broken(opening), {
      ...config,
      resetOnProgress: true,
    });
    expect(completed).toBe(true);
    expect(textSoFar).toBe(`Once upon${pieces.join('')}`);
  });

  it('does not count withdrawn or repeated text as progress', () => {
    const thoughts = [events.n, thinkingStart(0), thinking(0, 'Let me'), thinking(0, ' think')];
    const same = [events.n, events['['], text(0, 'Once upon')];
    for (const all of [thoughts, same, [events.n], []]) {
      const { resumes } = outcomeWith(broken(all.length === 3 ? same : opening), {
        resume: () => broken(all),
        count: 2,
        resetOnProgress: true,
      });
      expect(resumes.length).toBeLessThanOrEqual(3);
    }
  });

  it('counts an attempt without events', () => {
    const overloaded = failed({ code: 'overloaded', status: 529 });
    const { error, resumes, types } = outcomeWith(broken(opening), {
      resume: () => broken([], overloaded),
      count: 2,
    });
    expect(resumes.map(({ context }) => context.attempt)).toEqual([2, 3]);
    expect(error).toMatchObject({ code: 'overloaded', status: 529, attempts: 3 });
    expect(types).toEqual(['message_start', 'content_block_start', 'content_block_delta']);
  });

  it('counts an attempt whose `resume` throws the error of a stream', () => {
    const { resumes, completed, values } = outcomeWith(broken(opening), {
      resume: ({ attempt }) => {
        if (attempt === 2) throw failed({ code: 'timeout' });
        return from(rest);
      },
      count: 2,
    });
    expect(resumes).toHaveLength(2);
    expect(completed).toBe(true);
    // The second attempt gave nothing, and so there is one seam.
    const seams = values.filter(({ type }) => type === 'resume');
    expect(seams).toEqual([seam(3, { error: failed({ code: 'timeout' }), begun: 2 })]);
  });
});

describe('retryResumable and errors that are not retryable', () => {
  it.each(['request', 'protocol', 'invalid_json', 'refusal', 'aborted', 'unknown'] as const)(
    'passes %s on as the same object',
    (code) => {
      const partial = messageOf([...opening, events[']'], events.x, events.S]);
      const error = failed({ code, partial });
      const outcome = outcomeWith(broken(opening, error), { resume: () => from(rest) });
      expect(outcome.error).toBe(error);
      expect(outcome.resumes).toHaveLength(0);
    },
  );

  it.each([
    [400, 'invalid_request_error'],
    [401, 'authentication_error'],
  ])("passes the SDK's error for %d on as a source does", (status, type) => {
    const cause = new Anthropic.APIError(
      status,
      { type: 'error', error: { type, message: 'No' } },
      'No',
      new Headers({ 'request-id': 'req_1' }),
    );
    const { error, resumes } = outcomeWith(
      throwError(() => cause),
      { resume: () => from(rest) },
    );
    expect(error).toMatchObject({ code: 'request', status, requestId: 'req_1', retryable: false });
    expect((error as Error).cause).toBe(cause);
    expect(resumes).toHaveLength(0);
  });

  it('passes on a refusal, which is a regular ending', () => {
    const refusal = messageEvents.text('I can').with({ stopReason: 'refusal' });
    const { completed, types, resumes } = outcomeWith(from(refusal), { resume: () => EMPTY });
    expect(completed).toBe(true);
    expect(types.at(-1)).toBe('message_stop');
    expect(resumes).toHaveLength(0);
  });

  it('adds the partial message to the error of a later attempt', () => {
    const { error, textSoFar } = outcomeWith(broken(opening), {
      resume: () => broken([events.n, events['['], events.b], failed({ code: 'request' })),
    });
    expect(error).toMatchObject({
      code: 'request',
      attempts: 2,
      partial: { content: [{ text: 'Once upon a time' }] },
    });
    expect(textSoFar).toBe('Once upon a time');
  });

  it('adds the partial message to an error without `partial`', () => {
    const { error } = outcomeWith(broken(opening, failed({ code: 'request' })), {
      resume: () => EMPTY,
    });
    expect(error).toMatchObject({ partial: { content: [{ text: 'Once upon' }] } });
    expect(error).not.toHaveProperty('attempts');
  });

  it('knows the errors of the platform and of the SDK', () => {
    const reset = Object.assign(new TypeError('terminated'), {
      cause: Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }),
    });
    const overloaded = new Anthropic.APIError(
      undefined,
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
      undefined,
      new Headers(),
    );
    for (const [error, code] of [
      [reset, 'connection'],
      [overloaded, 'overloaded'],
    ] as const) {
      const { completed, resumes } = outcomeWith(broken(opening, error), {
        resume: () => from(rest),
      });
      expect(completed).toBe(true);
      expect(resumes[0]!.context.error).toMatchObject({ code, cause: error });
    }
  });

  it('calls `retryable`, if given, for every error', () => {
    const asked: string[] = [];
    const config = {
      retryable: ({ code }: MessageStreamError) => (asked.push(code), code === 'request'),
      resume: () => from(rest),
    };
    expect(outcomeWith(broken(opening), config).completed).toBe(false);
    const refused = broken(opening, failed({ code: 'request' }));
    expect(outcomeWith(refused, config).completed).toBe(true);
    const mine = new RangeError('mine');
    expect(outcomeWith(broken(opening, mine), config).error).toBe(mine);
    expect(asked).toEqual(['connection', 'request', 'unknown']);
  });

  describe('because they are mistakes', () => {
    const mistake = new TypeError("Cannot read properties of undefined (reading 'id')");
    const throwing = () => {
      throw mistake;
    };

    it.each<[string, Observable<StreamEvent>, Partial<RetryResumableConfig<StreamEvent>>]>([
      ['an operator before it', from(opening).pipe(map(throwing)), { resume: () => EMPTY }],
      ['`resume`', broken(opening), { resume: throwing }],
      ['what `resume` gives', broken(opening), { resume: () => from(rest).pipe(map(throwing)) }],
      ['`delay`', broken(opening), { resume: () => EMPTY, delay: throwing }],
      ['`retryable`', broken(opening), { resume: () => EMPTY, retryable: throwing }],
      ['`onRetry`', broken(opening), { resume: () => EMPTY, onRetry: throwing }],
    ])('in %s: the very same error', (_, source, config) => {
      const { error, resumes } = outcomeWith(source, config);
      expect(error).toBe(mistake);
      expect(resumes.length).toBeLessThanOrEqual(1);
    });

    it('in `resume`, which returns nothing', () => {
      const { error } = outcomeWith(broken(opening), { resume: (() => {}) as never });
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).toMatch(/^You provided 'undefined' where a stream/);
    });

    it(
      'behind it: that error is not caught, and the source is let go',
      run(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold('-m-[-a-b-', events);
        const result = '     -m-[-#';
        const resume = () => expect.unreachable();
        const mapped = source.pipe(
          retry({ resume }),
          map((event) => (event === events.a ? throwing() : event)),
        );
        expectObservable(mapped).toBe(result, events, mistake);
        expectSubscriptions(source.subscriptions).toBe('^----!');
      }),
    );

    it('behind it in a later attempt, as well', () => {
      const resume = vi.fn(() => from(rest));
      const scheduler = new VirtualTimeScheduler();
      let caught: unknown;
      broken(opening)
        .pipe(
          retry({ resume, scheduler }),
          map((event) => (event.type === 'resume' ? throwing() : event)),
        )
        .subscribe({ error: (error: unknown) => (caught = error) });
      scheduler.flush();
      expect(caught).toBe(mistake);
      expect(resume).toHaveBeenCalledTimes(1);
    });
  });
});

describe('retryResumable with a source that does not wait', () => {
  it.each([1, 2, 3, 5, 6])('reads no more than the %d events that are taken', (count) => {
    const all = [...opening, events.b, events[']'], events.x, events.S];
    const { source, taken } = synchronous(all);
    source.pipe(retry({ resume: () => EMPTY }), take(count)).subscribe();
    expect(taken()).toBe(count);
  });

  it('reads no more from a continuation, either', () => {
    const scheduler = new VirtualTimeScheduler();
    const { source, taken } = synchronous(rest);
    const seen: string[] = [];
    broken(opening)
      .pipe(retry({ resume: () => source, scheduler }), take(5))
      .subscribe(({ type }) => seen.push(type));
    scheduler.flush();
    expect(seen.slice(3)).toEqual(['resume', 'content_block_delta']);
    // message_start, which is the seam, the start of the block, which is open, and the delta.
    expect(taken()).toBe(3);
  });

  it('reads nothing after message_stop', () => {
    const { source, taken } = synchronous([...opening, events[']'], events.x, events.S, events.m]);
    source.pipe(retry({ resume: () => EMPTY })).subscribe();
    expect(taken()).toBe(6);
  });

  it('works when an event causes message_stop', () => {
    const source = new Subject<StreamEvent>();
    const seen: string[] = [];
    source.pipe(retry({ resume: () => EMPTY })).subscribe({
      next: ({ type }) => {
        seen.push(type);
        if (type === 'message_start') source.next(events.S);
      },
      complete: () => seen.push('end'),
    });
    source.next(events.m);
    expect(seen).toEqual(['message_start', 'message_stop', 'end']);
  });

  it('takes any ObservableInput from `resume`', async () => {
    async function* generated() {
      yield* rest;
    }
    for (const resume of [() => rest, generated]) {
      const all = await lastValueFrom(broken(opening).pipe(retry({ resume }), toArray()));
      expect(textOf(all)).toBe('Once upon a time');
      checkEvents(all);
    }
  });

  it('does not grow the call stack, however often it breaks', () => {
    const { resumes, completed } = outcomeWith(broken(opening), {
      resume: ({ attempt }) => (attempt <= 2_000 ? broken([]) : from(rest)),
      count: Infinity,
    });
    expect(resumes).toHaveLength(2_000);
    expect(completed).toBe(true);
  });
});

/** The parameters of a request, and that of the continuation that has them. */
const params = {
  model: 'claude-opus-5-5',
  max_tokens: 1_000,
  messages: [{ role: 'user' as const, content: 'Tell me a story' }],
};

/** What answers a request of `continueFrom`, as `fromMessages` would give it. */
function answering(request: object, all: readonly StreamEvent[]): StreamEvent[] {
  const events = all.map((event) =>
    event.type === 'message_start' ? { ...event, message: { ...event.message } } : event,
  );
  return events.map((event) => withContinuation(event, request));
}

/** The reply that attempts make, each of which breaks but the last. */
function spliced(attempts: readonly (readonly StreamEvent[])[], strategy?: ContinuationStrategy) {
  const at = (attempt: number, all: readonly StreamEvent[]) =>
    attempt < attempts.length ? broken(all) : from(all);
  const outcome = outcomeWith(at(1, attempts[0]!), {
    count: attempts.length - 1,
    resume: ({ partial, attempt }) => {
      const request = continueFrom(params, partial, { strategy });
      return at(attempt, answering(request, attempts[attempt - 1]!));
    },
  });
  if (outcome.error) throw outcome.error as Error;
  checkEvents(outcome.values);
  const seams = outcome.values.flatMap((event) => (event.type === 'resume' ? event.keep : []));
  return { ...outcome, seams, message: messageOf(outcome.values) };
}

const textBlock = (value: string) => ({ type: 'text', text: value, citations: null });
const thoughtBlock = (value: string) => ({ type: 'thinking', thinking: value, signature: 'sig' });
const thought = (index: number, value: string) => [
  thinkingStart(index),
  thinking(index, value),
  delta(index, { type: 'signature_delta', signature: 'sig' }),
  stop(index),
];
const said = (index: number, ...pieces: string[]) => [
  textStart(index),
  ...pieces.map((piece) => text(index, piece)),
  stop(index),
];
const opened = (index: number, ...pieces: string[]) => said(index, ...pieces).slice(0, -1);
const last = [events.x, events.S];

describe('retryResumable and the blocks of a reply', () => {
  it('withdraws the thinking and the calls after the text', () => {
    const story = said(0, 'Once upon a time');
    const { seams, message, textSoFar } = spliced([
      [events.m, ...story, ...thought(1, 'Which city'), callStart(2), json(2, '{"city": "Par')],
      [events.n, ...thought(0, 'Which city?'), callStart(1), json(1, '{"city": "Paris"}'), stop(1)],
      [events.n, ...thought(0, 'Rome'), ...said(1, ', the end'), ...last],
    ]);
    expect(seams).toEqual([1, 1]);
    expect(message.content).toEqual([
      textBlock('Once upon a time'),
      thoughtBlock('Rome'),
      textBlock(', the end'),
    ]);
    expect(textSoFar).toBe('Once upon a time, the end');
  });

  it('starts over if there was no text', () => {
    const { seams, message } = spliced([
      [events.m, ...thought(0, 'Hm')],
      [events.n, ...thought(0, 'Well'), textStart(1)],
      [events.n, ...thought(0, 'Ah'), ...said(1, 'Once'), ...last],
    ]);
    expect(seams).toEqual([0, 0]);
    expect(message.content).toEqual([thoughtBlock('Ah'), textBlock('Once')]);
  });

  it('keeps everything before the text', () => {
    const call = [callStart(1), json(1, '{"city": "Paris"}'), stop(1)];
    const { seams, message } = spliced([
      [events.m, ...thought(0, 'Hm'), ...call, ...opened(2, 'Once upon')],
      [events.n, ...said(0, ' a time'), ...last],
    ]);
    expect(seams).toEqual([3]);
    expect(message.content).toEqual([
      thoughtBlock('Hm'),
      expect.objectContaining({ type: 'tool_use', input: { city: 'Paris' } }),
      textBlock('Once upon a time'),
    ]);
  });

  it('ends with tool_use if a call is kept, also if the continuation ends with end_turn', () => {
    const call = [callStart(1), json(1, '{"city": "Paris"}'), stop(1)];
    const begun = [events.m, ...said(0, 'I look'), ...call, ...opened(2, 'It takes')];
    const endingWith = (reason: string, first = begun) =>
      spliced([first, [events.n, ...said(0, ' a time'), messageDelta(reason), events.S]]).message
        .stop_reason;
    expect(endingWith('end_turn')).toBe('tool_use');
    expect(endingWith('max_tokens')).toBe('max_tokens');
    expect(endingWith('end_turn', [events.m, ...opened(0, 'Once upon')])).toBe('end_turn');
    // The call is withdrawn with the thinking after the text.
    expect(endingWith('end_turn', [...begun.slice(0, 4), ...call])).toBe('end_turn');
  });

  it('continues an open block, and begins another if the block had ended', () => {
    const rest = [events.n, ...said(0, ' a time'), ...last];
    const open = spliced([[events.m, ...opened(0, 'Once upon')], rest]);
    expect(open.message.content).toEqual([textBlock('Once upon a time')]);
    const ended = spliced([[events.m, ...said(0, 'Once upon')], rest]);
    expect(ended.message.content).toEqual([textBlock('Once upon'), textBlock(' a time')]);
  });

  it('begins no block for a text that only repeats', () => {
    const repeat = said(0, 'upon a time', ' there was');
    const { message, values } = spliced([
      [events.m, ...said(0, 'Once upon a time there was')],
      [events.n, ...repeat, callStart(1), json(1, '{}'), stop(1), ...last],
    ]);
    expect(message.content).toHaveLength(2);
    expect(values.filter(({ type }) => type === 'content_block_start')).toHaveLength(2);
  });

  it('continues after thinking in another block', () => {
    const { message, textSoFar } = spliced([
      [events.m, ...opened(0, 'Once upon a time')],
      [events.n, ...thought(0, 'Go on'), ...said(1, 'ce upon a time there', ' was'), ...last],
    ]);
    expect(message.content).toEqual([
      textBlock('Once upon a time'),
      thoughtBlock('Go on'),
      textBlock(' there was'),
    ]);
    expect(textSoFar).toBe('Once upon a time there was');
  });

  it('treats a text after a call as new text', () => {
    const call = [callStart(0), json(0, '{}'), stop(0)];
    const { message } = spliced([
      [events.m, ...opened(0, 'Once upon a time')],
      [events.n, ...call, ...said(1, 'Once upon a time'), ...last],
    ]);
    expect(message.content).toEqual([
      textBlock('Once upon a time'),
      expect.objectContaining({ type: 'tool_use' }),
      textBlock('Once upon a time'),
    ]);
  });

  it('does not put text into thinking whose end is missing', () => {
    const { message } = spliced([
      [events.m, ...opened(0, 'Once upon')],
      [events.n, ...thought(0, 'Hm').slice(0, -1), ...said(1, ' a time'), ...last],
    ]);
    expect(message.content).toEqual([
      textBlock('Once upon'),
      thoughtBlock('Hm'),
      textBlock(' a time'),
    ]);
  });

  it('numbers the blocks without gaps, and adds stops that are missing', () => {
    const { values, message } = spliced([
      [events.m, textStart(0), text(0, 'Once'), textStart(3), text(3, ' upon'), ...said(3, ' a')],
      [events.n, ...opened(2, ' time'), ...said(5, ' there'), ...last],
    ]);
    expect(message.content.map((block) => 'text' in block && block.text)).toEqual([
      'Once',
      ' upon',
      ' a',
      ' time',
      ' there',
    ]);
    expect(values.filter(({ type }) => type === 'content_block_stop')).toHaveLength(5);
  });

  it('joins a text whose start is missing', () => {
    const { message } = spliced([
      [events.m, ...opened(0, 'Once upon a time')],
      [events.n, text(0, 'ce upon a time '), text(0, 'there was'), stop(0), ...last],
    ]);
    expect(message.content).toEqual([textBlock('Once upon a time there was')]);
  });

  it('emits one message_start, also if a proxy repeats it', () => {
    const { values } = spliced([
      [events.m, events.m, ...opened(0, 'Once')],
      [events.n, events.n, ...said(0, ' upon'), ...last],
    ]);
    expect(values.filter(({ type }) => type === 'message_start')).toEqual([events.m]);
  });

  it('passes on unknown events, and does not treat them as the start of an attempt', () => {
    const unknown = raw({ type: 'vibe_check' });
    const { values } = spliced([
      [events.m, ...opened(0, 'Once'), unknown],
      [unknown, events.n, unknown, ...said(0, ' upon'), unknown, ...last],
    ]);
    expect(values.map(({ type }) => type)).toEqual([
      'message_start',
      'content_block_start',
      'content_block_delta',
      'vibe_check',
      'vibe_check',
      'resume',
      'vibe_check',
      'content_block_delta',
      'content_block_stop',
      'vibe_check',
      'message_delta',
      'message_stop',
    ]);
  });

  it('keeps the order of unknown deltas and citations', () => {
    const cited = delta(0, { type: 'citations_delta', citation: citation('Grimm') });
    const odd = delta(0, { type: 'vibe_delta', text: 'odd' });
    const { values, message } = spliced([
      [events.m, ...opened(0, 'Once')],
      [events.n, textStart(0), cited, odd, text(0, ' upon'), stop(0), ...last],
    ]);
    expect(values).toContain(cited);
    expect(values).toContain(odd);
    expect(message.content).toMatchObject([{ text: 'Once upon', citations: [citation('Grimm')] }]);
  });

  it('ends at a message_stop without message_start, as sources do', () => {
    const { completed, resumes } = outcomeWith(of(events.S), { resume: () => EMPTY });
    expect(completed).toBe(true);
    expect(resumes).toHaveLength(0);
  });
});

describe('retryResumable and the seam', () => {
  it('drops repeated text, however it is cut', () => {
    for (const pieces of [
      ['a time there was'],
      ['a ti', 'me th', 'ere', ' was a k'],
      [...'a time there was'],
    ]) {
      const { textSoFar } = spliced([
        [events.m, ...opened(0, 'Once upon a time there')],
        [events.n, ...said(0, ...pieces, 'ing'), ...last],
      ]);
      expect(textSoFar).toBe(`Once upon a time there${pieces.join('').slice(12)}ing`);
    }
  });

  it('drops a repeat that begins in a block before the last', () => {
    const { textSoFar } = spliced([
      [events.m, ...said(0, 'Once upon a time'), ...thought(1, 'Hm'), ...opened(2, ' th')],
      [events.n, ...said(0, 'upon a time th', 'ere was'), ...last],
    ]);
    expect(textSoFar).toBe('Once upon a time there was');
  });

  it('drops what it held back when that attempt breaks', () => {
    const { textSoFar, message } = spliced([
      [events.m, ...said(0, 'Once upon a time there')],
      [events.n, ...opened(0, 'upon a', ' time')],
      [events.n, ...said(0, 'upon a time there', ' was'), ...last],
    ]);
    expect(textSoFar).toBe('Once upon a time there was');
    expect(message.content).toEqual([textBlock('Once upon a time there'), textBlock(' was')]);
  });

  it('does not double the white space that was not sent', () => {
    const { textSoFar } = spliced([
      [events.m, ...opened(0, 'Once upon', ' \n')],
      [events.n, ...opened(0, ' ', '\n')],
      [events.n, ...opened(0, ' \n\n')],
      [events.n, ...said(0, ' \n\na time'), ...last],
    ]);
    expect(textSoFar).toBe('Once upon \n\na time');
  });

  it('starts over with the strategy `restart`, which withdraws the text', () => {
    const { seams, message, values } = spliced(
      [
        [events.m, ...opened(0, 'Once upon')],
        [events.n, ...said(0, 'Long ago'), ...last],
      ],
      'restart',
    );
    expect(seams).toEqual([0]);
    expect(message.content).toEqual([textBlock('Long ago')]);
    expect(outcomeOf(from(values).pipe(accumulateText())).values).toEqual([
      'Once upon',
      '',
      'Long ago',
    ]);
  });

  it('knows how to join also behind an operator that copies the events', () => {
    const whole = [events.n, ...said(0, 'Long ago'), ...last];
    const { values } = outcomeWith(broken([events.m, ...opened(0, 'Once upon a time')]), {
      resume: ({ partial }) => {
        const request = continueFrom(params, partial, { strategy: 'restart' });
        return from(answering(request, whole)).pipe(map((event) => ({ ...event })));
      },
    });
    expect(messageOf(values).content).toEqual([textBlock('Long ago')]);
  });

  it('decides by the model if the request is unknown', () => {
    const old = raw({
      type: 'message_start',
      message: { ...messageOf([events.m, events.S]), model: 'claude-sonnet-4-5' },
    });
    const repeat = [events.n, ...said(0, 'ce upon a time there was'), ...last];
    for (const [first, expected] of [
      [events.m, 'Once upon a time there was'],
      [old, 'Once upon a timece upon a time there was'],
    ] as const) {
      const { textSoFar } = outcomeWith(broken([first, ...opened(0, 'Once upon a time')]), {
        resume: () => from(repeat),
      });
      expect(textSoFar).toBe(expected);
    }
  });
});

describe('retryResumable and white space at the beginning of a text', () => {
  it(
    'holds it back until more text arrives, so that it need not be withdrawn',
    run(({ cold, expectObservable }) => {
      const values = { ...events, s: text(0, '\n'), t: text(0, ' \n'), r: seam(2, { keep: 0 }) };
      const source = cold('-m-[-s-t-a-s-]-x-S', values);
      const result = '     -m-[-----(sta)-x-S'.replace('(sta)-x-S', '(sta)');
      expectObservable(source.pipe(retry({ resume: () => EMPTY }), take(5))).toBe(
        result.replace('(sta)', '(sta|)'),
        values,
      );
    }),
  );

  it('emits it at the end of the block, and before an error', () => {
    const blank = [textStart(0), text(0, '\n'), text(0, ' ')];
    const whole = [events.m, ...blank, events[']'], ...last];
    expect(outcomeWith(from(whole), { resume: () => EMPTY }).values).toEqual(whole);
    const cut = [events.m, ...blank];
    const { values, error } = outcomeWith(broken(cut, failed({ code: 'request' })), {
      resume: () => EMPTY,
    });
    expect(values).toEqual(cut);
    expect(error).toMatchObject({ partial: { content: [{ text: '\n ' }] } });
  });

  it('cannot continue a block of white space only, so the text before it is doubled', () => {
    const { message, textSoFar } = spliced([
      [events.m, ...said(0, 'Once'), ...thought(1, 'Hm'), ...said(2, '\n'), ...thought(3, 'So')],
      [
        events.n,
        ...thought(0, 'Hm'),
        ...said(1, '\n'),
        ...thought(2, 'So'),
        ...said(3, ' it was'),
        ...last,
      ],
    ]);
    expect(textSoFar).toBe('Once\n it was');
    expect(message.content).toEqual([
      textBlock('Once'),
      thoughtBlock('Hm'),
      textBlock('\n'),
      thoughtBlock('Hm'),
      thoughtBlock('So'),
      textBlock(' it was'),
    ]);
  });

  it('withdraws no emitted text, and begins no block twice', () => {
    const { message, textSoFar } = spliced([
      [events.m, ...opened(0, '\n')],
      [events.n, ...said(0, '\n', 'Once'), ...thought(1, 'Hm'), ...opened(2, '\n', ' ')],
      [events.n, ...thought(0, 'Hm'), ...opened(1, '\n')],
      [events.n, ...thought(0, 'Hm'), ...said(1, '\n', ' upon'), ...last],
    ]);
    expect(textSoFar).toBe('\nOnce\n upon');
    expect(message.content).toEqual([
      textBlock('\nOnce'),
      thoughtBlock('Hm'),
      textBlock('\n upon'),
    ]);
  });
});

describe('retryResumable and usage', () => {
  const started = (input: number, fields: object = {}) =>
    raw({
      ...events.m,
      message: { ...messageOf([events.m, events.S]), usage: { ...usage(input, 1), ...fields } },
    });

  it('sums the usage of all attempts, and lists them', () => {
    const { message, values } = spliced([
      [started(10, { cache_read_input_tokens: 5 }), ...opened(0, 'Once')],
      [started(20, { server_tool_use: { web_search_requests: 1 } }), ...opened(0, ' upon')],
      [started(40), ...said(0, ' a time'), messageDelta('end_turn', 7), events.S],
    ]);
    const attempts = [
      { ...usage(10, 1), cache_read_input_tokens: 5 },
      { ...usage(20, 1), server_tool_use: { web_search_requests: 1 } },
      usage(40, 7),
    ];
    expect(message.usage).toEqual({
      ...usage(70, 9),
      cache_read_input_tokens: 5,
      server_tool_use: { web_search_requests: 1 },
      attempts,
    });
    const seams = values.flatMap((event) => (event.type === 'resume' ? event.usage : []));
    expect(seams).toMatchObject([
      { input_tokens: 30, output_tokens: 2, attempts: { length: 2 } },
      { input_tokens: 70, output_tokens: 3, attempts: { length: 3 } },
    ]);
  });

  it('does not treat null or missing usage as 0', () => {
    const ended = raw({ ...messageDelta(), usage: { input_tokens: null, output_tokens: 9 } });
    const silent = raw({ ...messageDelta(), usage: null });
    const of = (end: StreamEvent) =>
      spliced([
        [started(10), ...opened(0, 'Once')],
        [started(20), ...said(0, ' upon'), end, events.S],
      ]).message.usage;
    expect(of(ended)).toMatchObject({ input_tokens: 30, output_tokens: 10 });
    expect(of(silent)).toMatchObject({ input_tokens: 30, output_tokens: 2 });
  });

  it('leaves the usage of a single attempt as it is', () => {
    const whole = [started(10), ...said(0, 'Once'), ...last];
    expect(spliced([whole]).message.usage).toEqual(usage(10, 15));
    const { values } = outcomeWith(broken([]), { resume: () => from(whole) });
    expect(messageOf(values).usage).toEqual(usage(10, 15));
  });
});

describe('retryResumable and the beta', () => {
  it('joins the events of a beta reply, with beta blocks and deltas', () => {
    const compacted = [
      start(0, { type: 'compaction', content: null, encrypted_content: null }),
      delta(0, { type: 'compaction_delta', content: 'So far', encrypted_content: 'x' }),
      stop(0),
    ];
    const iteration = { type: 'message', input_tokens: 25, output_tokens: 1 };
    const [first, second] = [events.m, events.n].map((event) =>
      raw({
        ...event,
        message: {
          ...messageOf([event, events.S]),
          usage: { ...usage(25, 1), iterations: [iteration] },
        },
      }),
    );
    const { message } = spliced([
      [first!, ...compacted, ...opened(1, 'Once'), start(2, { type: 'mcp_tool_use', input: {} })],
      [second!, start(0, { type: 'connector_text', connector_text: 'x' }), stop(0), ...last],
    ]);
    expect(message.content).toEqual([
      { type: 'compaction', content: 'So far', encrypted_content: 'x' },
      textBlock('Once'),
      { type: 'connector_text', connector_text: 'x' },
    ]);
    expect(message.usage).toMatchObject({ iterations: [iteration, iteration] });
  });
});

describe('retryResumable inside of another one', () => {
  /** Carries `outer` on with a request whose reply is itself carried on, attempt by attempt. */
  function nested(
    outer: readonly StreamEvent[],
    inner: readonly (readonly StreamEvent[])[],
    { strategy, fails = false }: { strategy?: ContinuationStrategy; fails?: boolean } = {},
  ) {
    const at = (number: number, request: object) => {
      const all = answering(request, inner[number - 1]!);
      return number < inner.length || fails ? broken(all) : from(all);
    };
    const scheduler = new VirtualTimeScheduler();
    return outcomeWith(broken(outer), {
      scheduler,
      count: 1,
      resume: ({ partial }) => {
        const request = continueFrom(params, partial);
        return at(1, request).pipe(
          retry({
            count: inner.length - 1,
            scheduler,
            resume: ({ partial: own, attempt }) =>
              at(attempt, continueFrom(request, own, { strategy })),
          }),
        );
      },
    });
  }

  /** What came of it, which must be whole. */
  function whole(...given: Parameters<typeof nested>) {
    const outcome = nested(...given);
    checkEvents(outcome.values);
    return { ...outcome, message: messageOf(outcome.values) };
  }

  const outer = [events.m, ...opened(0, 'Once upon a time')];

  it('joins the result of the inner one', () => {
    const { message, textSoFar, values } = whole(outer, [
      [events.n, ...opened(0, ' there was')],
      [events.n, ...opened(0, ' a king')],
      [events.n, ...said(0, ', the end'), ...last],
    ]);
    expect(message.content).toEqual([textBlock('Once upon a time there was a king, the end')]);
    expect(textSoFar).toBe('Once upon a time there was a king, the end');
    const seams = values.flatMap((event) => (event.type === 'resume' ? [event] : []));
    expect(seams.map(({ attempt, keep }) => [attempt, keep])).toEqual([
      [2, 1],
      [3, 1],
      [4, 1],
    ]);
    expect(message.usage).toEqual(sumOf([usage(25, 1), usage(25, 1), usage(25, 1), usage(25, 15)]));
  });

  it('where the inner one breaks before its first event', () => {
    const { textSoFar } = whole(outer, [[], [events.n, ...said(0, ' there was'), ...last]]);
    expect(textSoFar).toBe('Once upon a time there was');
  });

  it('where the inner one begins anew, as there was no text yet', () => {
    const { message, textSoFar } = whole(outer, [
      [events.n, ...thought(0, 'Hm')],
      [events.n, textStart(0)],
      [events.n, ...opened(0, ' ')],
      [events.n, ...said(0, ' there was'), ...last],
    ]);
    expect(textSoFar).toBe('Once upon a time there was');
    expect(joinedBlocks(message.content)).toEqual([
      expect.objectContaining({ text: 'Once upon a time there was' }),
    ]);
  });

  it('where the inner one breaks in what is a repeat to the outer one', () => {
    const { textSoFar } = whole(
      [events.m, ...said(0, 'Once upon a time there')],
      [
        [events.n, ...opened(0, 'upon a')],
        [events.n, ...opened(0, ' time')],
        [events.n, ...said(0, ' there', ' was'), ...last],
      ],
    );
    expect(textSoFar).toBe('Once upon a time there was');
  });

  it('where the inner one withdraws text that it had added to an open block', () => {
    const { message, values } = whole(
      outer,
      [
        [events.n, ...opened(0, ' there was', ' a king')],
        [events.n, ...said(0, ' lived', ' a queen'), ...last],
      ],
      { strategy: 'restart' },
    );
    expect(message.content).toEqual([textBlock('Once upon a time lived a queen')]);
    expect(outcomeOf(from(values).pipe(accumulateText())).values.at(-1)).toBe(
      'Once upon a time lived a queen',
    );
  });

  it('where the inner one withdraws a block of its own', () => {
    const { message } = whole(
      [events.m, ...said(0, 'Once upon a time')],
      [
        [events.n, ...said(0, ' there was'), callStart(1), json(1, '{}')],
        [events.n, ...said(0, ' lived'), ...last],
      ],
      { strategy: 'restart' },
    );
    expect(message.content).toEqual([textBlock('Once upon a time'), textBlock(' lived')]);
  });

  it('where both fail: the attempts of both', () => {
    const { error } = nested(outer, [[events.n, ...opened(0, ' there')], []], { fails: true });
    expect(error).toMatchObject({
      code: 'connection',
      attempts: 3,
      partial: { content: [{ text: 'Once upon a time there' }], usage: { input_tokens: 50 } },
    });
  });
});

describe('retryResumable behind another one', () => {
  it('counts on from its attempts, and adds to its usage', () => {
    const scheduler = new VirtualTimeScheduler();
    const parts = [' a', ' b', ' c', ' d'];
    const resume = ({ attempt }: ResumeContext<StreamEvent>) => {
      const part = [events.n, textStart(0), text(0, parts[attempt - 2]!)];
      return attempt < 5 ? broken(part) : from([...part, stop(0), ...last]);
    };
    const first = broken(opening).pipe(retry({ resume, count: 2, scheduler }));
    const { values, resumes, textSoFar } = outcomeWith(first, { resume, scheduler });
    checkEvents(values);
    expect(resumes.map(({ context }) => context.attempt)).toEqual([4, 5]);
    const seams = values.flatMap((event) => (event.type === 'resume' ? event.attempt : []));
    expect(seams).toEqual([2, 3, 4, 5]);
    expect(textSoFar).toBe('Once upon a b c d');
    const attempts = [1, 1, 1, 1, 15].map((output) => usage(25, output));
    expect(messageOf(values).usage).toEqual(sumOf(attempts));
  });
});

describe('retryResumable and any reply', () => {
  const block = fc.record({
    kind: fc.constantFrom('text', 'text', 'text', 'thinking', 'toolUse', 'redacted', 'search'),
    length: fc.integer({ min: 1, max: 60 }),
    chunk: fc.integer({ min: 1, max: 9 }),
  });
  const fault = fc.record({
    /** Where it breaks, from the first event to the last. */
    at: fc.integer({ min: 0, max: 1_000 }).map((thousandths) => thousandths / 1_000),
    beginning: fc.oneof(
      fc.constantFrom<Beginning>('plain', 'anchor'),
      fc.integer({ min: 12, max: 40 }).map((repeat) => ({ repeat })),
    ),
    strategy: fc.option(fc.constantFrom<ContinuationStrategy>('instruct', 'restart'), {
      nil: undefined,
      freq: 6,
    }),
  });
  const arbitrary = fc.record({
    model: fc.constantFrom('claude-opus-5-5', 'claude-sonnet-4-5'),
    blocks: fc.array(block, { maxLength: 6 }),
    seed: fc.nat(),
    faults: fc.array(fault, { minLength: 1, maxLength: 5 }),
    /** How many of them an inner `retryResumable` takes care of. */
    inner: fc.nat(3),
  });

  function replyOf(blocks: { kind: string; length: number; chunk: number }[], seed: number) {
    const next = trickyTexts(seeded(seed));
    return blocks.reduce((reply, { kind, length, chunk }, index) => {
      // A text that is only white space cannot be continued; see below.
      const given = `${String.fromCodePoint(0x4e00 + index)}${next(length)}`;
      switch (kind) {
        case 'text':
          return reply.text(given, { chunk });
        case 'thinking':
          return reply.thinking(given, { chunk });
        case 'redacted':
          return reply.redactedThinking(given);
        case 'search':
          return reply
            .serverToolUse('web_search', { query: given }, { id: `srvtoolu_${index}`, chunk })
            .block({
              type: 'web_search_tool_result',
              tool_use_id: `srvtoolu_${index}`,
              content: [],
            });
        default:
          return reply.toolUse('note', { given }, { id: `toolu_${index}`, chunk });
      }
    }, messageEvents);
  }

  it('makes it whole, wherever, however and how often it breaks', () => {
    let resumed = 0;
    fc.assert(
      fc.property(arbitrary, ({ model: name, blocks, seed, faults, inner }) => {
        const model = new ContinuingModel(replyOf(blocks, seed), { nested: inner > 0 });
        const request = { ...params, model: name };
        const scheduler = new VirtualTimeScheduler();
        let number = 0;
        const ask = (asked: typeof request): Observable<StreamEvent> =>
          defer(() => {
            // The next attempt begins as the fault says that ended the one before.
            const { beginning = 'plain' } = faults[number - 1] ?? {};
            const { at } = faults[number++] ?? {};
            // A request inside of another one may be sent the half of a repeat, to go on from that.
            const manner = inner > 0 ? {} : { beginning };
            const all = answering(asked, model.answer(asked, manner));
            return at === undefined ? from(all) : broken(all.slice(0, at * (all.length + 1)));
          });
        const goOn = (
          asked: typeof request,
          depth: number,
        ): MonoTypeOperatorFunction<StreamEvent> =>
          retryResumable<StreamEvent>({
            scheduler,
            count: depth > 0 ? faults.length : inner,
            resume: ({ partial }) => {
              const { strategy } = faults[number - 1]!;
              const next = continueFrom(asked, partial, { strategy });
              const reply = ask(next);
              return depth > 0 && inner > 0 ? reply.pipe(goOn(next, depth - 1)) : reply;
            },
          });
        const seen: StreamEvent[] = [];
        let error: unknown;
        ask(request)
          .pipe(goOn(request, 1))
          .subscribe({ next: (event) => seen.push(event), error: (thrown) => (error = thrown) });
        scheduler.flush();
        if (error) throw error as Error;
        checkEvents(seen);
        const message = messageOf(seen);
        expect(joinedBlocks(message.content)).toEqual(joinedBlocks(model.message.content));
        expect(message.stop_reason).toBe(model.message.stop_reason);
        const soFar = outcomeOf(from(seen).pipe(accumulateText())).values.at(-1) ?? '';
        expect(soFar).toBe(model.text);
        // Text that has been emitted cannot be withdrawn.
        const restarts = faults.some(({ strategy }) => strategy === 'restart');
        if (!restarts) expect(textOf(seen)).toBe(model.text);
        resumed += seen.filter(({ type }) => type === 'resume').length;
      }),
      { numRuns: rounds(500) },
    );
    expect(resumed).toBeGreaterThan(rounds(500));
  });
});

describe('retryResumable and its arguments', () => {
  const resume = () => EMPTY;

  it.each<[string, unknown, RegExp]>([
    ['without `resume`', {}, /`resume` must be a function/],
    ['with an Observable for `resume`', { resume: EMPTY }, /`resume` must be a function/],
    ['with a negative count', { resume, count: -1 }, /`count` .* not -1/],
    ['with half a count', { resume, count: 1.5 }, /`count` .* not 1.5/],
    ['with a count that is no number', { resume, count: Number.NaN }, /`count` .* not NaN/],
    ['with a count that is a string', { resume, count: '3' }, /`count` .* not '3'/],
    ['with a negative delay', { resume, delay: -1 }, /`delay` .* not -1/],
    ['with a delay that is no number', { resume, delay: Number.NaN }, /`delay` .* not NaN/],
    ['with a delay that is an object', { resume, delay: {} }, /`delay` .* not /],
  ])('is refused %s when it is called', (_, config, message) => {
    const call = () => retryResumable(config as RetryResumableConfig<StreamEvent>);
    expect(call).toThrow(TypeError);
    expect(call).toThrow(message);
  });
});
