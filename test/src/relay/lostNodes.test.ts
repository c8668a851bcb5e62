import { continueFrom, MessageStreamError, type StreamEvent, Valve } from 'claude-rx';
import { MemoryStore, type RelayConfig, type TakeOverContext } from 'claude-rx/relay';
import { messageEvents } from 'claude-rx/testing';
import fc from 'fast-check';
import { concat, from, NEVER, Observable, of, Subject, take, tap, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ContinuingModel, trickyReply } from '../../support/continuingModel.ts';
import { failure, params, until } from '../../support/server.ts';
import { joinedBlocks } from '../../support/splicedReply.ts';
import { allOf, eventsIn, messageOf, paced, useNodes } from './nodes.ts';

const node = useNodes();
const reply = [...messageEvents.text('Hello world, how are you?', { chunk: 3 })];
const pause = (milliseconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
/** A reply that comes so far, and no further. */
const stuck = (count: number, events: readonly StreamEvent[] = reply) =>
  concat(from(events.slice(0, count)), NEVER);
const continued: RelayConfig['resume'] = ({ request, partial }) =>
  from(new ContinuingModel(reply).answer(continueFrom(request, partial)));

describe('a node that dies', () => {
  it('ends all readers when the lease has expired, with the reply so far', async () => {
    const store = new MemoryStore();
    const writer = node(store, { lease: 120 });
    const { id } = await writer.relay.publish(stuck(5));
    const others = [node(store).relay, node(store).relay];
    const following = others.map((relay) => failure(relay.follow(id)));
    await pause(250);
    expect(await others[0]!.status(id)).toMatchObject({ state: 'streaming' });
    writer.kill();
    for (const error of await Promise.all(following)) {
      expect(error).toMatchObject({ code: 'connection', retryable: true });
      expect(error.partial).toEqual(messageOf(reply.slice(0, 5)));
    }
    expect(await others[0]!.status(id)).toMatchObject({ state: 'lost' });
    // Who comes later is told at once.
    expect((await failure(others[1]!.follow(id))).partial).toEqual(messageOf(reply.slice(0, 5)));
  });

  it('after the last event and before the ending leaves a complete reply', async () => {
    const store = new MemoryStore();
    const writer = node(store, { lease: 60 });
    const { id } = await writer.relay.publish(stuck(reply.length));
    await pause(10);
    writer.kill();
    let asked = 0;
    const other = node(store, { resume: () => (asked++, NEVER) });
    const events = eventsIn(await allOf(other.relay.follow(id)));
    expect(messageOf(events)).toEqual(messageOf(reply));
    expect(asked).toBe(0);
    expect(await other.relay.status(id)).toMatchObject({ state: 'complete' });
  });

  it('does not count as dead while its source is silent', async () => {
    const store = new MemoryStore();
    const { id } = await node(store, { lease: 60 }).relay.publish(stuck(3));
    const errors: unknown[] = [];
    const other = node(store, { lease: 60, resume: () => throwError(() => 'taken over') });
    const following = other.relay.follow(id).subscribe({ error: (error) => errors.push(error) });
    await pause(300);
    expect(errors).toEqual([]);
    following.unsubscribe();
  });
});

describe('resume', () => {
  it('continues the reply on one node with readers, as one message', async () => {
    const store = new MemoryStore();
    const writer = node(store, { lease: 80 });
    const { id } = await writer.relay.publish(stuck(6), { request: params });
    const contexts: TakeOverContext<StreamEvent>[] = [];
    const nodes = Array.from({ length: 5 }, () =>
      node(store, {
        lease: 80,
        resume: (context) => {
          contexts.push(context);
          return continued!(context);
        },
      }),
    );
    const following = nodes.map(({ relay }) => allOf(relay.follow(id)));
    await pause(20);
    writer.kill();
    for (const relayed of await Promise.all(following)) {
      const events = eventsIn(relayed);
      expect(events.filter(({ type }) => type === 'message_start')).toHaveLength(1);
      expect(events.find(({ type }) => type === 'resume')).toMatchObject({
        attempt: 2,
        error: { code: 'connection' },
      });
      expect(joinedBlocks(messageOf(events)!.content)).toEqual(
        joinedBlocks(messageOf(reply)!.content),
      );
    }
    expect(contexts).toHaveLength(1);
    expect(contexts[0]).toMatchObject({ id, attempt: 2, request: params });
    expect(contexts[0]!.partial).toEqual(messageOf(reply.slice(0, 6)));
    // Also for who comes later.
    const late = eventsIn(await allOf(nodes[0]!.relay.follow(id)));
    expect(joinedBlocks(messageOf(late)!.content)).toEqual(joinedBlocks(messageOf(reply)!.content));
  });

  it('refuses writes of the first node when it wakes up, and aborts its request', async () => {
    const store = new MemoryStore();
    const first = node(store, { lease: 60 });
    const source = new Subject<StreamEvent>();
    const { id, concluded } = await first.relay.publish(source, { request: params });
    for (const event of reply.slice(0, 4)) source.next(event);
    await pause(10);
    // As a process that is stopped, and goes on later.
    let goOn = () => {};
    first.holdUntil(new Promise<void>((resolve) => (goOn = resolve)));
    const second = node(store, { lease: 60, resume: continued });
    const following = allOf(second.relay.follow(id));
    source.next(reply[4]!);
    await until(() => (second.calls['takeOver'] ?? 0) > 0);
    await pause(20);
    goOn();
    const conclusion = await concluded;
    expect(conclusion).toMatchObject({ state: 'lost', error: { code: 'connection' } });
    expect(source.observed).toBe(false);
    const events = eventsIn(await following);
    expect(joinedBlocks(messageOf(events)!.content)).toEqual(
      joinedBlocks(messageOf(reply)!.content),
    );
    // What the first one had been about to append is not there.
    expect(messageOf(reply.slice(0, 4))).toEqual(messageOf(events.slice(0, 3)));
  });

  it('is repeated when the next node dies too, at most maxTakeOvers times', async () => {
    const store = new MemoryStore();
    const model = new ContinuingModel(trickyReply(600));
    const config = { lease: 60, maxTakeOvers: 2 };
    let attempts = 0;
    const resume: RelayConfig['resume'] = ({ partial }) => {
      attempts++;
      return concat(from(model.answer(continueFrom(params, partial)).slice(0, 40)), NEVER);
    };
    const nodes = [1, 2, 3].map(() => node(store, { ...config, resume }));
    const { id } = await nodes[0]!.relay.publish(stuck(50, model.events));
    const reader = node(store, config);
    for (const [index, dying] of nodes.entries()) {
      await pause(20);
      dying.kill();
      const next = nodes[index + 1];
      if (!next) break;
      const [last] = (await allOf(next.relay.follow(id).pipe(take(9)))).slice(-1);
      expect(last).toBeDefined();
      await until(() => attempts === index + 1);
    }
    const error = await failure(reader.relay.follow(id));
    expect(error.code).toBe('connection');
    const last = node(store, { ...config, resume });
    expect((await failure(last.relay.follow(id))).code).toBe('connection');
    expect(attempts).toBe(2);
  });

  it('that fails ends the reply for all readers', async () => {
    const store = new MemoryStore();
    const writer = node(store, { lease: 60 });
    const { id } = await writer.relay.publish(stuck(6));
    await pause(10);
    writer.kill();
    const refused = new MessageStreamError('no', { code: 'request', status: 400 });
    const other = node(store, { resume: () => throwError(() => refused) });
    for (const _ of [1, 2]) {
      const error = await failure(other.relay.follow(id));
      expect(error).toMatchObject({ code: 'request', status: 400 });
      expect(error.partial?.content).toEqual(messageOf(reply.slice(0, 6))!.content);
    }
  });

  it('does not continue a reply of several messages', async () => {
    const store = new MemoryStore();
    const writer = node(store, { lease: 60 });
    const events = [...reply, ...messageEvents.with({ id: 'msg_2' }).text('More')].slice(0, -3);
    const { id } = await writer.relay.publish(concat(from(events), NEVER));
    await pause(10);
    writer.kill();
    const other = node(store, { resume: continued });
    expect((await failure(other.relay.follow(id))).code).toBe('connection');
  });

  it('joins a reply that was cut anywhere', async () => {
    const model = new ContinuingModel(trickyReply(300));
    const whole = joinedBlocks(model.message.content);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 299 }), async (cut) => {
        const store = new MemoryStore();
        const writer = node(store, { lease: 5 });
        const { id } = await writer.relay.publish(stuck(cut, model.events));
        await pause(1);
        writer.kill();
        const other = node(store, {
          resume: ({ partial }) => from(model.answer(continueFrom(params, partial))),
        });
        const message = messageOf(eventsIn(await allOf(other.relay.follow(id))));
        expect(joinedBlocks(message!.content)).toEqual(whole);
      }),
      { numRuns: 40 },
    );
  });
});

