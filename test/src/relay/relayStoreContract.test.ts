import { type LogEntry, MemoryStore, type RelayStore } from 'claude-rx/relay';
import { relayStoreContract } from 'claude-rx/testing/relay-store';
import { expect, it } from 'vitest';

type Break = (store: MemoryStore) => Partial<RelayStore>;

/** Stores with one fault each, and the check that finds it. */
const broken: [string, RegExp, Break][] = [
  ['creates a log twice', /creates a log only once/, () => ({ begin: async () => true })],
  [
    'ignores the owner of a lease',
    /refuses a superseded writer|refuses other writers/,
    (store) => {
      let owner = '';
      return {
        begin: (id, log) => ((owner = log.owner), store.begin(id, log)),
        append: (id, lease, batch) => store.append(id, { ...lease, owner }, batch),
      };
    },
  ],
  [
    'lets all writers take over a log',
    /exactly one/,
    (store) => ({
      takeOver: async (id, lease, writers) => {
        await store.takeOver(id, lease, writers);
        return true;
      },
    }),
  ],
  [
    'appends a repeated batch twice',
    /appends a repeated batch only once/,
    (store) => ({
      append: async (id, lease, batch) => {
        const { last = 0 } = (await store.head(id)) ?? {};
        const again = last > 0 && last === batch.entries.at(-1)?.number;
        return again ? 'diverged' : store.append(id, lease, batch);
      },
    }),
  ],
  [
    'appends after an entry that it does not have',
    /refuses entries that do not follow/,
    (store) => ({
      append: async (id, lease, batch) => {
        const { last = 0 } = (await store.head(id)) ?? {};
        return store.append(id, lease, { ...batch, after: last });
      },
    }),
  ],
  [
    'reads one entry too many',
    /from any number on|keeps the numbers/,
    (store) => ({ read: (id, after, limit) => store.read(id, after - 1, limit) }),
  ],
  [
    'ends pages too early',
    /ends a page when it has the given size/,
    (store) => ({
      read: (id, after, limit, size = Infinity) => store.read(id, after, limit, size / 2),
    }),
  ],
  ['finds no orphan', /finds logs with a lost writer/, () => ({ orphans: async () => [] })],
  ['notifies nobody', /notifies/, () => ({ watch: () => () => {} })],
  [
    'notifies a listener that was removed',
    /none that has unsubscribed/,
    (store) => ({
      watch: (id, after, listener) => {
        store.watch(id, after, listener);
        return () => {};
      },
    }),
  ],
  [
    'misses entries at the start of a watch',
    /misses no entry|notifies other nodes/,
    (store) => ({
      watch: (id, after, listener) => {
        let unwatch = () => {};
        const timer = setTimeout(() => (unwatch = store.watch(id, after, listener)), 20);
        return () => (clearTimeout(timer), unwatch());
      },
    }),
  ],
  [
    'does not notify a writer of the end',
    /notifies its writer/,
    () => ({ watchEnd: () => () => {} }),
  ],
  [
    'loses the entries of a compacted log',
    /compacts a log/,
    (store) => ({ compact: (id, lease) => store.renew(id, lease) }),
  ],
  [
    'changes the data of entries',
    /entries unchanged/,
    (store) => ({
      read: async (id, after, limit) => {
        const entries = await store.read(id, after, limit);
        return entries.map(({ number, data }): LogEntry => ({ number, data: data.trim() }));
      },
    }),
  ],
];

it.concurrent.each(broken)('finds a store that %s', async (_what, named, breakIt) => {
  const failed: string[] = [];
  const checks = relayStoreContract(
    async () => {
      const store = new MemoryStore();
      const parts = breakIt(store);
      const one = new Proxy(store, {
        get(target, name: keyof RelayStore) {
          const own = parts[name];
          return own ?? (target[name] as (...args: never[]) => unknown).bind(target);
        },
      });
      return { one, other: one, close: async () => {} };
    },
    { patience: 400 },
  );
  await Promise.all(checks.map(({ name, run }) => run().catch(() => void failed.push(name))));
  expect(failed.join('\n')).toMatch(named);
  expect(failed.length).toBeLessThan(checks.length);
});
