import {
  type GatedRequestOptions,
  type GateRunOptions,
  MessageStreamError,
  RequestGate,
  type RequestGateOptions,
  type RequestGateState,
  type StreamEvent,
} from 'claude-rx';
import {
  asyncScheduler,
  catchError,
  concat,
  EMPTY,
  ignoreElements,
  interval,
  map,
  mergeMap,
  NEVER,
  type Observable,
  type ObservableInput,
  of,
  Subject,
  type Subscription,
  take,
  throwError,
  timer,
  VirtualTimeScheduler,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { drawn } from '../../diagrams/drawn.ts';
import { messageDelta, messageStop, raw, text, usage } from '../../operators/events.ts';
import { testScheduler } from '../../support/marbles.ts';

type Helpers = Parameters<Parameters<ReturnType<typeof testScheduler>['run']>[0]>[0];
const run = (test: (helpers: Helpers) => void) => () => testScheduler().run(test);

const fail = (): never => {
  throw new Error('failed');
};

/** A request that emits its name when it ends, after some milliseconds. */
const work = (name: string, ms: number) => timer(ms).pipe(map(() => name));

/** The headers of a response: `requests: [limit, remaining]`. */
function headersOf(
  limits: Partial<
    Record<'requests' | 'tokens' | 'input-tokens' | 'output-tokens', [number, number]>
  >,
  further: Record<string, string> = {},
): Headers {
  const headers = new Headers(further);
  for (const [name, [limit, remaining]] of Object.entries(limits)) {
    headers.set(`anthropic-ratelimit-${name}-limit`, String(limit));
    headers.set(`anthropic-ratelimit-${name}-remaining`, String(remaining));
  }
  return headers;
}

const response = (headers: Headers, status = 200) => ({ requestId: undefined, status, headers });

/** A refusal as `fromMessages` reports it; without headers it came as a frame in a 200. */
const refusal = (retryAfterMs?: number, headers?: Headers) =>
  new MessageStreamError('Too many requests', {
    code: 'rate_limited',
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(headers && { status: 429, cause: { headers } }),
  });

/** A whole reply that reports its usage, at once. */
const reply = (input: number, output: number): StreamEvent[] => [
  raw({ type: 'message_start', message: { content: [], usage: usage(input, 1) } }),
  messageDelta('end_turn', output),
  messageStop,
];

/** The beginning of a reply. */
const started = reply(1, 1).slice(0, 1);

/** A reply with this output, after some milliseconds. */
const written = (tokens: number, ms: number) =>
  timer(ms).pipe(map(() => text(0, 'word'.repeat(tokens))));

/** A gate in virtual time, with the times of its requests. For use in `run`. */
function gated(options: RequestGateOptions = {}) {
  const gate = new RequestGate(options);
  const sent: string[] = [];
  const ends: string[] = [];
  const send = (
    name: string,
    request: (given: GatedRequestOptions) => ObservableInput<unknown> = () => EMPTY,
    runOptions: GateRunOptions = {},
  ): Subscription =>
    gate
      .run((given) => {
        sent.push(`${name} ${asyncScheduler.now()}`);
        return request(given);
      }, runOptions)
      .subscribe({
        complete: () => ends.push(`${name} complete`),
        error: (error) => ends.push(`${name} ${error.code ?? error.message}`),
      });
  return { gate, sent, ends, send };
}

/** A request that is answered at once with these headers. */
const answered =
  (headers: Headers, rest: Observable<unknown> = EMPTY, status = 200) =>
  ({ onResponse }: GatedRequestOptions) => {
    onResponse(response(headers, status));
    return rest;
  };

const at = (ms: number, action: () => void) => timer(ms).subscribe(action);

describe('RequestGate: concurrency', () => {
  it(
    'keeps requests waiting until a place is free',
    drawn(
      'RequestGate',
      run(({ hot, expectObservable }) => {
        const gate = new RequestGate({ concurrency: 2 });
        const requests = hot('       a-b-c-------------');
        const result = requests.pipe(mergeMap((name) => gate.run(() => work(name, 6))));
        expectObservable(result).toBe('------a-b---c---');
      }),
      { title: 'gate.run(request)', inputs: ['run'], outputs: ['result'] },
    ),
  );

  it(
    'subscribes to a request when it may be sent, and unsubscribes with its reader',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const gate = new RequestGate({ concurrency: 1 });
      const first = cold('---a--|');
      const second = cold('      ---b------');
      expectObservable(gate.run(() => first)).toBe('---a--|');
      expectObservable(
        gate.run(() => second),
        '----------!',
      ).toBe('---------b');
      expectSubscriptions(first.subscriptions).toBe(' ^-----!');
      expectSubscriptions(second.subscriptions).toBe('------^---!');
    }),
  );

  it.each<[string, (send: ReturnType<typeof gated>['send']) => void]>([
    ['completes', (send) => send('a', () => timer(10).pipe(ignoreElements()))],
    ['fails', (send) => send('a', () => timer(10).pipe(map(() => fail())))],
    ['fails while it is made', (send) => at(10, () => send('a', () => fail()))],
    [
      'is unsubscribed before the headers',
      (send) => {
        const subscription = send('a', () => NEVER);
        at(10, () => subscription.unsubscribe());
      },
    ],
    [
      'is unsubscribed behind the headers',
      (send) => {
        const subscription = send('a', answered(new Headers(), NEVER));
        at(10, () => subscription.unsubscribe());
      },
    ],
    [
      'is unsubscribed in the reply',
      (send) => {
        const subscription = send('a', () => concat(of(reply(1, 1)[0]), NEVER));
        at(10, () => subscription.unsubscribe());
      },
    ],
  ])('frees the place when a request %s', (_, first) => {
    testScheduler().run(({ flush }) => {
      const { gate, sent, send } = gated({ concurrency: 1 });
      first(send);
      at(10, () => send('b', () => NEVER));
      flush();
      expect(sent.at(-1)).toBe('b 10');
      expect(gate.state).toMatchObject({ running: 1, waiting: 0 });
    });
  });

  it('has freed the place when concat or catchError go on', () => {
    const gate = new RequestGate({ concurrency: 1, maxQueue: 0 });
    const next = () => gate.run(() => of('next'));
    const seen: string[] = [];
    concat(
      gate.run(() => of('first')),
      gate
        .run(() => throwError(() => refusal(0, headersOf({ requests: [60, 10] }))))
        .pipe(catchError(next)),
      next(),
    ).subscribe((name) => seen.push(name));
    expect(seen).toEqual(['first', 'next', 'next']);
  });

  it('runs 8 at the same time by default', () => {
    const { gate, send } = gated();
    for (let index = 0; index < 10; index++) send('a', () => NEVER);
    expect(gate.state).toMatchObject({ running: 8, waiting: 2 });
  });

  it('does not nest calls where each request ends at once', () => {
    const gate = new RequestGate({ concurrency: 1, maxQueue: 8_000 });
    const first = new Subject<void>();
    let ended = 0;
    gate.run(() => first).subscribe();
    for (let index = 0; index < 8_000; index++) {
      gate.run(() => of(index)).subscribe({ complete: () => ended++ });
    }
    first.complete();
    expect(ended).toBe(8_000);
    expect(gate.state).toMatchObject({ running: 0, waiting: 0 });
  });
});

