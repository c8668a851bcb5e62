type Listener = (message: unknown) => void;

/** The parts of `createCluster` that the store uses. */
interface FakeClient {
  on(): void;
  off(): void;
  getSlotMaster(slot: number): object;
  sendCommand(key: string | undefined, isReadonly: unknown, args: string[]): Promise<unknown>;
  subscribe(channel: string, listener: Listener): Promise<void>;
  unsubscribe(channel: string, listener: Listener): Promise<void>;
  sSubscribe(channel: string, listener: Listener): Promise<void>;
  sUnsubscribe(channel: string, listener: Listener): Promise<void>;
}

/** A cluster of two masters, each with its half of the slots; Redis answers when a test says so. */
export interface FakeCluster {
  readonly client: FakeClient;
  /** Answers what has waited longest on a master. Returns whether there was something. */
  answer(master: number): boolean;
  /** Publishes to the channel of the log. */
  publish(id: string, message: string): void;
  isSubscribed(id: string): boolean;
}

/** Ids of logs on the first master and on the second: their slots are examples in the documentation. */
export const IDS = [['hash_tag', 'user1000', 'bar'], ['somekey']] as const;

const masterOf = (channel: string) => (channel.includes('somekey') ? 1 : 0);

/** All logs are empty. */
export function fakeCluster(): FakeCluster {
  const masters = [new FakeMaster(), new FakeMaster()];
  const ofChannel = (channel: string) => masters[masterOf(channel)]!;
  const channelOf = (id: string) => `claude-rx:log:{${id}}`;
  return {
    client: {
      on() {},
      off() {},
      getSlotMaster: (slot) => masters[slot < 8_192 ? 0 : 1]!,
      sendCommand: async () => ['0', []],
      subscribe: async () => {},
      unsubscribe: async () => {},
      sSubscribe: (channel, listener) => ofChannel(channel).subscribe(channel, listener),
      sUnsubscribe: (channel, listener) => ofChannel(channel).unsubscribe(channel, listener),
    },
    answer: (master) => masters[master]!.answer(),
    publish: (id, message) => ofChannel(channelOf(id)).publish(channelOf(id), message),
    isSubscribed: (id) => ofChannel(channelOf(id)).subscribed.has(channelOf(id)),
  };
}

/** A master, and what the client of `redis` 6.3.1 does about its channels in lib/cluster/cluster-slots.js. */
class FakeMaster {
  /** What Redis itself takes for subscribed. */
  readonly subscribed = new Set<string>();
  readonly #answers: (() => void)[] = [];
  #pubSub:
    | { connection: FakeConnection; connecting: Promise<FakeConnection> | undefined }
    | undefined;

  answer(): boolean {
    const answer = this.#answers.shift();
    answer?.();
    return answer !== undefined;
  }

  publish(channel: string, message: string): void {
    if (this.subscribed.has(channel)) this.#pubSub?.connection.hear(channel, message);
  }

  async subscribe(channel: string, listener: Listener): Promise<void> {
    const connection = await this.#connection();
    await connection.subscribe(channel, listener);
  }

  async unsubscribe(channel: string, listener: Listener): Promise<void> {
    if (!this.#pubSub) return;
    const connection = this.#pubSub.connecting
      ? await this.#pubSub.connecting
      : this.#pubSub.connection;
    await connection.unsubscribe(channel, listener);
    if (connection.isActive) return;
    connection.isOpen = false;
    this.subscribed.clear();
    this.#answers.length = 0;
    this.#pubSub = undefined;
  }

  #connection(): Promise<FakeConnection> {
    if (!this.#pubSub) return this.#connect();
    return this.#pubSub.connecting ?? Promise.resolve(this.#pubSub.connection);
  }

  async #connect(): Promise<FakeConnection> {
    const connection = new FakeConnection(this.subscribed, this.#answers);
    const connecting = new Promise<FakeConnection>((resolve) => {
      this.#answers.push(() => {
        this.#pubSub!.connecting = undefined;
        resolve(connection);
      });
    });
    this.#pubSub = { connection, connecting };
    return connecting;
  }
}

/** The rules of lib/client/pub-sub.js. */
class FakeConnection {
  isOpen = true;
  isActive = false;
  readonly #subscribed: Set<string>;
  readonly #answers: (() => void)[];
  readonly #channels = new Map<string, { isUnsubscribing: boolean; listeners: Set<Listener> }>();
  #subscribing = 0;

  constructor(subscribed: Set<string>, answers: (() => void)[]) {
    this.#subscribed = subscribed;
    this.#answers = answers;
  }

  hear(channel: string, message: string): void {
    for (const listener of this.#channels.get(channel)?.listeners ?? []) listener(message);
  }

  subscribe(channel: string, listener: Listener): Promise<void> {
    const known = this.#channels.get(channel);
    if (known && !known.isUnsubscribing) {
      known.listeners.add(listener);
      return Promise.resolve();
    }
    this.isActive = true;
    this.#subscribing++;
    return this.#send(() => {
      this.#subscribed.add(channel);
      this.#subscribing--;
      const { listeners } = this.#channels.get(channel) ?? { listeners: new Set() };
      this.#channels.set(channel, { isUnsubscribing: false, listeners: listeners.add(listener) });
    });
  }

  unsubscribe(channel: string, listener: Listener): Promise<void> {
    const known = this.#channels.get(channel);
    if (known) {
      const others = known.listeners.size - (known.listeners.has(listener) ? 1 : 0);
      if (others > 0) {
        known.listeners.delete(listener);
        return Promise.resolve();
      }
      known.isUnsubscribing = true;
    }
    return this.#send(() => {
      this.#subscribed.delete(channel);
      const left = this.#channels.get(channel)?.listeners;
      left?.delete(listener);
      if (left?.size === 0) this.#channels.delete(channel);
      this.isActive = this.#channels.size > 0 || this.#subscribing > 0;
    });
  }

  /** A command on a closed connection is never answered. */
  #send(done: () => void): Promise<void> {
    return new Promise((resolve) => {
      if (!this.isOpen) return;
      this.#answers.push(() => {
        done();
        resolve();
      });
    });
  }
}
