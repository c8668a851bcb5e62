import {
  continueFrom,
  MessageStreamError,
  type MessageStreamErrorInit,
  type StreamEvent,
} from 'claude-rx';
import { fallbackTo, type FallbackToConfig } from 'claude-rx/operators/fallbackTo';
import { finalMessage } from 'claude-rx/operators/finalMessage';
import { type ResumeContext, retryResumable } from 'claude-rx/operators/retryResumable';
import { textOnly } from 'claude-rx/operators/textOnly';
import { messageEvents } from 'claude-rx/testing';
import {
  asyncScheduler,
  concat,
  EMPTY,
  from,
  map,
  type Observable,
  take,
  throwError,
  VirtualTimeScheduler,
} from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { withContinuation } from '../../src/message/continuation.ts';
import { drawn } from '../diagrams/drawn.ts';
import { testScheduler } from '../support/marbles.ts';
import { checkEvents } from '../support/splicedReply.ts';
import {
  messageDelta,
  messageStart,
  messageStop,
  outcomeOf,
  raw,
  stop,
  synchronous,
  text,
  textStart,
  usage,
} from './events.ts';

const OTHER = 'claude-sonnet-4-5';

const failed = (init: Partial<MessageStreamErrorInit> = {}): MessageStreamError =>
  new MessageStreamError('It broke', { code: 'overloaded', ...init });

const overloaded = failed();

/** The message_start of the other model. */
const otherStart = (() => {
  const event = messageStart('msg_2');
  return raw({ ...event, message: { ...(event as { message: object }).message, model: OTHER } });
})();

const events = {
  m: messageStart(),
  n: otherStart,
  '[': textStart(0),
  a: text(0, 'Once upon'),
  b: text(0, ' a time'),
  ']': stop(0),
  x: messageDelta(),
  R: messageDelta('refusal'),
  S: messageStop,
};

const opening = [events.m, events['['], events.a];
const rest = [events.n, events['['], events.b, events[']'], events.x, events.S];

const both = [usage(25, 1), usage(25, 1)];
const seam = (error: MessageStreamError, attempt = 2) =>
  raw({
    type: 'resume',
    attempt,
    error,
    model: OTHER,
    keep: 1,
    usage: { ...usage(50, 2), attempts: both },
  });
const ending = raw({
  ...messageDelta(),
  usage: { ...usage(50, 16), attempts: [usage(25, 1), usage(25, 15)] },
});

const run = (test: Parameters<ReturnType<typeof testScheduler>['run']>[0]) => () =>
  testScheduler().run(test);

const fallback = (
  resume: (context: ResumeContext<StreamEvent>) => Observable<StreamEvent>,
  config?: Omit<FallbackToConfig<StreamEvent>, 'resume'>,
) => fallbackTo<StreamEvent>({ resume, ...config });

const broken = (all: readonly StreamEvent[], error: unknown = overloaded) =>
  concat(
    from(all),
    throwError(() => error),
  );