describe('RequestGate: requests and tokens a minute', () => {
  it(
    'spends the requests of a minute, and then one as each is refilled',
    run(({ flush }) => {
      const { sent, send } = gated({ requestsPerMinute: 2 });
      for (const name of 'abcd') send(name);
      flush();
      expect(sent).toEqual(['a 0', 'b 0', 'c 30000', 'd 60000']);
    }),
  );

  it(
    'keeps to the tokens that are expected',
    run(({ flush }) => {
      const { sent, send } = gated({ tokensPerMinute: 6_000 });
      send('a', undefined, { tokens: 4_000 });
      send('b', undefined, { tokens: { input: 1_000, output: 2_000 } });
      send('c', undefined, { tokens: 100 });
      flush();
      expect(sent).toEqual(['a 0', 'b 10000', 'c 11000']);
    }),
  );

  it(
    'keeps to limits of input and output that are apart',
    run(({ flush }) => {
      const { sent, send } = gated({ inputTokensPerMinute: 6_000, outputTokensPerMinute: 600 });
      send('a', undefined, { tokens: { input: 1_000, output: 600 } });
      send('b', undefined, { tokens: { input: 1_000, output: 100 } });
      send('c', undefined, { tokens: { input: 6_000, output: 0 } });
      flush();
      expect(sent).toEqual(['a 0', 'b 10000', 'c 20000']);
    }),
  );

  it(
    'sends a request that is larger than a limit when the limit is unused',
    run(({ flush }) => {
      const { sent, send } = gated({ tokensPerMinute: 6_000 });
      send('a', undefined, { tokens: 3_000 });
      send('b', undefined, { tokens: 60_000 });
      flush();
      expect(sent).toEqual(['a 0', 'b 30000']);
    }),
  );

  it(
    'corrects the estimate by the reported usage',
    run(({ flush }) => {
      const { sent, send } = gated({ tokensPerMinute: 6_000 });
      send('a', () => reply(500, 500), { tokens: { input: 2_000, output: 4_000 } });
      send('b', () => reply(3_000, 5_000), { tokens: { input: 5_000, output: 0 } });
      // 6,000 - 1,000 - 8,000 tokens are left: 100 come each second.
      send('c', undefined, { tokens: { input: 3_500, output: 0 } });
      flush();
      expect(sent).toEqual(['a 0', 'b 0', 'c 65000']);
    }),
  );

  it(
    'expects more than the estimate if earlier estimates were too low',
    run(({ flush }) => {
      const { sent, send } = gated({ concurrency: 1, inputTokensPerMinute: 6_000 });
      send('a', () => reply(3_000, 1), { tokens: 2_000 });
      send('b', undefined, { tokens: 2_000 });
      send('c', undefined, { tokens: 2_000 });
      flush();
      // 2,000 and 1.1 times the 1,000 that were missing: of 6,000 tokens 3,000 are left.
      expect(sent).toEqual(['a 0', 'b 1000', 'c 32000']);
    }),
  );

  it(
    'does not count cached input that is read',
    run(({ flush }) => {
      const { sent, send } = gated({ inputTokensPerMinute: 6_000 });
      const counters = {
        ...usage(100, 1),
        cache_read_input_tokens: 50_000,
        cache_creation_input_tokens: 400,
      };
      const start = raw({ type: 'message_start', message: { usage: counters } });
      send('a', () => of(start, messageStop), { tokens: 6_000 });
      send('b', undefined, { tokens: 5_500 });
      send('c', undefined, { tokens: 100 });
      flush();
      expect(sent).toEqual(['a 0', 'b 0', 'c 1000']);
    }),
  );

  it(
    'expects the largest input and the mean output of recent requests without an estimate',
    run(({ flush }) => {
      const { sent, send } = gated({ tokensPerMinute: 6_000 });
      send('a', () => reply(3_000, 1_000));
      send('b');
      send('c');
      flush();
      // 1.1 times 3,000, and 1,000.
      expect(sent).toEqual(['a 0', 'b 23000', 'c 66000']);
    }),
  );

  it(
    'forgets no largest input while smaller ones follow',
    run(({ flush }) => {
      const { sent, send } = gated({ inputTokensPerMinute: 60_000 });
      send('a', () => reply(4_000, 1));
      for (let index = 0; index < 20; index++) send('b', () => reply(100, 1));
      send('c', () => NEVER, { tokens: 50_000 });
      // 4,000 are left, and 1,000 come each second: 4,000 * 1.1 * 0.9999 ** 20 are expected.
      send('d');
      flush();
      expect(sent.slice(-2)).toEqual(['c 0', 'd 391']);
    }),
  );

  it(
    'keeps room for the longest recent reply, and charges the mean',
    run(({ flush }) => {
      const { sent, send } = gated({ outputTokensPerMinute: 6_000 });
      // The mean is 100 + 900 / 10, the longest 1,000; 4,900 are left.
      send('a', () => reply(1, 100));
      send('b', () => reply(1, 1_000));
      send('c', () => NEVER, { tokens: { output: 3_900 } });
      send('d', () => NEVER);
      send('e', () => NEVER);
      flush();
      expect(sent).toEqual(['a 0', 'b 0', 'c 0', 'd 0', 'e 1900']);
    }),
  );

  it(
    'keeps no more than half of a limit free for a long reply',
    run(({ flush }) => {
      const { sent, send } = gated({ outputTokensPerMinute: 6_000 });
      send('a', () => reply(1, 20), { tokens: { output: 20 } });
      send('b', () => reply(1, 5_980), { tokens: { output: 20 } });
      send('c', () => NEVER, { tokens: { output: 20 } });
      flush();
      expect(sent).toEqual(['a 0', 'b 0', 'c 30000']);
    }),
  );

  it(
    'expects the output of running replies over the time that they take, not at once',
    run(({ flush }) => {
      const { sent, send } = gated({ outputTokensPerMinute: 6_000 });
      const text$ = () =>
        interval(1_000).pipe(
          take(60),
          map(() => text(0, 'word'.repeat(100))),
        );
      const long = () => concat(of(...started), text$(), reply(1, 6_000).slice(1));
      const tokens = { output: 5_900 };
      send('a', long, { tokens });
      // All of the limit is there again, and each of these writes as fast as it is refilled.
      at(120_000, () => {
        for (const name of 'bcd') send(name, long, { tokens });
      });
      flush();
      // With two of them, the limit is used up after a minute, and refilled in the next.
      expect(sent).toEqual(['a 0', 'b 120000', 'c 120000', 'd 239000']);
    }),
  );

  it(
    'counts what a running reply has written, also where nothing was expected of it',
    run(({ flush }) => {
      const { gate, send } = gated({ outputTokensPerMinute: 6_000 });
      send('a', () => concat(of(...started), written(1_200, 1_000), written(1_300, 1_000), NEVER));
      const remaining: number[] = [];
      for (const ms of [0, 1_001, 2_001]) {
        at(ms, () => {
          send('b', () => EMPTY, { tokens: 0 });
          remaining.push(gate.state.limits.outputTokens!.remaining);
        });
      }
      flush();
      expect(remaining).toEqual([5_999, 4_900, 3_700]);
    }),
  );

  it(
    'keeps room for the longest reply also while none has ended',
    run(({ flush }) => {
      const { sent, send } = gated({ outputTokensPerMinute: 6_000 });
      send('a', () => concat(of(...started), written(5_000, 1_000), NEVER));
      at(2_000, () => send('b', () => EMPTY));
      flush();
      // 1,200 are left, and half of the limit is kept free.
      expect(sent).toEqual(['a 0', 'b 20000']);
    }),
  );

  it(
    'counts the text of a reply that was cut, as the final usage is missing',
    run(({ flush }) => {
      const { sent, send } = gated({ outputTokensPerMinute: 600 });
      const text = raw({
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'text_delta', text: 'x'.repeat(2_400) },
      });
      const start = raw({ type: 'message_start', message: { usage: usage(10, 1) } });
      const cut = concat(
        of(start, text),
        throwError(() => new Error('cut')),
      );
      send('a', () => cut, { tokens: { output: 0 } });
      send('b', undefined, { tokens: { output: 10 } });
      flush();
      expect(sent).toEqual(['a 0', 'b 1000']);
    }),
  );
});

