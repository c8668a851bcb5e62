import { continueFrom, MessageStreamError, type StreamEvent } from 'claude-rx';
import { createRelay, type Relay, type RelayConfig, type RelayStore } from 'claude-rx/relay';
import { RedisStore } from 'claude-rx/relay/redis';
import { createClient } from 'redis';
import { concatMap, delay, from, lastValueFrom, of, take, tap } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ContinuingModel, seeded, trickyReply } from '../../support/continuingModel.ts';
import { failure, params } from '../../support/server.ts';
import { joinedBlocks } from '../../support/splicedReply.ts';
import { allOf, eventsIn, messageOf, paced } from '../../src/relay/nodes.ts';
import { Processes } from './processes.ts';
import { pause, RedisServer } from './redisServer.ts';

const model = new ContinuingModel(trickyReply(300));
const whole = joinedBlocks(model.message.content);
const resume: RelayConfig['resume'] = ({ request, partial }) =>
  from(model.answer(continueFrom(request ?? params, partial)));

const processes = new Processes();
let server: RedisServer;
beforeAll(async () => {
  // What is acknowledged is on disk.
  server = await RedisServer.start('--appendonly', 'yes', '--appendfsync', 'always');
});
afterAll(async () => {
  await processes.close();
  await server.close();
});

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

/** A relay of this process; `wrap` looks at what it asks of its store. */
async function connected(
  config: RelayConfig = {},
  wrap: (store: RelayStore) => RelayStore = (store) => store,
): Promise<Relay> {
  const client = createClient({ url: server.url });
  client.on('error', () => {});
  await client.connect();
  const store = new RedisStore(client);
  const relay = createRelay({ lease: 1_000, ...config, store: wrap(store) });
  closers.push(async () => {
    await relay.close();
    store.close();
    client.destroy();
  });
  return relay;
}

let count = 0;
const newId = () => `reply-${count++}`;

