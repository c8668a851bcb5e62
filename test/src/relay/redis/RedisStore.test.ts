import type { MessageStreamError } from 'claude-rx';
import type { LogEntry } from 'claude-rx/relay';
import { RedisStore } from 'claude-rx/relay/redis';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fakeCluster, type FakeCluster, IDS } from './fakeCluster.ts';

const DATA = '{"v":1,"event":{"type":"ping"}}';
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** After everything that waits in this turn of the event loop. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Until nothing waits for an answer any more. */
async function settled(cluster: FakeCluster, masters: readonly number[] = [0, 1]): Promise<void> {
  let isQuiet = false;
  while (!isQuiet) {
    await turn();
    isQuiet = !masters.map((master) => cluster.answer(master)).includes(true);
  }
}

function storeOn(cluster: FakeCluster): RedisStore {
  const store = new RedisStore(cluster.client);
  closers.push(async () => {
    store.close();
    await settled(cluster);
  });
  return store;
}

/** A watch of a log, and the numbers of the entries that it was told. */
function watched(store: RedisStore, id: string) {
  const numbers: number[] = [];
  const take = (entries: readonly LogEntry[]) =>
    numbers.push(...entries.map(({ number }) => number));
  return { numbers, stop: store.watch(id, 0, take) };
}

const publish = (cluster: FakeCluster, id: string) => cluster.publish(id, `0\u001e1\u001e${DATA}`);

describe('subscriptions in a cluster', () => {
  const [[id], [far]] = IDS;

  it('holds for a watch that begins while the one before it is being ended', async () => {
    const cluster = fakeCluster();
    const store = storeOn(cluster);
    const first = watched(store, id);
    await turn();
    // The connection is there, and the subscribe under way.
    cluster.answer(0);
    await turn();
    first.stop();
    await turn();
    cluster.answer(0);
    await turn();
    const second = watched(store, id);
    await settled(cluster);
    publish(cluster, id);
    expect([first.numbers, second.numbers]).toEqual([[], [1]]);
  });

  it('holds for a watch that begins while the last channel of its connection is left', async () => {
    const cluster = fakeCluster();
    const store = storeOn(cluster);
    const first = watched(store, id);
    await settled(cluster);
    first.stop();
    await turn();
    // The answer comes, and before the client has seen it another log is watched.
    cluster.answer(0);
    const second = watched(store, IDS[0][1]);
    await settled(cluster);
    publish(cluster, IDS[0][1]);
    expect(second.numbers).toEqual([1]);
  });

  it('leaves nothing subscribed that nobody watches', async () => {
    const cluster = fakeCluster();
    const { stop } = watched(storeOn(cluster), id);
    stop();
    await settled(cluster);
    expect(cluster.isSubscribed(id)).toBe(false);
  });

  it('does not wait for the answers of another master', async () => {
    const cluster = fakeCluster();
    const store = storeOn(cluster);
    watched(store, far);
    watched(store, id).stop();
    const seen = watched(store, id);
    await settled(cluster, [0]);
    publish(cluster, id);
    expect(seen.numbers).toEqual([1]);
  });

  it('holds for all that is watched, whatever was watched, left and answered before', async () => {
    const steps = fc.array(
      fc.record({
        what: fc.constantFrom('watch', 'stop', 'answer', 'answer'),
        id: fc.constantFrom(...IDS[0]),
        isTurn: fc.boolean(),
      }),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const cluster = fakeCluster();
        const store = storeOn(cluster);
        const watches = new Map<string, ReturnType<typeof watched>>();
        for (const { what, id: one, isTurn } of all) {
          if (what === 'answer') {
            cluster.answer(0);
          } else if (what === 'stop') {
            watches.get(one)?.stop();
            watches.delete(one);
          } else if (!watches.has(one)) {
            watches.set(one, watched(store, one));
          }
          if (isTurn) await turn();
        }
        await settled(cluster);
        for (const one of IDS[0]) {
          expect(cluster.isSubscribed(one)).toBe(watches.has(one));
          publish(cluster, one);
          expect(watches.get(one)?.numbers ?? [1]).toEqual([1]);
        }
      }),
    );
  });

  it('refuses a prefix with braces that are no hash tag', () => {
    const { client } = fakeCluster();
    for (const prefix of ['{', '{}', 'a{b', '{}a}']) {
      expect(() => new RedisStore(client, { prefix })).toThrow(/`prefix` must be a text without/);
    }
    for (const prefix of ['', 'chat', '}', '{chat}', 'a{b}c']) {
      expect(() => new RedisStore(client, { prefix })).not.toThrow();
    }
  });
});

describe('an error that does not pass by waiting', () => {
  const noPermission = new Error('NOPERM No permissions to access a channel');

  it.each(['sSubscribe', 'sendCommand'] as const)('fails a watch: %s', async (name) => {
    const cluster = fakeCluster();
    vi.spyOn(cluster.client, name).mockRejectedValue(noPermission);
    const error = new Promise<MessageStreamError>((failed) => {
      storeOn(cluster).watch('bar', 0, () => {}, failed);
    });
    void settled(cluster);
    expect(await error).toMatchObject({
      code: 'connection',
      retryable: false,
      errorType: 'NOPERM',
    });
  });

  it('of one log does not hide the orphans beside it', async () => {
    const cluster = fakeCluster();
    const removed: string[] = [];
    vi.spyOn(cluster.client, 'sendCommand').mockImplementation(async (_key, _isReadonly, args) => {
      const [name, , , key] = args;
      if (name === 'ZREM') return removed.push(args[2]!);
      if (key === 'claude-rx:open') return ['one', 'taken', 'away', 'two'];
      if (key!.includes('taken')) throw new Error('WRONGTYPE Operation against a key');
      if (key!.includes('away')) throw new Error('LOADING Redis is loading');
      return ['tag', '3', '', '-10', '1', ''];
    });
    expect(await storeOn(cluster).orphans(1_000)).toEqual(['one', 'two']);
    expect(removed).toEqual(['taken']);
  });
});

it('keeps a connection that answers PING with an error', async () => {
  vi.useFakeTimers();
  type Client = Extract<ConstructorParameters<typeof RedisStore>[0], { isOpen: boolean }>;
  const connection = (): Client => ({
    isOpen: true,
    isReady: true,
    on() {},
    connect: async () => {},
    destroy() {},
    duplicate,
    subscribe: async () => {},
    unsubscribe: async () => {},
    sendCommand: (args: readonly string[]): Promise<unknown> =>
      args[0] === 'PING' ? Promise.reject(new Error('NOPERM')) : Promise.resolve(['0', []]),
  });
  const duplicate = vi.fn((): Client => connection());
  const store = new RedisStore(connection());
  store.watch('id', 0, () => {});
  await vi.advanceTimersByTimeAsync(30_000);
  expect(duplicate).toHaveBeenCalledTimes(1);
  store.close();
});
