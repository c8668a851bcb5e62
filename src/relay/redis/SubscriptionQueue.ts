import { inTime } from '../inTime.ts';

/** A change that has no answer after so many milliseconds counts as failed. */
const PATIENCE = 5_000;

interface Change {
  readonly kind: 'subscribe' | 'unsubscribe';
  readonly channel: string;
  readonly run: () => Promise<void>;
}

const queues = new WeakMap<object, SubscriptionQueue>();

/**
 * The subscribes and unsubscribes of one connection, in turns: one kind never overlaps the other, and
 * the changes of a channel keep their order.
 *
 * Otherwise the client of `redis` (6.3.1) can lose a subscription for good:
 * - A subscribe sends nothing while the client takes its channel for subscribed. An unsubscribe that was
 *   called before the first subscribe was answered does not change that until it is answered itself
 *   (`PubSub.subscribe` in lib/client/pub-sub.js).
 * - In a cluster and behind Sentinel, the answer to the last unsubscribe closes the connection. A
 *   subscribe that is sent on a closed connection is never answered
 *   (`executeShardedUnsubscribeCommand` in lib/cluster/cluster-slots.js).
 */
export class SubscriptionQueue {
  #waiting: Change[] = [];
  #isRunning = false;

  /** The queue of a connection: the same one for all who use that. */
  static of(connection: object): SubscriptionQueue {
    let queue = queues.get(connection);
    if (!queue) queues.set(connection, (queue = new SubscriptionQueue()));
    return queue;
  }

  /** Settles as the action does; rejects where that takes too long. */
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

  /** All changes of the kind of the first one that have no other change of their channel before them. */
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