describe('another node', () => {
  it('reads a reply live from another process, and continues from every offset', async () => {
    const writer = await processes.start(server.url);
    const [one, other] = [await connected(), await connected()];
    const id = newId();
    writer.tell({ do: 'publish', id, pace: 5 });
    await writer.next('published');
    const live = await allOf(one.follow(id));
    expect(messageOf(eventsIn(live))).toEqual(model.message);
    expect(live.length).toBeGreaterThan(100);
    const rests = await Promise.all(
      live.map(({ offset }) => allOf(other.follow(id, { after: offset, keepContent: false }))),
    );
    for (const [index, rest] of rests.entries()) {
      const joined = [...eventsIn(live.slice(0, index + 1)), ...eventsIn(rest)];
      expect(messageOf(joined)).toEqual(model.message);
    }
    await writer.kill();
  });

  it('is not misled by clocks that differ by minutes', async () => {
    const MINUTES = 10 * 60_000;
    const [behind, ahead] = await Promise.all(
      [-MINUTES, MINUTES].map((clock) => processes.start(server.url, { lease: 500, clock })),
    );
    const reader = await connected({ lease: 500, orphans: 'keep' });
    const ids = () => Array.from({ length: 8 }, newId);
    const [kept, orphans] = [ids(), ids()];
    // Nobody takes the writer for dead: its replies take several leases.
    for (const id of kept) behind!.tell({ do: 'publish', id, pace: 30 });
    await Promise.all(
      kept.map(async (id) => {
        while (!(await reader.status(id))) await pause(10);
        const whileWritten = eventsIn(await allOf(reader.follow(id)));
        expect(messageOf(whileWritten)).toEqual(model.message);
        expect(whileWritten.some(({ type }) => type === 'resume')).toBe(false);
      }),
    );
    // And replies that nobody follows are carried on by the other, when their node is dead.
    for (const id of orphans) behind!.tell({ do: 'publish', id, pace: 60 });
    for (const id of orphans) while (!(await reader.status(id))?.offset) await pause(10);
    await behind!.kill();
    for (const id of orphans) {
      while ((await reader.status(id))!.state !== 'complete') await pause(20);
      const carriedOn = eventsIn(await allOf(reader.follow(id)));
      expect(carriedOn.filter(({ type }) => type === 'resume')).toHaveLength(1);
      expect(joinedBlocks(messageOf(carriedOn)!.content)).toEqual(whole);
    }
    console.log('clocks 20 minutes apart: 16 replies, 8 of a node that was killed, 0 lost');
    await ahead!.kill();
  });

  it('stops a reply of another process', async () => {
    const writer = await processes.start(server.url);
    const relay = await connected();
    const id = newId();
    writer.tell({ do: 'publish', id, pace: 50 });
    await writer.next('published');
    const following = failure(relay.follow(id));
    await allOf(relay.follow(id).pipe(take(20)));
    const began = performance.now();
    expect(await relay.stop(id, 'a person')).toBe(true);
    expect(await following).toMatchObject({ code: 'aborted', partial: { role: 'assistant' } });
    expect(await writer.next('concluded')).toMatchObject({ id, state: 'stopped' });
    console.log(`stop: the writer knew after ${(performance.now() - began).toFixed(0)} ms`);
    await writer.kill();
  });

  it('handles a kill at any of 100 moments: readers get an error in time, or the rest', async () => {
    const LEASE = 1_000;
    const reader = await connected({ lease: LEASE });
    const taker = await connected({ lease: LEASE, resume });
    const random = seeded(20_261_125);
    const tally = { errors: 0, continued: 0, complete: 0, unknown: 0, lostAgain: 0 };
    /** When the last reader had its error, and when the last one had the rest. */
    const latest = { error: 0, rest: 0 };

    const round = async (index: number): Promise<void> => {
      const writer = await processes.start(server.url, { lease: LEASE });
      const id = newId();
      const isResumed = index % 2 === 1;
      let seams = 0;
      const events: StreamEvent[] = [];
      writer.tell({ do: 'publish', id, pace: 3 });
      // Some are killed before there is anything.
      if (index % 10 !== 0) await writer.next('published');
      const relay = isResumed ? taker : reader;
      const following = lastValueFrom(
        relay.follow(id).pipe(
          tap(({ event }) => {
            events.push(event);
            if (event.type === 'resume') seams++;
          }),
        ),
        { defaultValue: undefined },
      ).then(
        () => undefined,
        (error: unknown) => error as MessageStreamError,
      );
      await pause(random() * 230);
      await writer.kill();
      const killedAt = performance.now();
      const error = await following;
      const kind = error === undefined ? 'rest' : 'error';
      latest[kind] = Math.max(latest[kind], performance.now() - killedAt);
      if (error === undefined) {
        expect(joinedBlocks(messageOf(events)!.content)).toEqual(whole);
        if (seams > 0) tally.continued++;
        else tally.complete++;
        return;
      }
      expect(error).toBeInstanceOf(MessageStreamError);
      if (error.status === 404) return void tally.unknown++;
      expect([error.code, error.retryable]).toEqual(['connection', true]);
      // A node that stands still for longer than its lease, on a busy machine, is lost itself.
      if (isResumed) tally.lostAgain++;
      expect(error.partial).toEqual(messageOf(events));
      // What had arrived is what was written, as far as it goes.
      const { content } = error.partial ?? { content: [] };
      for (const [at, block] of content.entries()) {
        if (block.type !== 'text') continue;
        const said = model.message.content[at] as typeof block;
        expect(said.text.startsWith(block.text)).toBe(true);
      }
      tally.errors++;
    };
    let next = 0;
    const lane = async () => {
      while (next < 100) await round(next++);
    };
    await Promise.all(Array.from({ length: 8 }, lane));
    console.log(
      `killed 100 writers: ${JSON.stringify(tally)}; with a lease of ${LEASE} ms the last error came ` +
        `after ${latest.error.toFixed(0)} ms, the last rest after ${latest.rest.toFixed(0)} ms; ` +
        '0 lost or received something twice',
    );
    expect(tally.errors).toBeGreaterThan(10);
    expect(tally.continued).toBeGreaterThan(10);
    expect(tally.lostAgain).toBeLessThan(4);
    // None hangs; the rest of that is for a busy machine.
    expect(latest.error).toBeLessThan(5 * LEASE);
  });
});