describe('a store that is unavailable', () => {
  it('for a while delays the reply: nothing is lost or doubled', async () => {
    const store = new MemoryStore();
    const writer = node(store, { lease: 300 });
    const reader = node(store, { lease: 300 });
    const { id, concluded } = await writer.relay.publish(paced(reply, 10));
    const following = allOf(reader.relay.follow(id));
    await pause(35);
    writer.setAway(true);
    reader.setAway(true);
    await pause(150);
    writer.setAway(false);
    reader.setAway(false);
    expect(messageOf(eventsIn(await following))).toEqual(messageOf(reply));
    expect(await concluded).toEqual({ state: 'complete' });
  });

  it('whose answers are lost has each entry once', async () => {
    const store = new MemoryStore();
    const append = store.append.bind(store);
    let calls = 0;
    store.append = async (...args) => {
      const outcome = await append(...args);
      if (calls++ % 2 === 0) throw new Error('the answer was lost');
      return outcome;
    };
    const { relay } = node(store);
    const { id, concluded } = await relay.publish(paced(reply, 5));
    const events = eventsIn(await allOf(relay.follow(id)));
    expect(messageOf(events)).toEqual(messageOf(reply));
    expect(await concluded).toEqual({ state: 'complete' });
    expect(calls).toBeGreaterThan(2);
  });

  it.each([
    ['for too long', { patience: 100 }, /store of the relay is unavailable/],
    ['while too much comes', { maxBuffered: 600 }, /store of the relay is unavailable/],
  ])('%s is an error for the writer, which aborts its request', async (_when, config, said) => {
    const own = node(undefined, config);
    const source = new Subject<StreamEvent>();
    const { id, concluded } = await own.relay.publish(source);
    source.next(reply[0]!);
    await pause(10);
    own.setAway(true);
    for (const event of reply.slice(1)) source.next(event);
    const { state, error } = await concluded;
    expect(state).toBe('lost');
    expect(error).toMatchObject({ code: 'connection', message: expect.stringMatching(said) });
    expect(source.observed).toBe(false);
    own.setAway(false);
    expect((await failure(own.relay.follow(id))).code).toBe('connection');
  });

  it('for too long is an error for readers, with the reply so far', async () => {
    const store = new MemoryStore();
    const { relay } = node(store, { lease: 60 });
    const { id } = await relay.publish(stuck(5));
    const reader = node(store, { patience: 150, lease: 60 });
    const following = failure(reader.relay.follow(id));
    await pause(30);
    reader.setAway(true);
    const error = await following;
    expect(error).toMatchObject({ code: 'connection', retryable: true });
    expect(error.partial).toEqual(messageOf(reply.slice(0, 5)));
  });

  it('is an error for every request', async () => {
    const own = node(undefined, { patience: 50 });
    own.setAway(true);
    const away = { code: 'connection', retryable: true };
    await expect(own.relay.publish(of())).rejects.toMatchObject(away);
    await expect(own.relay.status('x')).rejects.toMatchObject(away);
    await expect(own.relay.stop('x')).rejects.toMatchObject(away);
    expect(await failure(own.relay.follow('x'))).toMatchObject(away);
  });
});