const KIND_TOKENS = { input: 1, output: 1 };

describe('RequestGate: what the API reports', () => {
  it.each([
    ['requests', 200],
    ['input-tokens', 200],
    ['requests', 429],
    ['tokens', 429],
    ['input-tokens', 429],
    ['output-tokens', 429],
  ] as const)('learns the limit of %s from the headers of a %i', (kind, status) => {
    testScheduler().run(({ flush }) => {
      const { sent, send } = gated({ concurrency: 1 });
      const headers = headersOf({ [kind]: [600, 1] });
      const refused = () => throwError(() => refusal(0, headers));
      // 600 a minute: 1 each 100 ms. Of tokens in all a request takes 2.
      send('a', status === 429 ? refused : answered(headers), { tokens: KIND_TOKENS });
      for (const name of 'bcd') send(name, undefined, { tokens: KIND_TOKENS });
      flush();
      expect(sent).toEqual(
        kind === 'tokens' ? ['a 0', 'b 100', 'c 300', 'd 500'] : ['a 0', 'b 0', 'c 100', 'd 200'],
      );
    });
  });

  it(
    'learns from the headers of a fetch that answers 429',
    run(({ flush }) => {
      const { sent, send } = gated({ concurrency: 1 });
      const headers = headersOf({ requests: [600, 0] });
      send(
        'a',
        answered(
          headers,
          throwError(() => refusal()),
          429,
        ),
      );
      for (const name of 'bc') send(name);
      flush();
      expect(sent).toEqual(['a 0', 'b 1000', 'c 1000']);
    }),
  );

  it(
    'subtracts requests that were sent after the request of a report',
    run(({ flush }) => {
      const { gate, send } = gated();
      const headers = headersOf({ requests: [60, 3] });
      send('a', (given) => timer(10).pipe(mergeMap(() => answered(headers, NEVER)(given))));
      send('b', () => NEVER);
      send('c', () => NEVER);
      flush();
      // Of the three that were left when `a` was counted, `b` and `c` have taken two.
      expect(gate.state.limits).toEqual({ requests: { limit: 60, remaining: 1 } });
    }),
  );

  it(
    'does not give back tokens that a report includes, if less was used than expected',
    run(({ flush }) => {
      const { gate, send } = gated();
      const headers = headersOf({ 'input-tokens': [9_000, 8_501] });
      const tokens = { input: 2_000 };
      send('a', answered(headers, timer(10).pipe(mergeMap(() => concat(reply(500, 1), NEVER)))), {
        tokens,
      });
      // Sent before the usage of `a` is known: a report of `b` may contain `a` or not.
      send(
        'b',
        (given) =>
          timer(20).pipe(
            mergeMap(() => answered(headersOf({ 'input-tokens': [9_000, 8_001] }), NEVER)(given)),
          ),
        { tokens },
      );
      at(11, () => expect(gate.state.limits.inputTokens!.remaining).toBe(6_502));
      at(21, () => expect(gate.state.limits.inputTokens!.remaining).toBe(7_501));
      at(22, () => expect.assertions(2));
      flush();
    }),
  );

  it(
    'is slower where the reset is later than a minute would take',
    run(({ flush }) => {
      const { sent, send } = gated({ concurrency: 1 });
      const reset = new Date(asyncScheduler.now() + 600_000).toISOString();
      const further = { 'anthropic-ratelimit-requests-reset': reset };
      send('a', answered(headersOf({ requests: [100, 0] }, further)));
      for (const name of 'bc') send(name);
      flush();
      // 100 in 600 s.
      expect(sent).toEqual(['a 0', 'b 6000', 'c 12000']);
    }),
  );

  it(
    'takes the report of the request that was sent last',
    run(({ flush }) => {
      const { gate, send } = gated();
      const after = (ms: number, remaining: number) => (given: GatedRequestOptions) =>
        timer(ms).pipe(
          mergeMap(() => answered(headersOf({ requests: [60, remaining] }), NEVER)(given)),
        );
      send('a', after(20, 50));
      send('b', after(10, 9));
      flush();
      // `a` may not have been counted yet when `b` was answered.
      expect(gate.state.limits).toEqual({ requests: { limit: 60, remaining: 8 } });
    }),
  );

  it(
    'keeps to the tighter of an option and a report',
    run(({ flush }) => {
      const { sent, send } = gated({ concurrency: 1, requestsPerMinute: 2 });
      const headers = headersOf({ requests: [600, 599] });
      for (const name of 'abc') send(name, answered(headers));
      flush();
      expect(sent).toEqual(['a 0', 'b 0', 'c 30000']);
    }),
  );

  it(
    'waits for the reset of a limit that is refilled at once',
    run(({ flush }) => {
      const { sent, send } = gated({ concurrency: 1 });
      const reset = new Date(asyncScheduler.now() + 300).toISOString();
      const further = { 'anthropic-ratelimit-requests-reset': reset };
      send('a', answered(headersOf({ requests: [100, 0] }, further)));
      for (const name of 'bc') send(name);
      flush();
      expect(sent).toEqual(['a 0', 'b 300', 'c 300']);
    }),
  );

  it(
    'reads the headers of fast mode where a response has them',
    run(({ flush }) => {
      const { gate, send } = gated();
      const headers = headersOf({ requests: [100, 99] });
      headers.set('anthropic-fast-requests-limit', '10');
      headers.set('anthropic-fast-requests-remaining', '5');
      send('a', answered(headers));
      flush();
      expect(gate.state.limits).toEqual({ requests: { limit: 10, remaining: 5 } });
    }),
  );
});

