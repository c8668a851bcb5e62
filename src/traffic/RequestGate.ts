import {
  asyncScheduler,
  defer,
  finalize,
  Observable,
  type ObservableInput,
  type SchedulerLike,
  Subject,
  type Subscription,
  tap,
} from 'rxjs';
import { LONGEST_TIMER } from '../flow/longestTimer.ts';
import { requireFunction, requireNumbers } from '../flow/require.ts';
import { MessageStreamError } from '../message/MessageStreamError.ts';
import { fields } from '../message/record.ts';
import { retryAfterMs } from '../message/toMessageStreamError.ts';
import type { ResponseInfo } from '../sources/SourceOptions.ts';
import { Allowance, type Cost } from './Allowance.ts';
import { FairQueue } from './FairQueue.ts';
import { KINDS, rateLimitReport } from './rateLimitHeaders.ts';
import { RefusalHold } from './RefusalHold.ts';
import type {
  GatedRequestOptions,
  GateRunOptions,
  RequestGateOptions,
  RequestGateState,
} from './RequestGateOptions.ts';
import type { ExpectedUse } from './TokenBucket.ts';
import { TokenCount } from './TokenCount.ts';
import { UsageEstimate } from './UsageEstimate.ts';

/** One request, from the subscription to its end. */
interface Ticket {
  readonly key: unknown;
  readonly priority: number;
  readonly expected: Partial<Cost>;
  readonly start: () => void;
  readonly count: TokenCount;
  state: 'waiting' | 'running' | 'complete' | 'over';
  /** The amount that its key is charged. */
  share: number;
  /** The input tokens that its events have reported. */
  usedInput?: number;
  /** The amount that the limits are charged now, with the output that was written so far. */
  cost: Cost;
  /** The expected output while it runs; then 0. */
  expectedOutput: number;
  sentAt: number;
  requests: number;
  /** The number of the request in the order of sending. */
  sequence: number;
  /** The amount of each limit that the server had counted when the request was sent. */
  contained: readonly number[];
  /** Whether the server has certainly counted its input. */
  isCounted: boolean;
}

/**
 * Sends requests as fast as the API's rate limits allow, and keeps the others in a queue. It limits
 * concurrency, and requests and tokens per minute. Create one gate per process and family of models.
 *
 * ```text
 * run    a-b-c-------------
 *        gate.run, concurrency: 2, each reply takes 6
 * result ------a-b---c---
 * ```
 *
 * It reads the limits from the headers `anthropic-ratelimit-*` and `retry-after` of each response
 * (also of HTTP 429), and from `rate_limit_error` frames. A request that the API would refuse waits.
 * Before the first response, the gate knows only its options.
 *
 * - Order: the highest priority first; within a priority the key that has received the fewest tokens;
 *   within a key the order of arrival. Smaller requests do not overtake a request that waits for many
 *   tokens.
 * - A refused request is not sent again: put `retryResumable` behind `run`. After a refusal, nothing
 *   is sent until `retry-after` has passed. Without `retry-after` the gate waits 1 s, and twice as
 *   long after each further refusal, up to 60 s. If no limits are reported, a single request is sent
 *   first after that.
 * - Full queue: the Observable errors with code `rate_limited`. `retryAfterMs` is the time until the
 *   first waiting request may be sent, at least 1,000 ms.
 * - Complete, error, unsubscribe, even before the response headers: the place is free at once.
 *
 * @throws TypeError when an option is out of its range.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, RequestGate, textOnly } from 'claude-rx';
 *
 * const client = new Anthropic();
 * const gate = new RequestGate({ concurrency: 8 });
 *
 * const ask = (user: string, params: Anthropic.MessageCreateParamsNonStreaming) =>
 *   gate
 *     .run((options) => fromMessages(client, params, options), { key: user })
 *     .pipe(textOnly());
 * ```
 */
export class RequestGate {
  readonly #concurrency: number;
  readonly #maxQueue: number;
  readonly #scheduler: SchedulerLike;
  readonly #allowances: readonly Allowance[];
  readonly #queue = new FairQueue<Ticket>();
  readonly #changes = new Subject<void>();
  readonly #hold = new RefusalHold<Ticket>();
  readonly #running = new Set<Ticket>();
  #sequence = 0;
  /** The number of the latest request with a report of limits. */
  #reported = 0;
  readonly #usage = new UsageEstimate();
  #isDraining = false;
  /** When the next waiting request may be sent; `Infinity` if it waits for a running one to end. */
  #sendAt = Infinity;
  #timer: { readonly at: number; readonly subscription: Subscription } | undefined;