describe('a slow reader', () => {
  it('keeps at most `maxUnread` characters of the log, and one entry, in memory', async () => {
    const store = new MemoryStore();
    const pages: number[][] = [];
    const read = store.read.bind(store);
    store.read = async (...args) => {
      const page = await read(...args);
      pages.push(page.map(({ data }) => data.length));
      return page;
    };
    const own = node(store, { maxUnread: 2_000 });
    const large = Array.from({ length: 40 }, (_, index) => ({
      type: 'tick',
      text: 'x'.repeat(index === 20 ? 9_000 : 600),
    })) as unknown as StreamEvent[];
    const many = [reply[0]!, ...large];
    const { id, concluded } = await own.relay.publish(from(many));
    await concluded;
    pages.length = 0;
    expect(eventsIn(await allOf(own.relay.follow(id)))).toEqual(many);
    // The entry that reaches the size is the last one of its page.
    for (const page of pages) {
      expect(page.slice(0, -1).reduce((sum, size) => sum + size, 0)).toBeLessThan(2_000);
    }
    expect(pages.length).toBeGreaterThan(10);
  });

  it('takes the memory of a page, and does not slow down other readers', async () => {
    const store = new MemoryStore();
    const own = node(store);
    const events = [...messageEvents.toolUse('a', { text: 'x'.repeat(3_000) }, { chunk: 2 })];
    // What does not merge: each in a block of its own.
    const many = events.flatMap((event) => [event, { type: 'tick' } as unknown as StreamEvent]);
    const valve = new Valve({ highWaterMark: 4 });
    const slow: StreamEvent[] = [];
    const { id, concluded } = await own.relay.publish(paced([], 0).pipe((_) => from(many)));
    let release = () => {};
    const following = allOf(
      own.relay.follow(id, { valve }).pipe(
        valve.concatMap(async ({ event }) => {
          slow.push(event);
          if (slow.length === 10) await new Promise<void>((resolve) => (release = resolve));
          return event;
        }),
      ),
    );
    const quick = await allOf(own.relay.follow(id));
    expect(quick).toHaveLength(many.length);
    await concluded;
    await pause(20);
    expect(slow).toHaveLength(10);
    expect(valve.depth).toBeLessThanOrEqual(4);
    const reads = own.calls['read']!;
    await pause(20);
    expect(own.calls['read']).toBe(reads);
    release();
    expect(await following).toEqual(many);
  });
});