describe('RequestGate: refusals', () => {
  it(
    'sends nothing for the time of retry-after, and then the rest',
    run(({ flush }) => {
      const { sent, ends, send, gate } = gated({ concurrency: 2 });
      send('a', () => throwError(() => refusal(2_000, headersOf({ requests: [600, 100] }))));
      at(500, () => {
        send('b');
        send('c');
        expect(gate.state).toMatchObject({ waiting: 2, heldUntil: 2_000 });
      });
      flush();
      expect(ends[0]).toBe('a rate_limited');
      expect(sent).toEqual(['a 0', 'b 2000', 'c 2000']);
      expect(gate.state.heldUntil).toBeUndefined();
    }),
  );

  it(
    'honours retry-after of a good response, and of an overloaded API',
    run(({ flush }) => {
      const { sent, send } = gated();
      send('a', answered(new Headers({ 'retry-after': '3' })));
      at(4_000, () =>
        send('b', () => {
          const error = { code: 'overloaded', retryAfterMs: 500 } as const;
          return throwError(() => new MessageStreamError('Overloaded', error));
        }),
      );
      at(1_000, () => send('c'));
      at(4_001, () => send('d'));
      flush();
      expect(sent).toEqual(['a 0', 'c 3000', 'b 4000', 'd 4500']);
    }),
  );

  it(
    'waits 1 s after a rate_limit_error frame in a 200, and longer after each further one',
    run(({ flush }) => {
      const { sent, send } = gated({ concurrency: 1 });
      const frame = () =>
        concat(
          of(reply(1, 1)[0]),
          throwError(() => refusal()),
        );
      for (const name of 'abc') send(name, frame);
      send('d', () => of(...reply(1, 1)));
      send('e', frame);
      send('f');
      flush();
      expect(sent).toEqual(['a 0', 'b 1000', 'c 3000', 'd 7000', 'e 7000', 'f 8000']);
    }),
  );

  it(
    'counts the refusals of requests that were sent together as one',
    run(({ flush }) => {
      const { sent, send } = gated({ concurrency: 3 });
      for (const name of 'abc') {
        send(name, () => timer(10).pipe(mergeMap(() => throwError(() => refusal()))));
      }
      at(20, () => send('d'));
      flush();
      expect(sent).toEqual(['a 0', 'b 0', 'c 0', 'd 1010']);
    }),
  );

  it(
    'sends a single request first where no limits are reported',
    run(({ flush }) => {
      const { sent, send } = gated();
      send('a', () => throwError(() => refusal()));
      const first = () => concat(timer(50).pipe(map(() => reply(1, 1)[0])), NEVER);
      for (const name of 'bcd') send(name, first);
      flush();
      expect(sent).toEqual(['a 0', 'b 1000', 'c 1050', 'd 1050']);
    }),
  );

  it(
    'sends another one first where the first leaves without an answer',
    run(({ flush }) => {
      const { sent, send } = gated();
      send('a', () => throwError(() => refusal()));
      const subscription = send('b', () => NEVER);
      send('c', answered(new Headers(), NEVER));
      send('d');
      at(1_500, () => subscription.unsubscribe());
      flush();
      expect(sent).toEqual(['a 0', 'b 1000', 'c 1500', 'd 1500']);
    }),
  );

  it(
    'learns from a refusal inside a retryResumable in the request',
    run(({ flush }) => {
      const { sent, send } = gated({ concurrency: 2 });
      const seam = { type: 'resume', attempt: 2, keep: 0, error: refusal(700) };
      send('a', () => concat(of(seam), NEVER));
      send('b', answered(new Headers(), NEVER));
      flush();
      expect(sent).toEqual(['a 0', 'b 700']);
    }),
  );

  it(
    'does not wait for a spend limit, which waiting does not cure',
    run(({ flush }) => {
      const { sent, send } = gated({ concurrency: 1 });
      const spent = new MessageStreamError('Spent', { code: 'rate_limited', retryable: false });
      send('a', () => throwError(() => spent));
      send('b');
      flush();
      expect(sent).toEqual(['a 0', 'b 0']);
    }),
  );

  it(
    'does not charge a request that was refused',
    run(({ flush }) => {
      const { sent, send } = gated({ requestsPerMinute: 1, tokensPerMinute: 1_000 });
      send('a', () => throwError(() => refusal(0, new Headers())), { tokens: 1_000 });
      send('b', undefined, { tokens: 1_000 });
      flush();
      expect(sent).toEqual(['a 0', 'b 0']);
    }),
  );
});

