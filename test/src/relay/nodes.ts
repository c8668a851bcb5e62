import { MessageBuilder, type StreamEvent } from 'claude-rx';
import {
  createRelay,
  MemoryStore,
  type Relay,
  type RelayConfig,
  type RelayedEvent,
  type RelayStore,
} from 'claude-rx/relay';
import { concatMap, delay, from, lastValueFrom, type Observable, of, toArray } from 'rxjs';
import { afterEach } from 'vitest';

/** A node of a service: a relay, and its way to the store, which can be cut or slowed. */
export interface TestNode {
  relay: Relay;
  /** As `kill -9` does it: what the node has asked for is never answered, and it says nothing more. */
  kill(): void;
  /** While it is away, the store refuses what this node asks of it. */
  setAway(isAway: boolean): void;
  /** What is asked of the store waits until the promise resolves. */
  holdUntil(promise: Promise<unknown>): void;
  /** How often each method was called. */
  readonly calls: Record<string, number>;
}

/** Nodes on one store; after the test, all are closed. */
export function useNodes(): (store?: RelayStore, config?: RelayConfig) => TestNode {
  const closers: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    await Promise.all(closers.splice(0).map((close) => close()));
  });
  return (store = new MemoryStore(), config = {}) => {
    let isDead = false;
    let isAway = false;
    let held: Promise<unknown> | undefined;
    const calls: Record<string, number> = {};
    const way = new Proxy(store, {
      get(target, name: keyof RelayStore) {
        const method = target[name] as (...args: unknown[]) => unknown;
        return (...args: unknown[]) => {
          calls[name] = (calls[name] ?? 0) + 1;
          if (name === 'watch' || name === 'watchEnd') {
            const heard = args.map((arg) =>
              typeof arg === 'function'
                ? (...told: unknown[]) => !isDead && !isAway && arg(...told)
                : arg,
            );
            return method.call(target, ...heard);
          }
          return (async () => {
            await held;
            if (isDead) return new Promise(() => {});
            if (isAway) throw new Error('the store is away');
            return method.call(target, ...args);
          })();
        };
      },
    });
    const own = { lease: 200, patience: 1_000, orphans: 'keep' } as const;
    const relay = createRelay({ ...own, ...config, store: way });
    closers.push(() => {
      isAway = false;
      held = undefined;
      const closed = relay.close();
      // A dead node has no word for the store.
      return isDead ? undefined : closed;
    });
    return {
      relay,
      kill: () => (isDead = true),
      setAway: (value) => (isAway = value),
      holdUntil: (promise) => (held = promise),
      calls,
    };
  };
}

/** Events with so many milliseconds before each. */
export function paced(events: Iterable<StreamEvent>, milliseconds = 1): Observable<StreamEvent> {
  return from(events).pipe(concatMap((event) => of(event).pipe(delay(milliseconds))));
}

export function allOf<T>(source: Observable<T>): Promise<T[]> {
  return lastValueFrom(source.pipe(toArray()));
}

export const eventsIn = (relayed: readonly RelayedEvent<StreamEvent>[]): StreamEvent[] =>
  relayed.map(({ event }) => event);

/** The message that events build. */
export function messageOf(events: Iterable<StreamEvent>) {
  const builder = new MessageBuilder();
  for (const event of events) builder.push(event);
  return builder.message;
}