describe('close', () => {
  it('lets another node take over at once, and aborts the request', async () => {
    const store = new MemoryStore();
    const first = node(store, { lease: 60_000 });
    let isAborted = false;
    const source = stuck(6).pipe(tap({ unsubscribe: () => (isAborted = true) }));
    const { id, concluded } = await first.relay.publish(source, { request: params });
    const here = failure(first.relay.follow(id));
    await pause(10);
    await first.relay.close();
    expect(isAborted).toBe(true);
    expect(await concluded).toMatchObject({ state: 'lost' });
    expect(await here).toMatchObject({ code: 'connection', retryable: true });
    const other = node(store, { resume: continued });
    const message = messageOf(eventsIn(await allOf(other.relay.follow(id))));
    expect(joinedBlocks(message!.content)).toEqual(joinedBlocks(messageOf(reply)!.content));
    await expect(first.relay.publish(new Observable())).rejects.toMatchObject({
      code: 'connection',
    });
    expect((await failure(first.relay.follow(id))).code).toBe('connection');
  });
});

it('leaves no timer behind', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  const { relay } = node();
  const { id, concluded } = await relay.publish(paced(reply));
  const following = relay.follow(id).subscribe();
  await pause(5);
  following.unsubscribe();
  await concluded;
  await pause(5);
  expect(timers()).toBeLessThanOrEqual(before);
});