describe('RequestGate: order', () => {
  /** Sends `rows` behind a request that takes 1 ms, one after another. */
  function order(rows: readonly [name: string, options?: GateRunOptions][]): string {
    let sent: readonly string[] = [];
    testScheduler().run(({ flush }) => {
      const { sent: names, send } = gated({ concurrency: 1 });
      send('-', () => timer(1));
      for (const [name, options] of rows) send(name, () => timer(1), options);
      flush();
      sent = names;
    });
    return sent.map((row) => row[0]).join('');
  }

  it('is that of arrival for one key', () => {
    expect(order([['a'], ['b'], ['c']])).toBe('-abc');
  });

  it('is fair between keys, however many of one wait', () => {
    const of = (key: string, count: number) =>
      Array.from({ length: count }, (): [string, GateRunOptions] => [key, { key }]);
    expect(order([...of('a', 4), ...of('b', 2), ...of('c', 1)])).toBe('-abcabaa');
  });

  it('is fair in tokens, not in requests', () => {
    const of = (key: string, tokens: number) =>
      Array.from({ length: 4 }, (): [string, GateRunOptions] => [key, { key, tokens }]);
    expect(order([...of('a', 300), ...of('b', 100)])).toBe('-abbbabaa');
  });

  it('gives a key no credit for the time in which it had no requests', () => {
    testScheduler().run(({ flush }) => {
      const { sent, send } = gated({ concurrency: 1 });
      const key = (name: string) => ({ key: name, tokens: 1 });
      for (let index = 0; index < 8; index++) send('a', () => timer(1), key('a'));
      at(4.5, () => {
        for (let index = 0; index < 4; index++) send('b', () => timer(1), key('b'));
      });
      flush();
      expect(sent.map((row) => row[0]).join('')).toBe('aaaaabababab');
    });
  });

  it('keeps the credit of a waiting key that received less than expected', () => {
    testScheduler().run(({ flush }) => {
      const { sent, send } = gated({ concurrency: 2 });
      // Expected to use 100, but uses 1: `b` keeps the rest as credit, although `a` was served meanwhile.
      const cheap = () => timer(5).pipe(mergeMap(() => reply(1, 0)));
      send('b', cheap, { key: 'b', tokens: 100 });
      const short = () => timer(1).pipe(ignoreElements());
      for (let index = 0; index < 8; index++) send('a', short, { key: 'a', tokens: 10 });
      for (let index = 0; index < 4; index++) send('b', short, { key: 'b', tokens: 10 });
      flush();
      expect(sent.map((row) => row[0]).join('')).toBe('baaaaabbbbaaa');
    });
  });

  it('starts a new key at the level of its own priority', () => {
    testScheduler().run(({ flush }) => {
      const { sent, send } = gated({ concurrency: 1 });
      const of = (key: string, tokens: number, priority = 0) =>
        send(key, () => timer(1), { key, tokens, priority });
      for (let index = 0; index < 3; index++) of('a', 10);
      of('v', 1_000, 1);
      of('v', 1_000, 1);
      at(2.5, () => of('n', 10));
      flush();
      expect(sent.map((row) => row[0]).join('')).toBe('avvnaa');
    });
  });

  it('is by priority first', () => {
    expect(
      order([
        ['a', { priority: -1 }],
        ['b', { key: 'x' }],
        ['c', { key: 'x' }],
        ['d', { priority: 5, key: 'x' }],
      ]),
    ).toBe('-dbca');
  });

  it('lets no smaller request overtake one that waits for many tokens', () => {
    testScheduler().run(({ flush }) => {
      const { sent, send } = gated({ tokensPerMinute: 600 });
      for (const [name, tokens] of [
        ['a', 600],
        ['b', 600],
        ['c', 1],
      ] as const) {
        send(name, undefined, { key: name, tokens });
      }
      flush();
      expect(sent).toEqual(['a 0', 'b 60000', 'c 60100']);
    });
  });
});

