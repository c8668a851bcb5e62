import { type LogEntry, MemoryStore, type RelayStore } from 'claude-rx/relay';
import { relayStoreContract } from 'claude-rx/testing/relay-store';
import { expect, it } from 'vitest';

type Break = (store: MemoryStore) => Partial<RelayStore>;

/** Stores with one thing wrong each, and what the contract says of it. */
const broken: [string, RegExp, Break][] = [
  ['begins a log twice', /begins a log once/, () => ({ begin: async () => true })],
  [
    'does not look whose lease it is',
    /refuses a writer that was superseded|leaves a log to its writer/,
    (store) => {
      let owner = '';
      return {
        begin: (id, log) => ((owner = log.owner), store.begin(id, log)),
        append: (id, lease, batch) => store.append(id, { ...lease, owner }, batch),
      };
    },
  ],
  [
    'gives a log to all who want it',
    /exactly one/,
    (store) => ({
      takeOver: async (id, lease, writers) => {
        await store.takeOver(id, lease, writers);
        return true;
      },
    }),
  ],
  [
    'appends twice what is repeated',
    /appends once what is appended again/,
    (store) => ({
      append: async (id, lease, batch) => {
        const { last = 0 } = (await store.head(id)) ?? {};
        const again = last > 0 && last === batch.entries.at(-1)?.number;
        return again ? 'diverged' : store.append(id, lease, batch);
      },
    }),
  ],
  [
    'appends after what it does not have',
    /refuses what does not follow/,
    (store) => ({
      append: async (id, lease, batch) => {
        const { last = 0 } = (await store.head(id)) ?? {};
        return store.append(id, lease, { ...batch, after: last });
      },
    }),
  ],
  [
    'reads one too many',
    /from any place|keeps the numbers/,
    (store) => ({ read: (id, after, limit) => store.read(id, after - 1, limit) }),
  ],
  [
    'ends pages too early',
    /ends a page at a size/,
    (store) => ({
      read: (id, after, limit, size = Infinity) => store.read(id, after, limit, size / 2),
    }),
  ],
  ['finds no orphan', /finds logs whose writer has gone/, () => ({ orphans: async () => [] })],
  ['tells nobody', /tells/, () => ({ watch: () => () => {} })],
  [
    'tells who has left',
    /nobody who has left/,
    (store) => ({
      watch: (id, after, listener) => {
        store.watch(id, after, listener);
        return () => {};
      },
    }),
  ],
  [
    'misses what comes while it begins to watch',
    /misses nothing|tells other nodes/,
    (store) => ({
      watch: (id, after, listener) => {
        let unwatch = () => {};
        const timer = setTimeout(() => (unwatch = store.watch(id, after, listener)), 20);
        return () => (clearTimeout(timer), unwatch());
      },
    }),
  ],
  ['does not tell a writer of its end', /tells its writer/, () => ({ watchEnd: () => () => {} })],
  [
    'keeps nothing of a log that it compacts',
    /compacts a log/,
    (store) => ({ compact: (id, lease) => store.renew(id, lease) }),
  ],
  [
    'changes what it is given',
    /as it was/,
    (store) => ({
      read: async (id, after, limit) => {
        const entries = await store.read(id, after, limit);
        return entries.map(({ number, data }): LogEntry => ({ number, data: data.trim() }));
      },
    }),
  ],
];

it.each(broken)('finds a store that %s', async (_what, named, breakIt) => {
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