describe('Redis', () => {
  /** Remembers what was acknowledged. */
  function remembering(acknowledged: Map<string, number>) {
    return (store: RelayStore): RelayStore =>
      new Proxy(store, {
        get(target, name: keyof RelayStore) {
          const method = (target[name] as (...args: unknown[]) => unknown).bind(target);
          if (name !== 'append') return method;
          return async (...args: Parameters<RelayStore['append']>) => {
            const outcome = await target.append(...args);
            const [id, , { entries }] = args;
            if (outcome === 'done') acknowledged.set(id, entries.at(-1)!.number);
            return outcome;
          };
        },
      });
  }

  it('that is killed and restarted has lost no acknowledged write', async () => {
    for (const at of [100, 350, 700]) {
      const acknowledged = new Map<string, number>();
      const writer = await connected({ lease: 3_000 }, remembering(acknowledged));
      const reader = await connected({ lease: 3_000 });
      const ids = Array.from({ length: 10 }, newId);
      const writing = await Promise.all(
        ids.map((id) => writer.publish(id, paced(model.events, 2))),
      );
      const following = Promise.all(ids.map((id) => allOf(reader.follow(id))));
      following.catch(() => {});
      await pause(at);
      await server.stop('SIGKILL');
      const before = new Map(acknowledged);
      await pause(300);
      await server.begin();
      const fresh = new RedisStore(await client());
      for (const [id, number] of before) {
        expect((await fresh.head(id))!.last).toBeGreaterThanOrEqual(number);
      }
      for (const relayed of await following) {
        const events = eventsIn(relayed);
        expect(messageOf(events)).toEqual(model.message);
        expect(events.some(({ type }) => type === 'resume')).toBe(false);
      }
      for (const { concluded } of writing) expect(await concluded).toEqual({ state: 'complete' });
      // A late reader has the same.
      const late = await allOf(reader.follow(ids[0]!));
      expect(messageOf(eventsIn(late))).toEqual(model.message);
    }
  });

  it('that is down for 5 s delays the reply, with bounded memory', async () => {
    const patient = await connected({ lease: 2_000 });
    const bounded = await connected({ lease: 2_000, maxBuffered: 20_000 });
    const impatient = await connected({ lease: 2_000, patience: 2_000 });
    const reader = await connected({ lease: 2_000 });
    const slow = () => from(model.events).pipe(concatMap((event) => of(event).pipe(delay(8))));
    const ids = [newId(), newId(), newId()];
    const [waits, overflows, gives] = await Promise.all(
      [patient, bounded, impatient].map((relay, index) => relay.publish(ids[index]!, slow())),
    );
    const following = allOf(reader.follow(ids[0]!));
    const lost = Promise.all([1, 2].map((index) => failure(reader.follow(ids[index]!))));
    await pause(300);
    await server.stop();
    await pause(5_000);
    await server.begin();
    expect(messageOf(eventsIn(await following))).toEqual(model.message);
    expect(await waits!.concluded).toEqual({ state: 'complete' });
    for (const { concluded } of [overflows!, gives!]) {
      expect(await concluded).toMatchObject({ state: 'lost', error: { code: 'connection' } });
    }
    for (const error of await lost) {
      expect(error).toMatchObject({ code: 'connection', retryable: true });
      expect(error.partial).toMatchObject({ role: 'assistant' });
    }
  });

  it('with entries of another client is an error with their number', async () => {
    const relay = await connected({ maxEventSize: 1_000 });
    const redis = await client();
    const kinds: [string[], RegExp][] = [
      [['d', 'secret'], /not written by a relay/],
      [['x', '{"v":1,"event":{"type":"ping"}}'], /not written by a relay/],
      [['d', `{"v":1,"event":{"type":"x","text":"${'x'.repeat(2_000_000)}"}}`], /too large/],
      [['d', '{"v":9}'], /another version/],
    ];
    for (const [fields, said] of kinds) {
      const id = newId();
      const { concluded } = await relay.publish(id, from(model.events.slice(0, 3)));
      await concluded;
      await redis.sendCommand(['XTRIM', `{claude-rx}:log:${id}`, 'MAXLEN', '2']);
      await redis.sendCommand(['XADD', `{claude-rx}:log:${id}`, '*', ...fields]);
      const error = await failure(relay.follow(id));
      expect(error.code).toBe('protocol');
      expect(error.message).not.toMatch(/secret/);
      expect(error.message).toMatch(/is missing/);
      const other = newId();
      const lease = { owner: 'x', lease: 1_000, ttl: 10_000 };
      await new RedisStore(redis).begin(other, { ...lease, tag: 'tag' });
      await redis.sendCommand(['XADD', `{claude-rx}:log:${other}`, '1-0', ...fields]);
      expect((await failure(relay.follow(other))).message).toMatch(said);
    }
  });

  async function client() {
    const redis = createClient({ url: server.url });
    redis.on('error', () => {});
    await redis.connect();
    closers.push(async () => redis.destroy());
    return redis;
  }
});