describe('RequestGate: waiting', () => {
  it('refuses requests that do not fit into the queue', () => {
    testScheduler().run(({ flush }) => {
      const { gate, ends, send } = gated({ concurrency: 1, maxQueue: 1, requestsPerMinute: 1 });
      send('a', () => timer(10));
      send('b', () => timer(10));
      let error: MessageStreamError | undefined;
      gate.run(() => EMPTY).subscribe({ error: (thrown) => (error = thrown) });
      at(20, () => {
        send('d');
        expect(ends).toEqual(['a complete', 'd rate_limited']);
      });
      flush();
      expect(error).toMatchObject({ code: 'rate_limited', retryable: true, retryAfterMs: 1_000 });
      expect(error?.message).toBe(
        'The queue of the RequestGate is full: 1 requests wait, maxQueue is 1. ' +
          'Send fewer requests at once, or raise maxQueue',
      );
      expect(ends).toEqual(['a complete', 'd rate_limited', 'b complete']);
    });
  });

  it('has the time until the first waiting request may be sent in retryAfterMs', () => {
    testScheduler().run(({ flush }) => {
      const { gate, send } = gated({ maxQueue: 1, requestsPerMinute: 2 });
      for (const name of 'abc') send(name);
      let error: MessageStreamError | undefined;
      gate.run(() => EMPTY).subscribe({ error: (thrown) => (error = thrown) });
      expect(error?.retryAfterMs).toBe(30_000);
      flush();
    });
  });

  it('queues no request with maxQueue: 0', () => {
    const { gate, ends, send } = gated({ concurrency: 1, maxQueue: 0 });
    const subscription = send('a', () => NEVER);
    send('b');
    subscription.unsubscribe();
    send('c');
    expect(ends).toEqual(['b rate_limited', 'c complete']);
    expect(gate.state).toMatchObject({ running: 0, waiting: 0 });
  });

  it(
    'ends with an unsubscribe: the request is never made, and nothing is left',
    run(({ flush }) => {
      const { gate, sent, send } = gated({ requestsPerMinute: 1 });
      send('a');
      const subscription = send('b');
      expect(gate.state).toMatchObject({ waiting: 1 });
      at(10, () => subscription.unsubscribe());
      flush();
      expect(gate.state).toMatchObject({ waiting: 0 });
      // The timer is gone too.
      expect(asyncScheduler.now()).toBe(10);
      expect(sent).toEqual(['a 0']);
    }),
  );

  it(
    'sends the next at once where the first that waits leaves',
    run(({ flush }) => {
      const { sent, send } = gated({ tokensPerMinute: 600 });
      send('a', undefined, { tokens: 300 });
      const subscription = send('b', undefined, { tokens: 600 });
      send('c', undefined, { tokens: 300 });
      at(10, () => subscription.unsubscribe());
      flush();
      expect(sent).toEqual(['a 0', 'c 10']);
    }),
  );

  it(
    'waits for a limit of a month no longer than a timer can',
    run(({ flush }) => {
      const { gate, send } = gated();
      send('a', () => throwError(() => refusal(40 * 86_400_000)));
      const subscription = send('b');
      at(3_000_000_000, () => subscription.unsubscribe());
      flush();
      expect(gate.state.waiting).toBe(0);
    }),
  );

  it('is timed on the scheduler that is given', () => {
    const scheduler = new VirtualTimeScheduler();
    const { sent, send } = gated({ requestsPerMinute: 1, scheduler });
    send('a');
    send('b');
    scheduler.flush();
    expect(scheduler.now()).toBe(60_000);
    expect(sent).toHaveLength(2);
  });
});