describe('fallbackTo', () => {
  it(
    'continues the reply from the other source, and corrects the model',
    drawn(
      'fallbackTo',
      run(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold('-m-[-a-#', events, overloaded);
        const other = cold('        -n-[-b-]-x-S--', events);
        const result = '     -m-[-a--r---b-]-X-(S|)';
        const values = { ...events, r: seam(overloaded), X: ending };
        expectObservable(source.pipe(fallback(() => other))).toBe(result, values);
        expectSubscriptions(source.subscriptions).toBe('^------!');
        expectSubscriptions(other.subscriptions).toBe('-------^----------!');
      }),
      { title: 'fallbackTo(() => other)', inputs: ['source', 'other'] },
    ),
  );

  it(
    'does not subscribe to the other source if the first does not fail',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-m-[-a-]-x-S--', events);
      const result = '     -m-[-a-]-x-(S|)';
      const other = () => expect.unreachable();
      expectObservable(source.pipe(fallback(other))).toBe(result, events);
      expectObservable(source.pipe(fallback(other, { onRefusal: true }))).toBe(result, events);
      expectSubscriptions(source.subscriptions).toBe(['^----------!', '^----------!']);
    }),
  );

  it(
    'unsubscribes the running source',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-m-[-a-#', events, overloaded);
      const other = cold('        -n-[-b-', events);
      const reply = source.pipe(fallback(() => other));
      expectObservable(reply, '     ----!').toBe('-m-[-', events);
      expectObservable(reply, '     -------------!').toBe('-m-[-a--r---b-', {
        ...events,
        r: seam(overloaded),
      });
      expectSubscriptions(source.subscriptions).toBe(['^---!', '^------!']);
      expectSubscriptions(other.subscriptions).toBe('-------^-----!');
    }),
  );

  it(
    'ignores the retry-after of the server that failed',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const error = failed({ retryAfterMs: 60_000 });
      const source = cold('-m-[-a-#', events, error);
      const other = cold('        -n-[-b-]-x-S', events);
      const result = '     -m-[-a--r---b-]-X-(S|)';
      const values = { ...events, r: seam(error), X: ending };
      expectObservable(source.pipe(fallback(() => other))).toBe(result, values);
      expectSubscriptions(other.subscriptions).toBe('-------^----------!');
    }),
  );

  it(
    'starts with the other source if the first fails before its first event',
    run(({ cold, expectObservable }) => {
      const source = cold('---#', events, overloaded);
      const other = cold('    -n-[-b-]-x-S', events);
      const result = '     ----n-[-b-]-x-(S|)';
      expectObservable(source.pipe(fallback(() => other))).toBe(result, events);
    }),
  );
});

