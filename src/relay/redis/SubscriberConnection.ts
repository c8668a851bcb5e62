import { inTime } from '../inTime.ts';
import type { MessageListener, PubSub, RedisClient } from './RedisClient.ts';

/** Milliseconds between two checks of the connection, and the timeout of a check. */
const PING_EVERY = 5_000;

/**
 * The connection of a node for subscriptions, which protocol version 2 of Redis requires to be separate
 * from commands. It is opened for the first channel.
 *
 * The client reconnects and renews its subscriptions. A connection that no longer answers, or that the
 * client has given up, is replaced.
 */
export class SubscriberConnection implements PubSub {
  readonly #client: RedisClient;
  readonly #channels = new Map<string, MessageListener>();
  readonly #readyListeners = new Set<() => void>();
  #opening: Promise<RedisClient> | undefined;
  #connection: RedisClient | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #isClosed = false;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  async subscribe(channel: string, listener: MessageListener): Promise<void> {
    this.#channels.set(channel, listener);
    await (await this.#opened()).subscribe(channel, listener);
  }

  async unsubscribe(channel: string, listener: MessageListener): Promise<void> {
    this.#channels.delete(channel);
    if (this.#connection?.isOpen) await this.#connection.unsubscribe(channel, listener);
  }

  onReady(listener: () => void): () => void {
    this.#readyListeners.add(listener);
    return () => this.#readyListeners.delete(listener);
  }

  close(): void {
    this.#isClosed = true;
    this.#channels.clear();
    clearInterval(this.#timer);
    this.#drop();
  }

  #opened(): Promise<RedisClient> {
    if (this.#isClosed) return Promise.reject(new Error('The store was closed'));
    // The client has given up reconnecting.
    if (this.#connection && !this.#connection.isOpen) this.#drop();
    return (this.#opening ??= this.#open());
  }

  async #open(): Promise<RedisClient> {
    const connection = this.#client.duplicate();
    this.#connection = connection;
    // The next check detects the failure.
    connection.on('error', () => {});
    connection.on('ready', () => {
      if (this.#connection === connection) this.#ready();
    });
    this.#timer ??= setInterval(() => void this.#look(), PING_EVERY);
    try {
      await connection.connect();
      if (this.#connection !== connection) throw new Error('The connection was replaced');
    } catch (error) {
      if (this.#connection === connection) this.#drop();
      throw error;
    }
    return connection;
  }

  #ready(): void {
    for (const listener of this.#readyListeners) listener();
  }

  /** Checks the connection, because it can be lost without an event. */
  async #look(): Promise<void> {
    const connection = this.#connection;
    if (connection?.isOpen && (!connection.isReady || (await answers(connection)))) return;
    if (this.#connection !== connection || this.#isClosed) return;
    this.#drop();
    if (this.#channels.size === 0) return;
    try {
      const next = await this.#opened();
      await Promise.all([...this.#channels].map(([name, told]) => next.subscribe(name, told)));
      this.#ready();
    } catch {
      // The next check tries again.
    }
  }

  #drop(): void {
    if (this.#connection?.isOpen) this.#connection.destroy();
    this.#connection = undefined;
    this.#opening = undefined;
  }
}

function answers(connection: RedisClient): Promise<boolean> {
  // An error reply shows that the connection works, too.
  const answer = connection.sendCommand(['PING']).catch(() => {});
  return inTime(answer, PING_EVERY).then(
    () => true,
    () => false,
  );
}
