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

/** Limits in milliseconds; at least one is required. An omitted limit, or `Infinity`, is off. */
export interface MessageTimeoutConfig extends MessageLimits {
  /**
   * The valve of the source. While it is closed, the source does not read, so only `total` runs. Default:
   * none.
   */
  valve?: Pick<Valve, 'open$'>;
  /**
   * Whether the `partial` of the error holds the content. With `false` it holds everything else, and
   * memory does not grow with the reply. Default: `true`.
   */
  keepContent?: boolean;
  /** The scheduler of the timer. Default: `asyncScheduler`. */
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
 * There are two clocks, because a ping shows that the connection is alive, but not that the reply
 * makes progress. A single clock that pings restart never ends a stuck reply; a single clock that
 * ignores pings ends a reply while the model thinks.
 *
 * - `liveness`, such as 30,000: the longest time between two events of any type. It detects a lost
 *   connection.
 * - `progress`, such as 120,000: the longest time between two events with content; pings and events
 *   of unknown types do not count. While a model thinks with `display: 'omitted'`, only pings arrive:
 *   choose a generous limit, or leave it out.
 * - `first`: the longest time to the first event. Default: `progress`, else `liveness`. It starts at
 *   the subscription, so it includes the SDK's own retries and the SDK's `timeout`, which covers the
 *   time to the headers (SDK src/client.ts): choose it greater than these.
 * - `total`: the longest time to `message_stop`.
 *
 * Put it right behind the source: operators such as `textOnly` remove the pings. A retry behind it
 * restarts the clocks. `message_stop` stops the clocks, and content of another message starts them
 * again. If the source has a `valve`, pass it here as well, so that a pause of the reader does not
 * count as a silence of the server.
 *
 * - Timeout: the source is unsubscribed. The error names the limit and the last event, and its
 *   `partial` is the message so far.
 * - Error, complete, unsubscribe: passed on, and no timer remains.
 * - At most one timer runs, and events do not reset it. If the timer is late because the program was
 *   busy, events that are waiting in the socket are read first.
 *
 * @throws TypeError when no limit is given, or a limit is not above 0.
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
    // In a busy program the timer is late, and events may have arrived that are not read yet.
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