describe('RequestGate: state$', () => {
  it('emits the state at subscription and on each change', () => {
    const gate = new RequestGate({ concurrency: 1, requestsPerMinute: 60 });
    const seen: RequestGateState[] = [];
    const watch = gate.state$.subscribe((state) => seen.push(state));
    const first = gate.run(() => NEVER).subscribe();
    const second = gate.run(() => NEVER).subscribe();
    second.unsubscribe();
    first.unsubscribe();
    watch.unsubscribe();
    gate.run(() => EMPTY).subscribe();
    expect(seen.map(({ running, waiting }) => [running, waiting])).toEqual([
      [0, 0],
      [1, 0],
      [1, 1],
      [1, 0],
      [0, 0],
    ]);
    expect(seen[1]).toEqual({
      running: 1,
      waiting: 0,
      heldUntil: undefined,
      limits: { requests: { limit: 60, remaining: 59 } },
    });
  });

  it(
    'shows the end of a hold for which nothing waits, and has a timer only while it is observed',
    run(({ flush }) => {
      const { gate, send } = gated();
      send('a', () => throwError(() => refusal(5_000)));
      const seen: [number, boolean][] = [];
      const watch = () =>
        gate.state$.subscribe(({ heldUntil }) =>
          seen.push([asyncScheduler.now(), heldUntil !== undefined]),
        );
      at(1_000, () => {
        const first = watch();
        at(9_000, () => first.unsubscribe());
      });
      flush();
      expect(seen).toEqual([
        [1_000, true],
        [5_000, false],
      ]);
      send('b', () => throwError(() => refusal(5_000)));
      const before = asyncScheduler.now();
      watch().unsubscribe();
      flush();
      expect(asyncScheduler.now()).toBe(before);
    }),
  );
});

