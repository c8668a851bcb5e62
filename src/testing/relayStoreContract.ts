import type { Lease, LogEntry, RelayStore } from '../relay/RelayStore.ts';

/** One check of a store. */
export interface StoreCheck {
  readonly name: string;
  /** Rejects with an error that says what is wrong, if the check fails. */
  run(): Promise<void>;
}

/** A store in two nodes: each has its own connections, to the same logs. */
export interface TwoNodes {
  readonly one: RelayStore;
  readonly other: RelayStore;
  /** Releases all resources. */
  close(): Promise<void>;
}

export interface RelayStoreContractOptions {
  /** Milliseconds to wait for an expected effect before a check fails. Default: 5,000. */
  patience?: number;
}

/**
 * The checks that a `RelayStore` must pass, for any test runner. `MemoryStore` and `RedisStore` are tested
 * with them; use them to test your own store.
 *
 * Each check calls `open`, and `close` at its end. The store need not be empty, because the ids are new.
 * All checks together take about two seconds, mostly waiting for leases to expire.
 *
 * @example
 * ```ts
 * import { MemoryStore } from 'claude-rx/relay';
 * import { relayStoreContract } from 'claude-rx/testing/relay-store';
 * import { describe, it } from 'vitest';
 *
 * describe('my store', () => {
 *   const checks = relayStoreContract(async () => {
 *     const store = new MemoryStore(); // in its place your own, twice, as two nodes have it
 *     return { one: store, other: store, close: async () => {} };
 *   });
 *   for (const { name, run } of checks) it(name, run);
 * });
 * ```
 */
