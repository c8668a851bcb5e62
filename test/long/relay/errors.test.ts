// What Redis refuses for good fails at once, with the sentence that the guide has for it.
import type { MessageStreamError, StreamEvent } from 'claude-rx';
import { lastValueFrom, NEVER, Subject } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { read } from '../../support/examples.ts';
import { messageEvents } from 'claude-rx/testing';
import { RedisCluster } from './redisCluster.ts';
import { redisNodes } from './redisNodes.ts';
import { pause, RedisServer } from './redisServer.ts';

const [start, ...rest] = messageEvents.text('Hello world', { chunk: 3 });
const closers: (() => Promise<void> | void)[] = [];
let server: RedisServer;
const connected = redisNodes(() => server);
beforeAll(async () => {
  server = await RedisServer.start();
});
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
  await server.command('CONFIG', 'SET', 'maxmemory', '0');
});
afterAll(() => server.close());

/** The rows of the table in the guide: the name that Redis gives an error, and our sentence. */
const documented = [...read('docs/relay.md').matchAll(/^\| `([A-Za-z ]+)` \| (.*?) \|$/gm)]
  .map(([, name, sentence]) => [name!, sentence!] as const)
  .filter(([name]) => /^[A-Z]+$|^unknown command$/.test(name));

/** Makes a situation in which Redis answers with each of them. */
const provoked: Record<string, () => Promise<MessageStreamError>> = {
  async WRONGTYPE() {
    const { relay } = await connected();
    await server.command('SET', '{claude-rx}:head:taken', 'something else');
    return rejection(relay.publish('taken', NEVER));
  },
  async OOM() {
    const { relay } = await connected();
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    return rejection(relay.publish(NEVER));
  },
  async NOAUTH() {
    const own = await started();
    await own.command('CONFIG', 'SET', 'requirepass', 'secret');
    const { relay } = await connected({ url: own.url, RESP: 2 });
    return rejection(relay.publish(NEVER));
  },
  async NOPERM() {
    await server.command('ACL', 'SETUSER', 'guest', 'on', '>guest', '~other:*', '+@all');
    const { relay } = await connected({ username: 'guest', password: 'guest' });
    return rejection(relay.publish(NEVER));
  },
  async READONLY() {
    const replica = await started(`--replicaof 127.0.0.1 ${server.port}`);
    const { relay } = await connected({ url: replica.url });
    return rejection(relay.publish(NEVER));
  },
  async MOVED() {
    const cluster = await RedisCluster.start(3, 0);
    closers.push(() => cluster.close());
    const errors = await Promise.all(
      cluster.servers.map(async ({ url }) => {
        const { relay } = await connected({ url });
        const published = relay.publish(NEVER);
        return published.then(
          () => undefined,
          (error: MessageStreamError) => error,
        );
      }),
    );
    // One of the three has the slot.
    expect(errors.filter(Boolean)).toHaveLength(2);
    return errors.find(Boolean)!;
  },
  async 'unknown command'() {
    const old = await started('--rename-command EVALSHA hidden');
    const { relay } = await connected({ url: old.url });
    return rejection(relay.publish(NEVER));
  },
};

describe('a permanent error of Redis', () => {
  it('is in the guide with its message', () => {
    expect(documented.map(([name]) => name).toSorted()).toEqual(
      [...Object.keys(provoked), 'CROSSSLOT'].toSorted(),
    );
  });

  it.each(documented.filter(([name]) => name in provoked))('%s: %s', async (name, sentence) => {
    // Long before the store is given up, which is after 30 s.
    const error = await provoked[name]!();
    expect(error).toMatchObject({ code: 'connection', retryable: false, errorType: name });
    expect(error.message).toBe(`${sentence} (Redis: ${name})`);
  });

  it('ends a reply at once, also between two events: for its writer and for its readers', async () => {
    const { relay } = await connected();
    const { relay: reader } = await connected();
    const { id, concluded } = await relay.publish(NEVER);
    const following = rejection(lastValueFrom(reader.follow(id)));
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    const { state, error } = await concluded;
    expect([state, error!.errorType]).toEqual(['lost', 'OOM']);
    const { code, errorType, message, retryable } = await following;
    expect([code, errorType, message, retryable]).toEqual([
      'connection',
      'OOM',
      error!.message,
      false,
    ]);
    expect(await reader.status(id)).toMatchObject({ state: 'error' });
  });

  it('does not keep a reply from being stopped: out of memory', async () => {
    const { relay, store } = await connected();
    const log = { owner: 'a', lease: 60_000, ttl: 60_000, tag: 'tag' };
    await store.begin('stopped', log);
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    expect(await relay.stop('stopped')).toBe(true);
    expect(await relay.status('stopped')).toMatchObject({ state: 'stopped' });
  });

  it('is found in a command that only a script calls', async () => {
    const old = await started('--rename-command PUBLISH hidden');
    const { relay } = await connected({ url: old.url });
    const { concluded } = await relay.publish(NEVER);
    const unknown = { errorType: 'unknown command' };
    expect(await concluded).toMatchObject({ state: 'lost', error: unknown });
  });

  it('ends a reader at once whose user may not subscribe', async () => {
    await server.command('ACL', 'SETUSER', 'deaf', 'on', '>deaf', '~*', '+@all', 'resetchannels');
    const { relay } = await connected();
    const { relay: reader } = await connected({ username: 'deaf', password: 'deaf' });
    const { id } = await relay.publish(NEVER);
    const error = await rejection(lastValueFrom(reader.follow(id)));
    expect(error).toMatchObject({ code: 'connection', retryable: false, errorType: 'NOPERM' });
    expect(await relay.status(id)).toMatchObject({ state: 'streaming' });
  });

  it('leaves no partial append if the user may not publish', async () => {
    await server.command('ACL', 'SETUSER', 'mute', 'on', '>mute', '~*', '+@all', 'resetchannels');
    const { relay, store } = await connected({ username: 'mute', password: 'mute' });
    const source = new Subject<StreamEvent>();
    const { id, concluded } = await relay.publish(source);
    source.next(start!);
    expect(await concluded).toMatchObject({ state: 'lost', error: { errorType: 'NOPERM' } });
    const entries = await store.read(id, 0, 10);
    expect((await store.head(id))!.last).toBe(entries.length);
  });
});

describe('a temporary error of Redis', () => {
  it('delays the reply: a script that takes long', async () => {
    const { relay } = await connected();
    const source = new Subject<StreamEvent>();
    const { id, concluded } = await relay.publish(source);
    const following = relay.follow(id);
    const loop = "local t = redis.call('TIME')[1]; while redis.call('TIME')[1] - t < 2 do end";
    const busy = server.command('EVAL', loop, '0');
    await pause(50);
    for (const event of [start!, ...rest]) source.next(event);
    source.complete();
    await busy;
    expect(await concluded).toEqual({ state: 'complete' });
    expect(await lastValueFrom(following)).toMatchObject({ event: { type: 'message_stop' } });
  });
});

async function started(...settings: string[]): Promise<RedisServer> {
  const own = await RedisServer.start(...settings);
  closers.push(() => own.close());
  return own;
}

function rejection(promise: Promise<unknown>): Promise<MessageStreamError> {
  return promise.then(
    () => {
      throw new Error('it was done');
    },
    (error: MessageStreamError) => error,
  );
}
