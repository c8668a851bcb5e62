import { inTime } from '../inTime.ts';

/** A subscribe or unsubscribe without an answer fails after this time, in milliseconds. */
const PATIENCE = 5_000;

interface Change {
  readonly kind: 'subscribe' | 'unsubscribe';
  readonly channel: string;
  readonly run: () => Promise<void>;
}

const queues = new WeakMap<object, SubscriptionQueue>();

/**
 * Runs the subscribes and unsubscribes of one connection in turns: a subscribe never overlaps an
 * unsubscribe, and the calls for one channel keep their order.
 *
 * Without this, the client of `redis` (6.3.1) loses subscriptions:
 * - Subscribe, unsubscribe before the answer, subscribe again before the answer to the unsubscribe: the
 *   client believes that it is still subscribed and sends nothing. Redis has no subscription then
 *   (`PubSub.subscribe` in lib/client/pub-sub.js).
 * - With a cluster and with Sentinel, the client closes the connection after its last unsubscribe. A
 *   subscribe at that moment is sent on the closed connection, and never gets an answer
 *   (`executeShardedUnsubscribeCommand` in lib/cluster/cluster-slots.js).
 */
export class SubscriptionQueue {
  #waiting: Change[] = [];
  #isRunning = false;

  /** Returns the queue of a connection: the same one for all stores that use the connection. */
  static of(connection: object): SubscriptionQueue {
    let queue = queues.get(connection);
    if (!queue) queues.set(connection, (queue = new SubscriptionQueue()));
    return queue;
  }

  /** Runs the action in its turn. Settles as the action does, and rejects if it takes too long. */
  add(kind: Change['kind'], channel: string, action: () => Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      const run = async () => {
        try {
          await inTime(action(), PATIENCE);
          resolve();
        } catch (error) {
          reject(error);
        }
      };
      this.#waiting.push({ kind, channel, run });
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) await Promise.all(this.#turn().map(({ run }) => run()));
    this.#isRunning = false;
  }

  /** Takes all changes of the first one's kind, except those behind another change of their channel. */
  #turn(): Change[] {
    const { kind } = this.#waiting[0]!;
    const turn: Change[] = [];
    const rest: Change[] = [];
    const held = new Set<string>();
    for (const change of this.#waiting) {
      if (change.kind === kind && !held.has(change.channel)) {
        turn.push(change);
      } else {
        held.add(change.channel);
        rest.push(change);
      }
    }
    this.#waiting = rest;
    return turn;
  }
}
