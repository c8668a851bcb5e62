import fc from 'fast-check';
import {
  MessageStreamError,
  type MessageStreamErrorInit,
  type StreamEvent,
  Valve,
} from 'claude-rx';
import {
  createRelay,
  MemoryStore,
  type RelayConfig,
  type RelayedEvent,
  type RelayStore,
} from 'claude-rx/relay';
import { messageEvents } from 'claude-rx/testing';
import { concat, from, NEVER, Observable, of, Subject, take, tap, throwError } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { trickyReply } from '../../support/continuingModel.ts';
import { failure, until } from '../../support/server.ts';
import { allOf, eventsIn, messageOf, paced, useNodes } from './nodes.ts';

const node = useNodes();
const reply = [...messageEvents.text('Hello world, how are you?', { chunk: 3 })];
const pause = (milliseconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

describe('a reply', () => {
  it('is followed live on another node, event by event', async () => {
    const store = new MemoryStore();
    const { relay } = node(store);
    const source = new Subject<StreamEvent>();
    const { id, concluded } = await relay.publish(source);
    const [here, there] = [relay, node(store).relay].map((own) => allOf(own.follow(id)));
    await pause(5);
    for (const event of reply) {
      source.next(event);
      await pause(1);
    }
    source.complete();
    expect(eventsIn(await here!)).toEqual(reply);
    expect(eventsIn(await there!)).toEqual(reply);
    expect(await concluded).toEqual({ state: 'complete' });
  });

  it('gives late subscribers a short replay, then live events', async () => {
    const { relay } = node();
    const source = new Subject<StreamEvent>();
    const { id } = await relay.publish(source);
    for (const event of reply.slice(0, 6)) source.next(event);
    await pause(5);
    const late: RelayedEvent<StreamEvent>[] = [];
    const following = relay.follow(id).subscribe((event) => late.push(event));
    await until(() => late.length === 3);
    expect(eventsIn(late)[2]).toMatchObject({ delta: { text: 'Hello world,' } });
    source.next(reply[6]!);
    await until(() => late.length === 4);
    expect(late[3]!.event).toEqual(reply[6]);
    following.unsubscribe();
  });

  it('is replayed completely to a reader who comes after the end', async () => {
    const { relay } = node();
    const { id, concluded } = await relay.publish('mine', from(reply));
    expect(id).toBe('mine');
    await concluded;
    const all = eventsIn(await allOf(relay.follow(id)));
    expect(all).toHaveLength(6);
    expect(messageOf(all)).toEqual(messageOf(reply));
  });

  it('goes on without readers', async () => {
    const { relay } = node();
    const { id, concluded } = await relay.publish(paced(reply));
    const first = await allOf(relay.follow(id).pipe(take(2)));
    expect(first).toHaveLength(2);
    expect(await concluded).toEqual({ state: 'complete' });
    expect(messageOf(eventsIn(await allOf(relay.follow(id))))).toEqual(messageOf(reply));
  });

  it('gets an id that cannot be guessed, unless one was given', async () => {
    const { relay } = node();
    const ids = await Promise.all(
      Array.from({ length: 50 }, async () => (await relay.publish(from(reply))).id),
    );
    expect(new Set(ids).size).toBe(50);
    for (const id of ids) expect(id).toMatch(/^r_[\w-]{24}$/);
  });

  it('may consist of any events and several messages', async () => {
    const { relay } = node();
    const events = [
      ...reply,
      { type: 'tool_result', of: 'é"\n\u2028\ud83d', content: [null, 1.5, { deep: true }] },
      ...messageEvents.with({ id: 'msg_2' }).text('And more'),
    ] as StreamEvent[];
    const { id, concluded } = await relay.publish(from(events));
    await concluded;
    const all = eventsIn(await allOf(relay.follow(id)));
    expect(all).toContainEqual(events[reply.length]);
    expect(all.filter(({ type }) => type === 'message_stop')).toHaveLength(2);
    expect(messageOf(all)).toEqual(messageOf(events));
  });

  it('completes for its readers if the source completes without a message_stop', async () => {
    const { relay } = node();
    const { id } = await relay.publish(from(reply.slice(0, 4)));
    expect(messageOf(eventsIn(await allOf(relay.follow(id))))).toEqual(
      messageOf(reply.slice(0, 4)),
    );
  });
});

describe('an error of the source', () => {
  const full: MessageStreamErrorInit = {
    code: 'rate_limited',
    retryable: false,
    retryAfterMs: 1_500,
    status: 429,
    errorType: 'rate_limit_error',
    attempts: 3,
    requestId: 'req_1',
  };

  it.each([
    ['live', false],
    ['late', true],
  ])('is the same for all readers, with the reply so far: %s', async (_when, isLate) => {
    const store = new MemoryStore();
    const { relay } = node(store);
    const error = new MessageStreamError('Too much', full);
    const { id, concluded } = await relay.publish(
      concat(
        paced(reply.slice(0, 5)),
        throwError(() => error),
      ),
    );
    if (isLate) await concluded;
    const got = await failure(node(store).relay.follow(id));
    expect(got).toMatchObject({ message: 'Too much', ...full });
    expect(got.partial).toEqual(messageOf(reply.slice(0, 5)));
    expect(await concluded).toEqual({ state: 'error', error });
    expect(await relay.status(id)).toMatchObject({
      state: 'error',
      error: { message: 'Too much' },
    });
  });

  it('that is not a MessageStreamError gets the code unknown', async () => {
    const { relay } = node();
    const { id } = await relay.publish(throwError(() => new RangeError('a mistake')));
    const error = await failure(relay.follow(id));
    expect(error).toMatchObject({ code: 'unknown', message: expect.stringMatching('a mistake') });
  });

  it('has the partial message for a reader from the middle, too', async () => {
    const { relay } = node();
    const { id, concluded } = await relay.publish(
      concat(
        from(reply.slice(0, 6)),
        throwError(() => new MessageStreamError('x', full)),
      ),
    );
    await concluded;
    const [, second] = await allOf(relay.follow(id).pipe(take(2)));
    const error = await failure(relay.follow(id, { after: second!.offset }));
    expect(error.partial).toEqual(messageOf(reply.slice(0, 6)));
    const short = await failure(relay.follow(id, { after: second!.offset, keepContent: false }));
    expect(short.partial).toBeUndefined();
  });

  it('keeps the resume event of a retry, and its error', async () => {
    const { relay } = node();
    const error = new MessageStreamError('lost', { code: 'connection', requestId: 'req_9' });
    const resume: StreamEvent = { type: 'resume', attempt: 2, keep: 1, error };
    const { id } = await relay.publish(from([...reply.slice(0, 5), resume, ...reply.slice(5)]));
    const seam = eventsIn(await allOf(relay.follow(id))).find(({ type }) => type === 'resume');
    expect(seam).toMatchObject({ attempt: 2, keep: 1 });
    const { error: revived } = seam as { error: MessageStreamError };
    expect(revived).toBeInstanceOf(MessageStreamError);
    expect(revived).toMatchObject({ code: 'connection', retryable: true, requestId: 'req_9' });
  });
});

describe('appending', () => {
  it('happens before delivery, also on the node of the writer', async () => {
    const own = node();
    const source = new Subject<StreamEvent>();
    const { id } = await own.relay.publish(source);
    const got: unknown[] = [];
    const following = own.relay.follow(id).subscribe((event) => got.push(event));
    await pause(5);
    let open = () => {};
    own.holdUntil(new Promise<void>((resolve) => (open = resolve)));
    source.next(reply[0]!);
    await pause(20);
    expect(got).toEqual([]);
    open();
    await until(() => got.length === 1);
    following.unsubscribe();
  });

  it('writes events that arrive during an append as one batch', async () => {
    const own = node();
    const { id, concluded } = await own.relay.publish(from(trickyReply(600)));
    await concluded;
    expect(own.calls['append']).toBe(3);
    expect(messageOf(eventsIn(await allOf(own.relay.follow(id))))).toEqual(
      messageOf(trickyReply(600)),
    );
  });

  it('makes a source with a valve wait for the store', async () => {
    const own = node();
    const valve = new Valve({ highWaterMark: 8 });
    let produced = 0;
    const events = [...trickyReply(200)];
    const source = new Observable<StreamEvent>((subscriber) => {
      const goOn = () => {
        while (valve.isOpen && produced < events.length) subscriber.next(events[produced++]!);
        if (produced === events.length) subscriber.complete();
      };
      return valve.open$.subscribe((isOpen) => isOpen && queueMicrotask(goOn));
    });
    let open = () => {};
    own.holdUntil(new Promise<void>((resolve) => (open = resolve)));
    const publishing = own.relay.publish(source, { valve });
    await pause(10);
    open();
    const { id } = await publishing;
    own.holdUntil(new Promise<void>((resolve) => (open = resolve)));
    await pause(10);
    const inBetween = produced;
    expect(inBetween).toBeLessThan(events.length);
    open();
    expect(messageOf(eventsIn(await allOf(own.relay.follow(id))))).toEqual(messageOf(events));
    expect(valve.depth).toBe(0);
  });

  it.each([
    ['no event', () => ({ text: 'Hello' }), /must be events/],
    ['no JSON', () => ({ type: 'x', value: 1n }), /BigInt/],
    [
      'too large',
      () => ({ type: 'x', value: 'x'.repeat(2_000) }),
      /too large.*`maxEventSize` of createRelay, which is 1000/,
    ],
  ])('ends with an error for all readers for an event: %s', async (_what, make, said) => {
    const { relay } = node(undefined, { maxEventSize: 1_000 });
    const source = concat(from(reply.slice(0, 3)), of(make() as unknown as StreamEvent), NEVER);
    const { id, concluded } = await relay.publish(source);
    const error = await failure(relay.follow(id));
    expect(error.message).toMatch(said);
    expect(error.partial).toEqual(messageOf(reply.slice(0, 3)));
    expect(await concluded).toMatchObject({ state: 'error' });
  });
});

describe('stop', () => {
  it('from another node aborts the request and ends all readers, with the reply so far', async () => {
    const store = new MemoryStore();
    const { relay } = node(store);
    const other = node(store).relay;
    let isAborted = false;
    const source = concat(from(reply.slice(0, 5)), NEVER).pipe(
      tap({ unsubscribe: () => (isAborted = true) }),
    );
    const { id, concluded } = await relay.publish(source);
    const followers = [relay, other, other].map((own) => failure(own.follow(id)));
    await pause(10);
    expect(await other.stop(id, 'pressed by a person')).toBe(true);
    for (const error of await Promise.all(followers)) {
      expect(error).toMatchObject({ code: 'aborted', retryable: false });
      expect(error.message).toMatch('pressed by a person');
      expect(error.partial).toEqual(messageOf(reply.slice(0, 5)));
    }
    await until(() => isAborted);
    expect(await concluded).toMatchObject({ state: 'stopped', error: { code: 'aborted' } });
    expect(await other.status(id)).toMatchObject({ state: 'stopped' });
    expect(await other.stop(id)).toBe(false);
    expect((await failure(other.follow(id))).partial).toEqual(messageOf(reply.slice(0, 5)));
  });

  it('does not happen when a reader unsubscribes', async () => {
    const { relay } = node();
    let isAborted = false;
    const source = concat(from(reply.slice(0, 5)), NEVER).pipe(
      tap({ unsubscribe: () => (isAborted = true) }),
    );
    const { id } = await relay.publish(source);
    for (const _ of [1, 2]) await allOf(relay.follow(id).pipe(take(2)));
    await pause(20);
    expect(isAborted).toBe(false);
    expect(await relay.status(id)).toMatchObject({ state: 'streaming' });
  });

  it('of an unknown reply returns false', async () => {
    expect(await node().relay.stop('nothing')).toBe(false);
  });
});

describe('offsets', () => {
  const followFrom = async (events: readonly StreamEvent[], maxEvents: number) => {
    const { relay } = node(undefined, { maxEvents });
    const source = new Subject<StreamEvent>();
    const { id, concluded } = await relay.publish(source);
    // Live, so that there is an offset for every event.
    const live = allOf(relay.follow(id));
    await pause(2);
    for (const [index, event] of events.entries()) {
      source.next(event);
      if (index % 16 === 15) await pause(0);
    }
    source.complete();
    await concluded;
    return { relay, id, live: await live };
  };

  it.each([5_000, 8])(
    'continue the reply exactly, at every position; compacted from %i on',
    async (maxEvents) => {
      const events = [...trickyReply(160)];
      const { relay, id, live } = await followFrom(events, maxEvents);
      expect(eventsIn(live)).toEqual(events);
      const whole = messageOf(events);
      for (const [index, { offset }] of live.entries()) {
        const rest = eventsIn(
          await allOf(relay.follow(id, { after: offset, keepContent: index % 2 === 0 })),
        );
        expect(messageOf([...events.slice(0, index + 1), ...rest])).toEqual(whole);
        const text = (list: readonly StreamEvent[]) => JSON.stringify(list).length;
        expect(text(rest)).toBeLessThanOrEqual(text(events.slice(index + 1)));
      }
    },
  );

  it('of merged events are valid: any number of connections, cut anywhere', async () => {
    const events = [...trickyReply(150)];
    const { relay, id } = await followFrom(events, 16);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 30 }),
        async (cuts) => {
          const got: StreamEvent[] = [];
          let after: string | undefined;
          for (const cut of cuts) {
            for (const { event, offset } of await allOf(
              relay.follow(id, { after, keepContent: false }).pipe(take(cut)),
            )) {
              got.push(event);
              after = offset;
            }
          }
          got.push(...eventsIn(await allOf(relay.follow(id, { after, keepContent: false }))));
          expect(messageOf(got)).toEqual(messageOf(events));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('of the last event return the ending', async () => {
    const { relay, id, live } = await followFrom(reply, 5_000);
    const { offset: last } = live.at(-1)!;
    for (const keepContent of [true, false]) {
      expect(await allOf(relay.follow(id, { after: last, keepContent }))).toEqual([]);
    }
    const { offset } = (await relay.status(id))!;
    expect(await allOf(relay.follow(id, { after: offset, keepContent: false }))).toEqual([]);
    expect((await relay.status(id, { after: last }))?.isConsumed).toBe(true);
    expect((await relay.status(id, { after: live.at(-2)!.offset }))?.isConsumed).toBe(false);
  });

  it('that are forged or belong to another reply are refused', async () => {
    const { relay, id, live } = await followFrom(reply, 5_000);
    const other = await relay.publish(from(reply));
    await other.concluded;
    const [{ offset: others } = { offset: '' }] = await allOf(relay.follow(other.id));
    const tag = live[0]!.offset.split('.')[0]!;
    const forged = [others, '1', 'x', '..', `${tag}.0`, `${tag}.-1`, `${tag}.01`, `${tag}.1 `];
    forged.push(
      `${tag}.zzzz`,
      `${tag}.A`,
      `${tag}.1.1`,
      `${tag}`,
      `${tag}.`,
      `${tag}.NaN`,
      '0-0',
      '$',
    );
    for (const after of forged) {
      const error = await failure(relay.follow(id, { after }));
      expect([after, error.code, error.status]).toEqual([after, 'request', 400]);
      await expect(relay.status(id, { after })).rejects.toMatchObject({ status: 400 });
      // It says nothing of any reply.
      expect(error.message).not.toMatch(/Hello/);
    }
  });
});

describe('an id', () => {
  it('that is not known is refused', async () => {
    const { relay } = node();
    expect(await failure(relay.follow('nothing'))).toMatchObject({ code: 'request', status: 404 });
    expect(await relay.status('nothing')).toBeUndefined();
  });

  it('that is in use is refused, and the other reply is unchanged', async () => {
    const store = new MemoryStore();
    const { relay } = node(store);
    const { id } = await relay.publish('one', paced(reply));
    let isSubscribed = false;
    const second = new Observable<StreamEvent>(() => void (isSubscribed = true));
    await expect(node(store).relay.publish('one', second)).rejects.toMatchObject({
      code: 'request',
      status: 409,
    });
    expect(isSubscribed).toBe(false);
    expect(messageOf(eventsIn(await allOf(relay.follow(id))))).toEqual(messageOf(reply));
  });

  it('that has expired is refused, also while it is followed', async () => {
    const { relay, kill } = node(undefined, { ttl: 60, lease: 60 });
    const { id } = await relay.publish(concat(from(reply.slice(0, 4)), NEVER));
    const following = failure(relay.follow(id));
    await pause(100);
    expect(await relay.status(id)).toMatchObject({ state: 'streaming' });
    kill();
    expect((await following).code).toBe('connection');
  });

  it.each([[''], ['a\nb'], [7], [undefined], ['x'.repeat(513)]])('must be valid: %j', (id) => {
    const { relay } = node();
    expect(() => relay.follow(id as string)).toThrow(TypeError);
  });
});

describe('createRelay', () => {
  it.each([
    [{ lease: 0 }, /`lease` must be a number, at least 1/],
    [{ ttl: Number.NaN }, /`ttl` must be/],
    [{ ttl: 2 ** 31 }, /`ttl` must be/],
    [{ ttl: 5_000 }, /ttl must not be shorter than lease/],
    [{ maxTakeOvers: -1 }, /`maxTakeOvers` must be a number, at least 0/],
    [{ store: {} }, /`store` must be a RelayStore/],
    [{ resume: 'again' }, /`resume` must be a function/],
  ])('checks its options: %j', (config, said) => {
    expect(() => createRelay(config as RelayConfig)).toThrow(TypeError);
    expect(() => createRelay(config as RelayConfig)).toThrow(said);
  });

  it('takes an id and an Observable, or an Observable alone', () => {
    const { relay } = node();
    expect(() => relay.publish('x' as never)).toThrow(TypeError);
    expect(() => relay.publish('', from(reply))).toThrow(TypeError);
  });
});

describe('a log that is damaged', () => {
  const V = '"v":1';
  const damages: [string, string, RegExp][] = [
    ['is no JSON', 'secret{', /Entry 3 .*not written by a relay/],
    ['is nothing', '', /Entry 3 .*not written by a relay/],
    ['is a number', '7', /Entry 3 .*not written by a relay/],
    ['is of a later version', '{"v":2,"event":{"type":"ping"}}', /Entry 3 .*another version/],
    ['holds nothing', `{${V}}`, /Entry 3 .*neither an event nor an ending/],
    ['holds no event', `{${V},"event":{"kind":"secret"}}`, /Entry 3 .*an event without a `type`/],
    ['holds an event that is null', `{${V},"event":null}`, /Entry 3 .*an event without a `type`/],
    ['ends in no known way', `{${V},"end":"secret"}`, /Entry 3 .*neither an event/],
    ['ends with no error', `{${V},"end":"error","error":"secret"}`, /Entry 3 .*neither an event/],
    ['is merged of nothing', `{${V},"lengths":[],"event":{"type":"ping"}}`, /Entry 3 .*merged/],
    ['is merged of too much', `{${V},"lengths":[0,9],"event":{"type":"ping"}}`, /Entry 3 .*merged/],
    [
      'is too large',
      `{${V},"event":{"type":"x","a":"${'x'.repeat(1_100_000)}"}}`,
      /Entry 3 .*too large/,
    ],
  ];

  it.each(damages)(
    'is an error with the number of the entry, which %s',
    async (_what, data, said) => {
      const store = new MemoryStore();
      const lease = { owner: 'x', lease: 1_000, ttl: 1_000 };
      await store.begin('x', { ...lease, tag: 'tag' });
      const entries = reply.slice(0, 2).map((event) => JSON.stringify({ v: 1, event }));
      for (const [index, text] of [...entries, data].entries()) {
        const batch = { after: index, entries: [{ number: index + 1, data: text }], ends: false };
        await store.append('x', lease, batch);
      }
      const { relay } = node(store, { maxEventSize: 1_000 });
      const error = await failure(relay.follow('x'));
      expect(error).toMatchObject({ code: 'protocol', retryable: false });
      expect(error.message).toMatch(said);
      expect(error.message).not.toMatch(/secret/);
      expect(error.partial).toEqual(messageOf(reply.slice(0, 2)));
    },
  );

  it('is an error if entries or the ending are missing', async () => {
    const store = new MemoryStore();
    const lease = { owner: 'x', lease: 1_000, ttl: 1_000 };
    const data = JSON.stringify({ v: 1, event: reply[0] });
    for (const [id, numbers, ends] of [
      ['gap', [1, 3], false],
      ['end', [1], true],
    ] as const) {
      await store.begin(id, { ...lease, tag: 'tag' });
      const entries = numbers.map((number) => ({ number, data }));
      await store.append(id, lease, { after: 0, entries, ends });
    }
    const { relay } = node(store);
    expect((await failure(relay.follow('gap'))).message).toMatch(/Entry 2 .*is missing/);
    expect((await failure(relay.follow('end'))).message).toMatch(/Entry 1 .*is missing/);
  });

  it('is detected by its writer and its readers if the store has lost entries', async () => {
    const store = new MemoryStore();
    const { relay } = node(store);
    const source = new Subject<StreamEvent>();
    const { id, concluded } = await relay.publish(source);
    const following = failure(relay.follow(id));
    await pause(5);
    for (const event of reply.slice(0, 5)) source.next(event);
    await pause(10);
    lose(store, id, 2);
    source.next(reply[5]!);
    expect(await concluded).toMatchObject({ state: 'lost', error: { code: 'protocol' } });
    const error = await following;
    expect(error).toMatchObject({
      code: 'protocol',
      message: expect.stringMatching(/lost acknowledged entries/),
    });
    expect(error.partial).toEqual(messageOf(reply.slice(0, 5)));
  });

  it('is not followed past entries that were lost before a node took it over', async () => {
    const store = new MemoryStore();
    const first = node(store);
    const source = new Subject<StreamEvent>();
    const { id } = await first.relay.publish(source);
    for (const event of reply.slice(0, 6)) source.next(event);
    await pause(10);
    const seen = await allOf(first.relay.follow(id, {}).pipe(take(3)));
    first.kill();
    lose(store, id, 2);
    const second = node(store, { resume: () => from(messageEvents.text('and the rest')) });
    await allOf(second.relay.follow(id));
    const error = await failure(second.relay.follow(id, { after: seen.at(-1)!.offset }));
    expect(error.code).toMatch(/request|protocol/);
  });

  /** As a store that had acknowledged more than it kept. */
  function lose(store: RelayStore, id: string, count: number): void {
    const get = vi.spyOn(Map.prototype, 'get');
    void store.head(id);
    const log = get.mock.results
      .map(({ value }) => value as { entries?: unknown[] })
      .find((value) => value?.entries);
    get.mockRestore();
    log!.entries!.splice(-count);
  }
});