describe('outcome of fallbackTo', () => {
  // The operator has no scheduler, as it never waits: one turn of the event loop is all.
  let scheduler: VirtualTimeScheduler;
  beforeEach(() => {
    scheduler = new VirtualTimeScheduler();
    vi.spyOn(asyncScheduler, 'schedule').mockImplementation((...args) =>
      scheduler.schedule(...(args as Parameters<typeof scheduler.schedule>)),
    );
  });
  afterEach(() => vi.restoreAllMocks());

  function outcome(reply: Observable<StreamEvent>) {
    const seen = { values: [] as StreamEvent[], completed: false, error: undefined as unknown };
    reply.subscribe({
      next: (event) => seen.values.push(event),
      complete: () => (seen.completed = true),
      error: (error: unknown) => (seen.error = error),
    });
    scheduler.flush();
    return seen;
  }
  const textOf = (all: readonly StreamEvent[]) =>
    outcomeOf(from(all).pipe(textOnly())).values.join('');
  const messageOf = (all: readonly StreamEvent[]) =>
    outcomeOf(from(all).pipe(finalMessage())).values[0]!;

  it('passes the partial message, the error and the attempt to `resume`', () => {
    const other = vi.fn(() => from(rest));
    const { values, completed } = outcome(broken(opening).pipe(fallback(other)));
    expect(completed).toBe(true);
    checkEvents(values);
    expect(textOf(values)).toBe('Once upon a time');
    expect(messageOf(values)).toMatchObject({ id: 'msg_1', model: OTHER, stop_reason: 'end_turn' });
    expect(other.mock.calls).toEqual([
      [
        {
          partial: expect.objectContaining({
            content: [expect.objectContaining({ text: 'Once upon' })],
          }),
          error: overloaded,
          attempt: 2,
        },
      ],
    ]);
  });

  it('joins the parts at the seam of continueFrom', () => {
    const params = {
      model: OTHER,
      max_tokens: 1_000,
      messages: [{ role: 'user' as const, content: 'Hi' }],
    };
    const { values } = outcome(
      broken([events.m, events['['], text(0, 'Once upon a time there')]).pipe(
        fallback(({ partial }) => {
          const reply = [
            messageStart('msg_2'),
            events['['],
            text(0, 'upon a time there'),
            text(0, ' was'),
            ...rest.slice(3),
          ];
          const request = continueFrom(params, partial, { strategy: 'instruct' });
          return from(reply).pipe(map((event) => withContinuation(event, request)));
        }),
      ),
    );
    expect(textOf(values)).toBe('Once upon a time there was');
  });

  it('runs after the last attempt of retryResumable, and continues its count', () => {
    const retried = broken(opening).pipe(
      retryResumable<StreamEvent>({ resume: () => broken([], failed()), count: 2 }),
    );
    const other = vi.fn((_: ResumeContext<StreamEvent>) => from(rest));
    const { values, completed } = outcome(retried.pipe(fallback(other)));
    expect(completed).toBe(true);
    expect(other.mock.calls[0]![0]).toMatchObject({
      attempt: 4,
      error: { code: 'overloaded', attempts: 3 },
    });
    expect(values).toContainEqual(expect.objectContaining({ type: 'resume', attempt: 4 }));
    expect(messageOf(values).usage).toMatchObject({ input_tokens: 50, output_tokens: 16 });
  });

  it('adds the usage of all parts, also with retryResumable', () => {
    const again = [messageStart('msg_3'), events['['], text(0, ' in')];
    const retried = broken(opening).pipe(
      retryResumable<StreamEvent>({ resume: () => broken(again), count: 1 }),
    );
    const { values } = outcome(retried.pipe(fallback(() => from(rest))));
    expect(textOf(values)).toBe('Once upon in a time');
    expect(messageOf(values).usage).toEqual({
      ...usage(75, 17),
      attempts: [usage(25, 1), usage(25, 1), usage(25, 15)],
    });
  });

  it('may be followed by another fallbackTo', () => {
    const { values, completed } = outcome(
      broken(opening).pipe(
        fallback(() => throwError(() => failed())),
        fallback(() => from(rest)),
      ),
    );
    expect(completed).toBe(true);
    expect(textOf(values)).toBe('Once upon a time');
    const seams = values.flatMap((event) => (event.type === 'resume' ? event.attempt : []));
    expect(seams).toEqual([3]);
  });

  it('fails with the error of the other source, and the whole message', () => {
    const last = failed({ code: 'connection', requestId: 'req_2' });
    const { values, error } = outcome(
      broken(opening).pipe(fallback(() => broken(rest.slice(0, 3), last))),
    );
    expect(textOf(values)).toBe('Once upon a time');
    expect(error).toMatchObject({
      code: 'connection',
      requestId: 'req_2',
      attempts: 2,
      partial: { id: 'msg_1', model: OTHER, content: [{ text: 'Once upon a time' }] },
    });
  });

  it('subscribes to the other source once', () => {
    const other = vi.fn(() => broken([]));
    expect(outcome(broken(opening).pipe(fallback(other))).error).toMatchObject({ attempts: 2 });
    expect(other).toHaveBeenCalledTimes(1);
  });

  it.each(['request', 'protocol', 'invalid_json', 'aborted', 'unknown'] as const)(
    'does not fall back after %s: the same error',
    (code) => {
      const partial = messageOf([...opening, events[']'], events.x, events.S]);
      const error = failed({ code, partial });
      const reply = broken(opening, error).pipe(fallback(() => expect.unreachable()));
      expect(outcome(reply).error).toBe(error);
    },
  );

  it('falls back only if `when` returns true', () => {
    const when = vi.fn(({ status }: MessageStreamError) => status === 404);
    const missing = failed({ code: 'request', status: 404 });
    expect(outcome(broken([], missing).pipe(fallback(() => from(rest), { when }))).completed).toBe(
      true,
    );
    const reply = broken(opening).pipe(fallback(() => from(rest), { when }));
    expect(outcome(reply).error).toMatchObject({ code: 'overloaded' });
    expect(when.mock.calls).toEqual([[missing], [overloaded]]);
  });

  it('does not catch errors of `resume`, `when` or later operators', () => {
    const mistake = new TypeError('mistake');
    const throwing = () => {
      throw mistake;
    };
    for (const operators of [
      fallback(throwing),
      fallback(() => from(rest), { when: throwing }),
      fallback(() => from(rest).pipe(map(throwing))),
    ]) {
      expect(outcome(broken(opening).pipe(operators)).error).toBe(mistake);
    }
    const behind = from(opening).pipe(
      fallback(() => expect.unreachable()),
      map(throwing),
    );
    expect(outcome(behind).error).toBe(mistake);
  });

  it('takes no more from a synchronous source than needed', () => {
    const { source, taken } = synchronous([...opening, events.b, events[']'], events.x, events.S]);
    outcome(
      source.pipe(
        fallback(() => EMPTY, { onRefusal: true }),
        take(2),
      ),
    );
    expect(taken()).toBe(2);
  });

  describe('after a refusal', () => {
    const details = {
      type: 'refusal' as const,
      category: 'cyber' as const,
      explanation: 'This could do harm.',
    };
    const refused = Array.from(messageEvents.text('Once upon').with({ stopDetails: details }));

    it('does not fall back without `onRefusal`', () => {
      const { values, completed } = outcome(
        from(refused).pipe(fallback(() => expect.unreachable())),
      );
      expect(completed).toBe(true);
      expect(messageOf(values)).toMatchObject({ stop_reason: 'refusal', stop_details: details });
    });

    it('keeps the text, and another model continues it', () => {
      const other = vi.fn((_: ResumeContext<StreamEvent>) => from(rest));
      const { values, completed } = outcome(
        from(refused).pipe(fallback(other, { onRefusal: true })),
      );
      expect(completed).toBe(true);
      checkEvents(values);
      expect(textOf(values)).toBe('Once upon a time');
      expect(messageOf(values)).toMatchObject({
        model: OTHER,
        stop_reason: 'end_turn',
        stop_details: null,
        // The output of both: what was refused is billed as well.
        usage: { output_tokens: 3 + 15, attempts: [{ output_tokens: 3 }, { output_tokens: 15 }] },
      });
      const { error, partial } = other.mock.calls[0]![0];
      expect(error).toMatchObject({
        code: 'refusal',
        message: 'The model declined: This could do harm.',
        retryable: false,
        cause: details,
      });
      expect(partial).toMatchObject({ content: [{ text: 'Once upon' }], stop_reason: null });
    });

    it('falls back also without details of the refusal', () => {
      const { completed } = outcome(
        from([...opening, events[']'], events.R, events.S]).pipe(
          fallback(
            ({ error }) => {
              expect(error.message).toBe('The model declined');
              return from(rest);
            },
            { onRefusal: true },
          ),
        ),
      );
      expect(completed).toBe(true);
    });

    it('depends only on `onRefusal`, not on `when`', () => {
      const when = vi.fn(() => false);
      const config = { onRefusal: true, when };
      expect(outcome(from(refused).pipe(fallback(() => from(rest), config))).completed).toBe(true);
      expect(when).not.toHaveBeenCalled();
    });

    it('passes on a refusal of the other model', () => {
      const other = [...rest.slice(0, 4), events.R, events.S];
      const { values, completed } = outcome(
        from(refused).pipe(fallback(() => from(other), { onRefusal: true })),
      );
      expect(completed).toBe(true);
      expect(messageOf(values)).toMatchObject({ stop_reason: 'refusal' });
    });
  });
});

describe('arguments of fallbackTo', () => {
  it.each([undefined, EMPTY, { resume: () => EMPTY }])(
    'throws at the call without a function: %s',
    (resume) => {
      expect(() => fallbackTo({ resume: resume as never })).toThrow(TypeError);
      expect(() => fallbackTo({ resume: resume as never })).toThrow(/^fallbackTo: .* function/);
    },
  );

  it('throws for a `when` that is not a function', () => {
    expect(() => fallbackTo({ resume: () => EMPTY, when: 'overloaded' as never })).toThrow(
      new TypeError("fallbackTo: `when` must be a function (error) => boolean, not 'overloaded'"),
    );
  });
});