export function relayStoreContract(
  open: () => Promise<TwoNodes>,
  { patience = 5_000 }: RelayStoreContractOptions = {},
): StoreCheck[] {
  const until: Until = async (what, condition) => {
    const end = Date.now() + patience;
    while (!(await condition())) {
      if (Date.now() > end) {
        throw new Error(`Timeout after ${patience} ms, expected: ${what}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  return Object.entries(CHECKS).map(([name, check]) => ({
    name,
    run: async () => {
      const nodes = await open();
      try {
        await check(nodes, `check-${crypto.randomUUID()}`, until);
      } finally {
        await nodes.close();
      }
    },
  }));
}

type Until = (what: string, condition: () => boolean | Promise<boolean>) => Promise<void>;
type Check = (nodes: TwoNodes, id: string, until: Until) => Promise<void>;

/** Leases in milliseconds: one that does not expire during a check, and one to wait for. */
const LONG = 60_000;
const SHORT = 60;

const CHECKS: Record<string, Check> = {
  async 'creates a log only once, even if several nodes try several times'({ one, other }, id) {
    const logs = ['a', 'b', 'c'].map((owner) => {
      return { ...lease(owner), tag: `tag ${owner}`, request: '{"a":"é\\n"}' };
    });
    const begun = await Promise.all(
      logs.map((log, index) => [one, other][index % 2]!.begin(id, log)),
    );
    same(begun.filter(Boolean).length, 1, 'how many have begun it');
    const { tag, request, ...begunWith } = logs[begun.indexOf(true)]!;
    same(await one.begin(id, { ...begunWith, tag, request }), true, 'the same one, again');
    const { remaining, ...head } = (await other.head(id))!;
    const expected = { tag, request, last: 0, ended: false, writers: 1 };
    same(sorted(head), sorted(expected), 'its head');
    hold(remaining > LONG - 10_000 && remaining <= LONG, `the lease holds for ${remaining} ms`);
  },

  async 'returns nothing for an unknown log'({ one }, id) {
    same(await one.head(id), undefined, 'head');
    same(await one.read(id, 0, 10), [], 'read');
    same(await one.renew(id, lease('a')), 'unknown', 'renew');
    same(await one.append(id, lease('a'), batch(0, [1])), 'unknown', 'append');
    same(await one.compact(id, lease('a'), entries([1])), 'unknown', 'compact');
    same(await one.takeOver(id, lease('a'), 9), false, 'takeOver');
    same(await one.end(id, 'x'), false, 'end');
    same(await one.head(id), undefined, 'head, after all this');
  },

  async 'reads appended entries unchanged, from any number on'({ one, other }, id) {
    await begin(one, id);
    const data = ['{"a":1}', 'é 👩‍👩‍👧 \\u0000 "\'\r\n\t', '', 'x'.repeat(300_000)];
    const written = data.map((text, index) => ({ number: index + 1, data: text }));
    const whole = { after: 0, entries: written, ends: false };
    same(await one.append(id, lease('a'), whole), 'done', 'append');
    same(await other.read(id, 0, 10), written, 'all of it');
    same(await other.read(id, 1, 2), written.slice(1, 3), 'two after the first');
    same(await other.read(id, 4, 10), [], 'after the last');
    same((await other.head(id))?.last, 4, 'the number of the last');
  },

  async 'keeps the numbers of entries, with gaps'({ one }, id) {
    await begin(one, id);
    same(await one.append(id, lease('a'), batch(0, [2, 40])), 'done', 'with a gap');
    same(await one.append(id, lease('a'), batch(40, [1_000_041])), 'done', 'with a large one');
    same(numbers(await one.read(id, 2, 10)), [40, 1_000_041], 'read');
    same(numbers(await one.read(id, 39, 1)), [40], 'read from between two');
    same((await one.head(id))?.last, 1_000_041, 'last');
  },

  async 'ends a page when it has the given size, and reads the rest in another page'(
    { one, other },
    id,
  ) {
    await begin(one, id);
    const data = Array.from({ length: 60 }, (_, index) => 'aé語'[index % 3]!.repeat(index * 10));
    const written = data.map((text, index) => ({ number: index + 1, data: text }));
    const whole = { after: 0, entries: written, ends: false };
    same(await one.append(id, lease('a'), whole), 'done', 'append');
    const seen: LogEntry[] = [];
    while (seen.length < written.length) {
      const page = await other.read(id, seen.length, 40, 2_000);
      same(page.length > 0 && page.length <= 40, true, 'a page has an entry, and 40 at most');
      seen.push(...page);
      const size = page.reduce((sum, entry) => sum + entry.data.length, 0);
      const isLast = page.length === 40 || seen.length === written.length;
      same(isLast || size >= 2_000, true, 'a page that ends early has the size');
    }
    same(seen, written, 'all of it');
  },

  async 'appends a large batch as a whole'({ one, other }, id) {
    await begin(one, id);
    const many = Array.from({ length: 3_000 }, (_, index) => index + 1);
    same(await one.append(id, lease('a'), batch(0, many)), 'done', 'append');
    same(numbers(await other.read(id, 0, 5_000)), many, 'read');
  },

  async 'appends a repeated batch only once, after a lost response'({ one }, id) {
    await begin(one, id);
    const first = batch(0, [1, 2]);
    const last = { ...batch(2, [3]), ends: true };
    for (const one_ of [first, first, last, last]) {
      same(await one.append(id, lease('a'), one_), 'done', 'append');
    }
    same(numbers(await one.read(id, 0, 10)), [1, 2, 3], 'read');
  },

  async 'refuses entries that do not follow the last entry'({ one }, id) {
    await begin(one, id);
    await one.append(id, lease('a'), batch(0, [1, 2]));
    same(await one.append(id, lease('a'), batch(1, [5])), 'diverged', 'after an earlier one');
    same(await one.append(id, lease('a'), batch(7, [8])), 'diverged', 'after one that it has lost');
    same(
      await one.compact(id, lease('a'), entries([1])),
      'diverged',
      'compact up to an earlier one',
    );
    same(numbers(await one.read(id, 0, 10)), [1, 2], 'read');
  },

  async 'refuses all changes after the end'({ one, other }, id, until) {
    await begin(one, id, SHORT);
    same(
      await one.append(id, lease('a', SHORT), { ...batch(0, [1, 2]), ends: true }),
      'done',
      'end',
    );
    same((await other.head(id))?.ended, true, 'ended');
    same(await one.append(id, lease('a'), batch(2, [3])), 'ended', 'append');
    same(await one.renew(id, lease('a')), 'ended', 'renew');
    same(await one.compact(id, lease('a'), entries([2])), 'ended', 'compact');
    same(await other.end(id, 'x'), false, 'end');
    await ran(other, id, until);
    same(await other.takeOver(id, lease('b'), 9), false, 'takeOver');
    same(numbers(await other.read(id, 0, 10)), [1, 2], 'read');
  },

  async 'refuses other writers while the lease is valid'({ one, other }, id) {
    await begin(one, id);
    same(await other.takeOver(id, lease('b'), 9), false, 'takeOver');
    same(await other.append(id, lease('b'), batch(0, [1])), 'superseded', 'append of another');
    same(await other.renew(id, lease('b')), 'superseded', 'renew of another');
    same(await other.compact(id, lease('b'), entries([1])), 'superseded', 'compact of another');
    same(await one.append(id, lease('a'), batch(0, [1])), 'done', 'append of the writer');
  },

  async 'gives an abandoned log to exactly one new writer'({ one, other }, id, until) {
    await begin(one, id, SHORT);
    await one.append(id, lease('a', SHORT), batch(0, [1]));
    await ran(other, id, until);
    const owners = Array.from({ length: 20 }, (_, index) => `owner-${index}`);
    const taken = await Promise.all(
      owners.map((owner, index) => [one, other][index % 2]!.takeOver(id, lease(owner), 9)),
    );
    same(taken.filter(Boolean).length, 1, 'how many have it');
    const taker = owners[taken.indexOf(true)]!;
    const head = (await one.head(id))!;
    same([head.writers, head.last, head.ended], [2, 1, false], 'writers, last, ended');
    hold(head.remaining > SHORT, 'the lease is that of the taker');
    same(await other.takeOver(id, lease(taker), 9), true, 'the same one, again');
    same((await one.head(id))?.writers, 2, 'writers, after that');
    same(await other.append(id, lease(taker), batch(1, [1_000_002])), 'done', 'the taker appends');
  },

  async 'refuses a superseded writer, however late it continues'({ one, other }, id, until) {
    await begin(one, id, SHORT);
    await one.append(id, lease('a', SHORT), batch(0, [1, 2]));
    await ran(other, id, until);
    same(await other.takeOver(id, lease('b'), 9), true, 'takeOver');
    same(await one.append(id, lease('a'), batch(2, [3])), 'superseded', 'append');
    same(await one.append(id, lease('a'), batch(0, [1, 2])), 'superseded', 'an append, again');
    same(await one.renew(id, lease('a')), 'superseded', 'renew');
    same(await one.compact(id, lease('a'), entries([2])), 'superseded', 'compact');
    same(await one.takeOver(id, lease('a'), 9), false, 'takeOver');
    same(numbers(await other.read(id, 0, 10)), [1, 2], 'read');
  },

  async 'limits the number of writers of a log'({ one }, id, until) {
    await begin(one, id, 0);
    await ran(one, id, until);
    same(await one.takeOver(id, lease('b', 0), 1), false, 'with one allowed');
    same(await one.takeOver(id, lease('b', 0), 2), true, 'with two');
    await ran(one, id, until);
    same(await one.takeOver(id, lease('c', 0), 2), false, 'with two, again');
  },

  async 'extends a renewed lease, and ends a released lease'({ one, other }, id, until) {
    await begin(one, id, SHORT);
    await ran(other, id, until);
    same(await one.renew(id, lease('a')), 'done', 'one that has run out and was not taken');
    same(await other.takeOver(id, lease('b'), 9), false, 'takeOver after that');
    same(await one.renew(id, lease('a', 0)), 'done', 'given up');
    hold((await other.head(id))!.remaining <= 0, 'it holds no longer');
    same(await other.takeOver(id, lease('b'), 9), true, 'takeOver after that');
  },

  async 'renews the lease at each append'({ one, other }, id) {
    await begin(one, id, SHORT);
    same(await one.append(id, lease('a'), batch(0, [1])), 'done', 'append');
    hold((await other.head(id))!.remaining > SHORT, 'it holds for longer');
  },

  async 'ends a log from any node, and notifies its writer'({ one, other }, id, until) {
    await begin(one, id);
    await one.append(id, lease('a'), batch(0, [1, 2]));
    let told = 0;
    const unwatch = one.watchEnd(id, () => told++);
    // Ends of other logs are others'.
    await begin(one, `${id}-2`);
    same(await other.end(`${id}-2`, 'other'), true, 'end of another');
    same(await other.end(id, 'stop'), true, 'end');
    await until('the writer is told', () => told > 0);
    same(await other.read(id, 2, 10), [{ number: 3, data: 'stop' }], 'the ending');
    same((await one.head(id))?.ended, true, 'ended');
    same(await one.append(id, lease('a'), batch(2, [3])), 'ended', 'an append of the same number');
    same(await other.end(id, 'stop'), false, 'end, again');
    unwatch();
    const left = `${id}-3`;
    const before = told;
    await begin(one, left);
    one.watchEnd(left, () => told++)();
    await other.end(left, 'stop');
    await new Promise((resolve) => setTimeout(resolve, SHORT));
    same(told, before, 'how often it was told after it had left');
  },

  async 'compacts a log, and keeps the numbers of later entries'({ one, other }, id) {
    await begin(one, id);
    await one.append(id, lease('a'), batch(0, [1, 2, 3, 4, 5]));
    const merged = [
      { number: 2, data: 'one and two' },
      { number: 5, data: 'the rest' },
    ];
    same(await one.compact(id, lease('a'), merged), 'done', 'compact');
    same(await one.compact(id, lease('a'), merged), 'done', 'compact, again');
    same(await other.read(id, 0, 10), merged, 'read');
    same(await other.read(id, 3, 10), merged.slice(1), 'read from inside of one');
    same((await other.head(id))?.last, 5, 'last');
    same(await one.append(id, lease('a'), batch(5, [6])), 'done', 'append');
    same(numbers(await other.read(id, 4, 10)), [5, 6], 'read, after that');
  },

  async 'notifies other nodes of appended entries, in order and without gaps'(
    { one, other },
    id,
    until,
  ) {
    await begin(one, id);
    await one.append(id, lease('a'), batch(0, [1, 2]));
    const seen = watched(other, id, 2);
    for (let number = 3; number <= 40; number++) {
      await one.append(id, lease('a'), batch(number - 1, [number]));
    }
    await one.compact(id, lease('a'), entries([20, 40]));
    await one.append(id, lease('a'), { ...batch(40, [41]), ends: true });
    await until('all was told', () => seen.last === 41);
    same(seen.gaps, [], 'gaps');
    seen.stop();
  },

  async 'misses no entry between a read and a notification'({ one, other }, id, until) {
    await begin(one, id);
    let last = 0;
    for (let round = 0; round < 30; round++) {
      const { last: after } = (await other.head(id))!;
      const seen = watched(other, id, after);
      const appended = one.append(id, lease('a'), batch(last, [last + 1]));
      const page = await other.read(id, after, 10);
      await appended;
      last++;
      await until('it was read or told', () => seen.last >= last || page.at(-1)?.number === last);
      seen.stop();
    }
  },

  async 'notifies each watcher, but none that has unsubscribed'({ one, other }, id, until) {
    await begin(one, id);
    const [first, second, third] = [
      watched(other, id, 0),
      watched(other, id, 0),
      watched(one, id, 0),
    ];
    await one.append(id, lease('a'), batch(0, [1]));
    await until('all are told', () => [first, second, third].every(({ last }) => last === 1));
    second.stop();
    await one.append(id, lease('a'), batch(1, [2]));
    await until('the others are told', () => first.last === 2 && third.last === 2);
    same(second.last, 1, 'what the one who left was told');
    first.stop();
    third.stop();
  },

  async 'separates many logs'({ one, other }, id, until) {
    const ids = [':', '{x}', ' é 👋', '/../*?[]', ':head', ':log', ''].map((end) => id + end);
    const seen = ids.map((each) => watched(other, each, 0));
    await Promise.all(
      ids.map(async (each, index) => {
        await begin(one, each);
        for (let number = 1; number <= 20; number++) {
          const data = `${index} ${number}`;
          const whole = { after: number - 1, entries: [{ number, data }], ends: false };
          same(await one.append(each, lease('a'), whole), 'done', 'append');
        }
      }),
    );
    await until('all was told', () => seen.every(({ last }) => last === 20));
    for (const [index, each] of ids.entries()) {
      const data = (await other.read(each, 0, 100)).map((entry) => entry.data);
      const own = Array.from({ length: 20 }, (_, at) => `${index} ${at + 1}`);
      same(data, own, `the entries of ${each}`);
      seen[index]!.stop();
    }
  },

  async 'finds logs with a lost writer, if the store implements `orphans`'(
    { one, other },
    id,
    until,
  ) {
    if (!one.orphans) return;
    await begin(one, id, SHORT);
    await begin(one, `${id}-held`);
    await begin(one, `${id}-ended`, SHORT);
    await one.end(`${id}-ended`, 'end');
    const found = new Set<string>();
    await until('the log is found', async () => {
      for (const each of (await other.orphans?.(SHORT)) ?? []) found.add(each);
      return found.has(id);
    });
    await ran(one, `${id}-ended`, until);
    for (const each of (await one.orphans(SHORT)) ?? []) found.add(each);
    same([found.has(`${id}-held`), found.has(`${id}-ended`)], [false, false], 'others');
  },

  async 'deletes a log after its time to live, and not before'({ one, other }, id, until) {
    const brief = { owner: 'a', lease: 10, ttl: 4 * SHORT };
    await one.begin(id, { ...brief, tag: 'tag' });
    await one.begin(`${id}-2`, { ...brief, tag: 'tag' });
    await one.append(`${id}-2`, { ...brief, ttl: LONG }, batch(0, [1]));
    await until('it is forgotten', async () => (await other.head(id)) === undefined);
    same(await other.read(id, 0, 10), [], 'read');
    same(await one.append(id, brief, batch(0, [1])), 'unknown', 'append');
    same((await other.head(`${id}-2`))?.last, 1, 'the other, whose time was made longer');
    same(await other.begin(id, { ...lease('b'), tag: 'new' }), true, 'the id can be used again');
  },
};

function lease(owner: string, milliseconds: number = LONG): Lease {
  return { owner, lease: milliseconds, ttl: LONG };
}

async function begin(store: RelayStore, id: string, milliseconds?: number): Promise<void> {
  const begun = await store.begin(id, { ...lease('a', milliseconds), tag: 'tag' });
  same(begun, true, 'begin');
}

function entries(list: readonly number[]): LogEntry[] {
  return list.map((number) => ({ number, data: `{"number":${number}}` }));
}

function batch(after: number, list: readonly number[]) {
  return { after, entries: entries(list), ends: false };
}

function numbers(list: readonly LogEntry[]): number[] {
  return list.map(({ number }) => number);
}

/** The entries that a watcher of a log receives; if it is only notified, it reads them. */
function watched(store: RelayStore, id: string, after: number) {
  const seen = { last: after, gaps: [] as number[], stop: () => {} };
  const take = (told: readonly LogEntry[]) => {
    for (const { number } of told) {
      if (number > seen.last + 1) seen.gaps.push(number);
      seen.last = Math.max(seen.last, number);
    }
  };
  seen.stop = store.watch(id, after, (told) => {
    if (told.length > 0) take(told);
    else store.read(id, seen.last, 1_000).then(take, () => {});
  });
  return seen;
}

/** Waits until the lease has expired. */
async function ran(store: RelayStore, id: string, until: Until): Promise<void> {
  await until('the lease runs out', async () => ((await store.head(id))?.remaining ?? 0) <= 0);
}

function hold(condition: boolean, what: string): void {
  if (!condition) throw new Error(`Expected: ${what}`);
}

function same(actual: unknown, expected: unknown, what: string): void {
  const [is, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is === wanted) return;
  throw new Error(`${what}: expected ${shown(wanted)}, got ${shown(is)}`);
}

function shown(text: string | undefined): string {
  return text === undefined ? 'undefined' : text.slice(0, 500);
}

function sorted(fields: object): [string, unknown][] {
  return Object.entries(fields).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
