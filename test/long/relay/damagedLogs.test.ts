// Logs that Redis has evicted, or that another client has changed: all report the same ending.
import { MessageStreamError, type StreamEvent } from 'claude-rx';
import type { RelayedEvent } from 'claude-rx/relay';
import { messageEvents } from 'claude-rx/testing';
import { type Observable, Subject } from 'rxjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../../support/server.ts';
import { redisNodes } from './redisNodes.ts';
import { RedisServer } from './redisServer.ts';

const reply = [...messageEvents.text('Hello world, how are you?', { chunk: 3 })];
const ENDING = '{"v":1,"end":"complete"}';
let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.close());

const connected = redisNodes(() => server);
const node = async () => (await connected()).relay;

/** How far a follower has come, and how it ended. */
class Seen {
  last = 0;
  end: unknown;

  constructor(relayed: Observable<RelayedEvent<StreamEvent>>) {
    relayed.subscribe({
      next: ({ offset }) => (this.last = Number.parseInt(offset.split('.')[1]!, 36)),
      error: (error) => (this.end = error),
      complete: () => (this.end = 'complete'),
    });
  }
}

const log = (id: string) => `{claude-rx}:log:${id}`;

it.each<[string, (id: string) => Promise<unknown>]>([
  ['the head was evicted', (id) => server.command('DEL', `{claude-rx}:head:${id}`)],
  ['the entries were evicted', (id) => server.command('DEL', log(id))],
  ['both were evicted', (id) => server.command('DEL', `{claude-rx}:head:${id}`, log(id))],
  [
    'the entries were replaced by another value',
    async (id) => {
      await server.command('DEL', log(id));
      await server.command('SET', log(id), 'something else');
    },
  ],
  [
    'a foreign entry was added and removed',
    async (id) => {
      const added = await server.command('XADD', log(id), '*', 'd', ENDING);
      await server.command('XDEL', log(id), String(added));
    },
  ],
  ['an entry was removed', (id) => server.command('XDEL', log(id), '3-0')],
  ['the entries were trimmed', (id) => server.command('XTRIM', log(id), 'MAXLEN', '2')],
  ['a foreign ending was added', (id) => server.command('XADD', log(id), '6-0', 'd', ENDING)],
  ['a foreign ending was added late', (id) => server.command('XADD', log(id), '*', 'd', ENDING)],
  [
    'an entry was replaced by a foreign ending',
    async (id) => {
      await server.command('XDEL', log(id), '5-0');
      await server.command('XADD', log(id), '9-0', 'd', ENDING);
    },
  ],
])('the writer and all readers get the same error after: %s', async (_name, damage) => {
  const [writer, reader] = [await node(), await node()];
  const source = new Subject<StreamEvent>();
  const { id, concluded } = await writer.publish(source);
  const followed = [reader, writer].map((relay) => new Seen(relay.follow(id)));
  for (const event of reply.slice(0, 5)) source.next(event);
  await until(() => followed.every(({ last }) => last === 5));
  await damage(id);
  // Nobody takes the foreign entry for the end, not even a reader that begins now.
  const late = new Seen(reader.follow(id));
  source.next(reply[5]!);
  const { state, error: conclusion } = await concluded;
  expect([state, conclusion!.code]).toEqual(['lost', 'protocol']);
  await until(() => [...followed, late].every(({ end }) => end !== undefined));
  for (const { end } of followed) {
    expect(end).toMatchObject({ code: 'protocol', message: conclusion!.message });
  }
  expect(late.end).toBeInstanceOf(MessageStreamError);
  expect(source.observed).toBe(false);
});

it('an ending that another client publishes is not the ending', async () => {
  const [writer, reader] = [await node(), await node()];
  const source = new Subject<StreamEvent>();
  const { id, concluded } = await writer.publish(source);
  const seen = new Seen(reader.follow(id));
  for (const event of reply.slice(0, 5)) source.next(event);
  await until(() => seen.last === 5);
  await server.command('PUBLISH', log(id), `5\u001e6\u001e${ENDING}`);
  for (const event of reply.slice(5)) source.next(event);
  await until(() => seen.last === reply.length);
  expect(seen.end).toBeUndefined();
  source.complete();
  expect(await concluded).toEqual({ state: 'complete' });
  await until(() => seen.end === 'complete');
});