describe('RequestGate and its arguments', () => {
  it.each<[RequestGateOptions, RegExp]>([
    [{ concurrency: 0 }, /RequestGate: `concurrency` must be a whole number, at least 1, not 0/],
    [{ concurrency: 1.5 }, /not 1.5/],
    [{ concurrency: '8' as never }, /not '8'/],
    [{ maxQueue: -1 }, /`maxQueue` must be a whole number, at least 0, not -1/],
    [{ requestsPerMinute: 0 }, /`requestsPerMinute` must be a number above 0, not 0/],
    [{ tokensPerMinute: Number.NaN }, /`tokensPerMinute`.*NaN/],
    [{ inputTokensPerMinute: -5 }, /`inputTokensPerMinute`/],
    [{ outputTokensPerMinute: '9' as never }, /`outputTokensPerMinute`/],
  ])('refuses the options %o', (options, message) => {
    expect(() => new RequestGate(options)).toThrow(TypeError);
    expect(() => new RequestGate(options)).toThrow(message);
  });

  it.each<[GateRunOptions, RegExp]>([
    [{ priority: Number.NaN }, /RequestGate.run: `priority` must be a number, not NaN/],
    [{ tokens: -1 }, /`tokens.input` must be a number, at least 0 and finite, not -1/],
    [{ tokens: { output: Infinity } }, /`tokens.output`.*Infinity/],
  ])('refuses the run options %o', (options, message) => {
    expect(() => new RequestGate().run(() => EMPTY, options)).toThrow(TypeError);
    expect(() => new RequestGate().run(() => EMPTY, options)).toThrow(message);
  });

  it('refuses an argument that is not a function', () => {
    expect(() => new RequestGate().run(NEVER as never)).toThrow(
      /RequestGate.run: `request` must be a function.*not an object/,
    );
  });
});
