import {
  asyncScheduler,
  type MonoTypeOperatorFunction,
  Observable,
  type SchedulerLike,
  type Subscriber,
  Subscription,
} from 'rxjs';
import { requireNumbers } from '../src/flow/require.ts';
import { LONGEST_TIMER } from '../src/flow/longestTimer.ts';
import type { Valve } from '../src/flow/Valve.ts';
import { MessageSubscriber } from '../src/flow/MessageSubscriber.ts';
import { MessageClocks, type MessageLimits } from '../src/flow/MessageClocks.ts';
import { MessageStreamError } from '../src/message/MessageStreamError.ts';
import type { AnyStreamEvent } from '../src/message/StreamEvent.ts';

export type { MessageLimits } from '../src/flow/MessageClocks.ts';

/** Limits in milliseconds, at least one; one that is left out or `Infinity` is off. */
export interface MessageTimeoutConfig extends MessageLimits {
  /**
   * The valve of the source: while it is closed it is we who do not read, and only `total` runs.
   */
  valve?: Pick<Valve, 'open$'>;
  /**
   * Whether the `partial` of the error holds the content. With `false` it holds all but that, and a
   * reply of any length takes no memory. Default: `true`.
   */
  keepContent?: boolean;
  /** Default: `asyncScheduler`. */
  scheduler?: SchedulerLike;
}

/**
 * Ends a reply that has gone silent with an error of code `timeout`, which can be retried.
 *
 * ```text
 * source  -m--t--p--p--p--p--p-       m, t: content  p: ping
 *         messageTimeout({ liveness: 5, progress: 11 })
 * result  -m--t--p--p--p-#            11 without content: progress
 *
 * source  -m--t--p---------t---
 *         messageTimeout({ liveness: 5, progress: 11 })
 * result  -m--t--p----#               5 without anything: liveness
 * ```
 *
 * There are two clocks, because a ping shows that the connection is alive, but not that the reply makes progress. A
 * clock that takes them for progress never ends a dead reply; one that is blind to them kills long
 * thinking.
 *
 * - `liveness`, such as 30,000, is fed by every event, and finds the lost connection.
 * - `progress`, such as 120,000, is fed by what belongs to the message, and so neither by pings nor
 *   by events of unknown types. While a model thinks and its thinking is not shown
 *   (`display: 'omitted'`) there are only pings: be generous, or leave it out.
 * - `first` ends with the first event. Without it `progress` covers that time, else `liveness`, so
 *   that nobody waits for ever. It runs from the subscription, and so holds the SDK's own retries
 *   and its `timeout`, which covers the time to the headers (SDK src/client.ts): choose it greater
 *   than those, and leave that time to the SDK.
 * - `total` is for the whole message, however lively it is.
 *
 * Put it right behind the source: `textOnly` and the like take the pings away, and a retry behind it
 * starts the clocks anew. `message_stop` stops them; content of a further message sets them going.
 * Where the source has a `valve`, give it here as well: a pause of ours is no silence of the server.
 *
 * - Timeout: the source is unsubscribed. The error names the limit and what had arrived last, and
 *   its `partial` is the message so far.
 * - Error, complete, unsubscribe: passed on, and no timer remains.
 * - One timer runs at a time, and it is not set anew for each event. Where it is late because the
 *   program was busy, what waits in the socket is heard first.
 *
 * @throws TypeError when there is no limit, or one that is not above 0.
 *
 * @example
 * ```ts
 * import type Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, messageTimeout, textOnly } from 'claude-rx';
 *
 * const reply = (client: Anthropic, params: Anthropic.MessageCreateParamsNonStreaming) =>
 *   fromMessages(client, params).pipe(
 *     messageTimeout({ liveness: 30_000, progress: 120_000 }),
 *     textOnly(),
 *   );
 * ```
 */
export function messageTimeout<E extends AnyStreamEvent>({
  scheduler = asyncScheduler,
  valve,
  keepContent = true,
  ...limits
}: MessageTimeoutConfig): MonoTypeOperatorFunction<E> {
  requireLimits(limits);
  const config = { scheduler, valve, keepContent, limits };
  return (source) =>
    new Observable((subscriber) => source.subscribe(new TimeoutSubscriber(subscriber, config)));
}

/** One subscriber, as in `requireMessageStop`. */
class TimeoutSubscriber<E extends AnyStreamEvent> extends MessageSubscriber<E> {
  readonly #clocks: MessageClocks;
  readonly #scheduler: SchedulerLike;
  #timer = Subscription.EMPTY;

  constructor(
    destination: Subscriber<E>,
    {
      scheduler,
      valve,
      keepContent,
      limits,
    }: {
      scheduler: SchedulerLike;
      valve: MessageTimeoutConfig['valve'];
      keepContent: boolean;
      limits: MessageLimits;
    },
  ) {
    super(destination, keepContent);
    this.#scheduler = scheduler;
    this.#clocks = new MessageClocks(limits, scheduler.now());
    this.add(() => this.#timer.unsubscribe());
    if (valve) this.add(valve.open$.subscribe((isOpen) => this.#pause(isOpen)));
    else this.#arm(this.#clocks.remaining(scheduler.now()));
  }

  protected override _next(event: E): void {
    this.receive(event);
    const now = this.#scheduler.now();
    if (this.#clocks.push(event, now)) this.#arm(Math.max(0, this.#clocks.remaining(now)));
    super._next(event);
  }

  #pause(isOpen: boolean): void {
    const now = this.#scheduler.now();
    if (isOpen) this.#clocks.resume(now);
    else this.#clocks.pause(now);
    this.#arm(this.#clocks.remaining(now));
  }

  #arm(delay: number, isLastChance = false): void {
    this.#timer.unsubscribe();
    // Set before scheduling, because a scheduler may call at once, and arm again.
    const own = (this.#timer = new Subscription());
    if (delay === Infinity) return;
    const check = (isLast = false) => this.#check(isLast);
    own.add(this.#scheduler.schedule(check, Math.min(delay, LONGEST_TIMER), isLastChance));
  }

  #check(isLastChance: boolean): void {
    const remaining = this.#clocks.remaining(this.#scheduler.now());
    if (remaining > 0) return this.#arm(remaining);
    // A busy program makes it late, and may not have read yet what arrived meanwhile.
    if (remaining < 0 && !isLastChance) return this.#arm(0, true);
    const message = `The reply timed out: ${this.#clocks.describe()}`;
    const partial = () => this.received.partial;
    this.error(new MessageStreamError(message, { code: 'timeout', partial }));
  }
}

function requireLimits(limits: MessageLimits): void {
  if (Object.values(limits).every((limit) => limit === undefined)) {
    throw new TypeError('messageTimeout: give at least one of first, liveness, progress and total');
  }
  requireNumbers('messageTimeout', { ...limits }, { above: 0, what: 'milliseconds' });
}