  /** Emits `state` at subscription, and at each change. It never completes. */
  readonly state$: Observable<RequestGateState> = new Observable((subscriber) => {
    subscriber.next(this.state);
    const changes = this.#changes.subscribe(() => subscriber.next(this.state));
    // The state changes at the end of a hold, even if no request waits for it.
    this.#setTimer();
    return () => {
      changes.unsubscribe();
      this.#setTimer();
    };
  });

  constructor(options: RequestGateOptions = {}) {
    const { concurrency = 8, maxQueue = 1_000, scheduler = asyncScheduler } = options;
    requireNumbers('RequestGate', { concurrency }, { min: 1, whole: true });
    requireNumbers('RequestGate', { maxQueue }, { min: 0, whole: true });
    this.#concurrency = concurrency;
    this.#maxQueue = maxQueue;
    this.#scheduler = scheduler;
    const now = scheduler.now();
    this.#allowances = KINDS.map((kind) => {
      const name = `${kind}PerMinute` as const;
      requireNumbers('RequestGate', { [name]: options[name] }, { above: 0 });
      return new Allowance(kind, options[name] ?? Infinity, now);
    });
  }

  /** The numbers of running and waiting requests, and what is left of the limits. */
  get state(): RequestGateState {
    this.#meter();
    const now = this.#scheduler.now();
    const views = this.#allowances.flatMap((allowance) => {
      const view = allowance.view(now);
      return view ? [[allowance.kind, view] as const] : [];
    });
    const heldUntil = this.#hold.until > now ? this.#hold.until : undefined;
    const limits: RequestGateState['limits'] = Object.fromEntries(views);
    return { running: this.#running.size, waiting: this.#queue.size, heldUntil, limits };
  }

  /**
   * Calls `request` when it may be sent, and emits the values of the Observable that it returns.
   * `request` must pass its options on to `fromMessages` or `fromResponse`.
   *
   * - Cold: each subscription waits and sends again, so `retryResumable` works behind it.
   * - Unsubscribe: removes the request from the queue, or aborts it.
   *
   * @throws TypeError when `request` is not a function, or an option is out of its range.
   */
  run<T>(
    request: (options: GatedRequestOptions) => ObservableInput<T>,
    { key, priority = 0, tokens = {} }: GateRunOptions = {},
  ): Observable<T> {
    const caller = 'RequestGate.run';
    const wanted = 'a function, such as (options) => fromMessages(client, params, options)';
    requireFunction(caller, 'request', request, wanted);
    requireNumbers(caller, { priority }, {});
    const expected = typeof tokens === 'object' ? tokens : { input: tokens };
    const { input, output } = expected;
    const ofTokens = { 'tokens.input': input, 'tokens.output': output };
    requireNumbers(caller, ofTokens, { min: 0, max: Number.MAX_VALUE });

    return new Observable<T>((subscriber) => {
      const ticket: Ticket = {
        key,
        priority,
        expected: {
          ...(input !== undefined && { input }),
          ...(output !== undefined && { output }),
        },
        start: () => this.#send(ticket, request).subscribe(subscriber),
        count: new TokenCount(),
        state: 'waiting',
        cost: { input: 0, output: 0 },
        expectedOutput: 0,
        sentAt: 0,
        requests: 1,
        sequence: 0,
        share: 0,
        contained: [],
        isCounted: false,
      };
      const isFull = this.#queue.size >= this.#maxQueue;
      if (isFull && (this.#queue.size > 0 || this.#wait(ticket) > 0)) {
        return subscriber.error(this.#queueFull());
      }
      this.#queue.push(ticket);
      subscriber.add(() => this.#queue.remove(ticket) && this.#drain());
      this.#drain();
    });
  }

  #send<T>(
    ticket: Ticket,
    request: (options: GatedRequestOptions) => ObservableInput<T>,
  ): Observable<T> {
    const options: GatedRequestOptions = {
      onResponse: (response) => this.#onResponse(ticket, response),
      request: { maxRetries: 0 },
    };
    return defer(() => request(options)).pipe(
      tap({
        next: (event) => this.#onEvent(ticket, event),
        error: (error) => this.#onError(ticket, error),
        complete: () => this.#onComplete(ticket),
      }),
      // Runs after the request itself has ended, so never more than `concurrency` requests run.
      finalize(() => this.#release(ticket)),
    );
  }

  /** Sends the requests that may be sent, and sets the timer for the next. */
  #drain(): void {
    // Prevents recursion when requests end synchronously.
    if (this.#isDraining) return;
    this.#isDraining = true;
    let wait = Infinity;
    while (this.#queue.size > 0 && this.#hasPlace) {
      const ticket = this.#queue.peek()!;
      wait = this.#wait(ticket);
      if (wait > 0) break;
      this.#begin(ticket);
    }
    this.#isDraining = false;
    const isWaiting = this.#queue.size > 0 && this.#hasPlace;
    this.#sendAt = isWaiting ? this.#scheduler.now() + wait : Infinity;
    this.#setTimer();
    if (this.#queue.size === 0 && this.#running.size === 0) this.#queue.reset();
    if (this.#changes.observed) this.#changes.next();
  }

  get #hasPlace(): boolean {
    return this.#running.size < this.#concurrency && !this.#hold.isProbing;
  }

  /** Milliseconds until the request may be sent; `Infinity` if it waits for a running one to end. */
  #wait(ticket: Ticket): number {
    if (!this.#hasPlace) return Infinity;
    const now = this.#scheduler.now();
    this.#meter();
    const cost = this.#usage.cost(ticket.expected);
    const extra = { input: 0, output: this.#usage.headroom(ticket.expected) };
    const pending = this.#pendingOutput();
    const waits = this.#allowances.map((allowance) => allowance.wait(cost, extra, pending, now));
    return Math.max(0, this.#hold.until - now, ...waits);
  }

  #begin(ticket: Ticket): void {
    this.#meter();
    const { input, output } = this.#usage.cost(ticket.expected);
    this.#queue.take(ticket);
    this.#running.add(ticket);
    ticket.sentAt = this.#scheduler.now();
    ticket.expectedOutput = output;
    ticket.state = 'running';
    ticket.sequence = ++this.#sequence;
    ticket.contained = this.#allowances.map(({ counted }) => counted);
    ticket.requests = 0;
    this.#charge(ticket, { input, output: 0 }, 1);
    this.#hold.sent(ticket);
    ticket.start();
  }

  /** Charges the output that was written since the last call. */
  #meter(): void {
    for (const ticket of this.#running) {
      const { output } = ticket.count;
      if (output === ticket.cost.output) continue;
      this.#charge(ticket, { ...ticket.cost, output });
      this.#usage.learnLength(ticket.expected, output);
    }
  }

  /** The output that the running replies are still expected to write, by the time of their ends. */
  #pendingOutput(): ExpectedUse[] {
    const pending: ExpectedUse[] = [];
    for (const { expected, cost } of this.#running) {
      // Uses the newest estimate, not the estimate at the time of sending.
      const amount = this.#usage.cost(expected).output - cost.output;
      if (amount > 0) pending.push({ amount, ms: this.#usage.duration(amount) });
    }
    return pending.toSorted((one, other) => one.ms - other.ms);
  }

  /** Changes the amount that the limits and the key are charged for the request. */
  #charge(ticket: Ticket, cost: Cost, requests: number = ticket.requests): void {
    const now = this.#scheduler.now();
    for (const allowance of this.#allowances) {
      const sent = allowance.sent(requests, cost) - allowance.sent(ticket.requests, ticket.cost);
      allowance.spend(sent, now, ticket);
      if (ticket.isCounted) allowance.count(sent);
      allowance.write(allowance.received(cost) - allowance.received(ticket.cost), now);
    }
    const share = Math.max(1, cost.input + Math.max(cost.output, ticket.expectedOutput));
    this.#queue.charge(ticket.key, share - ticket.share);
    ticket.share = share;
    ticket.cost = cost;
    ticket.requests = requests;
  }

  /** The server has counted the request, and its amount is known. */
  #count(ticket: Ticket): void {
    if (ticket.isCounted) return;
    ticket.isCounted = true;
    for (const allowance of this.#allowances) {
      allowance.count(allowance.sent(ticket.requests, ticket.cost), ticket);
    }
  }

  #onResponse(ticket: Ticket, { status, headers }: ResponseInfo): void {
    if (ticket.state !== 'running') return;
    const isAdmitted = status < 400;
    if (isAdmitted) this.#hold.admitted(ticket);
    this.#learn(ticket, headers, isAdmitted);
    const asked = retryAfterMs(
      headers.get('retry-after-ms') ?? undefined,
      headers.get('retry-after') ?? undefined,
    );
    if (asked !== undefined) this.#hold.begin(asked, this.#scheduler.now(), this.#sequence);
    this.#drain();
  }

  #onEvent(ticket: Ticket, event: unknown): void {
    const { type, error } = fields(event);
    // A `retryResumable` inside of the request: its refusals count too.
    if (type === 'resume') this.#refused(ticket, error);
    else if (this.#hold.admitted(ticket)) this.#drain();
    if (!ticket.count.push(event)) return;
    const input = ticket.count.used?.input;
    if (input === undefined || input === ticket.usedInput) return;
    ticket.usedInput = input;
    this.#usage.learnInput(ticket.expected, input);
    this.#charge(ticket, { ...ticket.cost, input });
    this.#count(ticket);
    this.#drain();
  }

  #onError(ticket: Ticket, error: unknown): void {
    const { headers } = fields(fields(error)['cause']);
    if (typeof fields(headers)['get'] === 'function') {
      this.#learn(ticket, headers as Headers, false);
    }
    const isRefusal = this.#refused(ticket, error);
    // An HTTP error uses no tokens; a refusal does not count as a request either.
    const isHttpError = error instanceof MessageStreamError && error.status !== undefined;
    if (isHttpError && !ticket.isCounted) {
      this.#charge(ticket, { input: 0, output: 0 }, isRefusal ? 0 : 1);
    }
  }

  #onComplete(ticket: Ticket): void {
    ticket.state = 'complete';
    this.#hold.completed(ticket);
    const { used } = ticket.count;
    if (used === undefined) return;
    const took = this.#scheduler.now() - ticket.sentAt;
    this.#usage.learnOutput(ticket.expected, used.output, took);
  }

  #release(ticket: Ticket): void {
    const { state, cost, expectedOutput } = ticket;
    // Without a reported usage, a complete reply is charged the expected output.
    const unreported = { ...cost, output: state === 'complete' ? expectedOutput : 0 };
    ticket.expectedOutput = 0;
    this.#charge(ticket, ticket.count.used ?? unreported);
    this.#count(ticket);
    ticket.state = 'over';
    this.#running.delete(ticket);
    this.#hold.ended(ticket);
    this.#drain();
  }

  #learn(ticket: Ticket, headers: Pick<Headers, 'get'>, isAdmitted: boolean): void {
    // An older report would only make the state less exact.
    if (ticket.sequence < this.#reported) return;
    this.#meter();
    const now = this.#scheduler.now();
    for (const [index, allowance] of this.#allowances.entries()) {
      const report = rateLimitReport(headers, allowance.kind, now);
      if (report === undefined) continue;
      this.#reported = ticket.sequence;
      const before = ticket.contained[index] ?? 0;
      if (isAdmitted) {
        const own = allowance.sent(ticket.requests, ticket.cost);
        allowance.learn(report, before + own, now, ticket.isCounted ? undefined : ticket);
      } else allowance.learn(report, before, now);
    }
  }

  /** Handles a refusal by rate limits; returns whether the error is one. */
  #refused(ticket: Ticket, error: unknown): boolean {
    if (!(error instanceof MessageStreamError)) return false;
    const now = this.#scheduler.now();
    // Waiting does not help against a spend limit.
    const isRefusal = error.code === 'rate_limited' && error.retryable;
    if (error.retryAfterMs !== undefined) this.#hold.begin(error.retryAfterMs, now, this.#sequence);
    else if (isRefusal) this.#hold.backOff(ticket, now, this.#sequence);
    const isKnown = this.#allowances.some(({ isReported }) => isReported);
    if (isRefusal && !isKnown) this.#hold.probeNext();
    return isRefusal;
  }

  /** Sets the timer for the next request and, if `state$` is observed, for the end of a hold. */
  #setTimer(): void {
    const now = this.#scheduler.now();
    const { until } = this.#hold;
    const heldUntil = this.#changes.observed && until > now ? until : Infinity;
    const at = Math.ceil(Math.min(this.#sendAt, heldUntil));
    if (this.#timer?.at === at) return;
    this.#timer?.subscription.unsubscribe();
    this.#timer = undefined;
    if (at === Infinity) return;
    const subscription = this.#scheduler.schedule(
      () => {
        this.#timer = undefined;
        this.#drain();
      },
      Math.min(at - now, LONGEST_TIMER),
    );
    this.#timer = { at, subscription };
  }

  #queueFull(): MessageStreamError {
    const next = this.#queue.peek();
    const wait = next ? this.#wait(next) : this.#hold.until - this.#scheduler.now();
    return new MessageStreamError(
      `The queue of the RequestGate is full: ${this.#queue.size} requests wait, maxQueue is ` +
        `${this.#maxQueue}. Send fewer requests at once, or raise maxQueue`,
      { code: 'rate_limited', retryAfterMs: Number.isFinite(wait) ? Math.max(1_000, wait) : 1_000 },
    );
  }
}
