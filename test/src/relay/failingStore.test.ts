// A store that fails in a way that does not pass by waiting, or that does not say so.
import { MessageStreamError, type StreamEvent } from 'claude-rx';
import { MemoryStore, type RelayStore } from 'claude-rx/relay';
import { messageEvents } from 'claude-rx/testing';
import { Subject } from 'rxjs';
import { expect, it } from 'vitest';
import { failure, until } from '../../support/server.ts';
import { allOf, eventsIn, messageOf, useNodes } from './nodes.ts';

const node = useNodes();
const reply = [...messageEvents.text('Hello world, how are you?', { chunk: 3 })];
const refused = new MessageStreamError('The store is full', {
  code: 'connection',
  retryable: false,
  errorType: 'OOM',
});

it('a store that refuses entries for good ends the reply for its readers, too', async () => {
  class Full extends MemoryStore {
    isFull = false;
    stored = 0;
    override async append(...args: Parameters<RelayStore['append']>) {
      if (this.isFull) throw refused;
      this.stored += args[2].entries.length;
      return super.append(...args);
    }
  }
  const store = new Full();
  const source = new Subject<StreamEvent>();
  const { id, concluded } = await node(store).relay.publish(source);
  const other = node(store).relay;
  const following = failure(other.follow(id));
  source.next(reply[0]!);
  source.next(reply[1]!);
  await until(() => store.stored === 2);
  store.isFull = true;
  source.next(reply[2]!);
  expect(await concluded).toEqual({ state: 'lost', error: refused });
  const error = await following;
  expect(error).toMatchObject({ message: refused.message, retryable: false, errorType: 'OOM' });
  expect(error.partial).toEqual(messageOf(reply.slice(0, 2)));
  expect(await other.status(id)).toMatchObject({ state: 'error' });
});

it('a watch that has failed for good ends its followers; the next one tries it again', async () => {
  class Deaf extends MemoryStore {
    watches = 0;
    override watch(...[id, after, listener, failed]: Parameters<RelayStore['watch']>) {
      if (this.watches++ === 0) setTimeout(() => failed?.(refused));
      return super.watch(id, after, listener);
    }
  }
  const store = new Deaf();
  const source = new Subject<StreamEvent>();
  const { id } = await node(store).relay.publish(source);
  const reader = node(store).relay;
  const errors = await Promise.all([1, 2].map(() => failure(reader.follow(id))));
  for (const error of errors) expect(error).toMatchObject({ errorType: 'OOM', retryable: false });
  const following = allOf(reader.follow(id));
  for (const event of reply) source.next(event);
  source.complete();
  expect(messageOf(eventsIn(await following))).toEqual(messageOf(reply));
  expect(store.watches).toBe(2);
});

it('a watch that the store has lost without saying so is begun again', async () => {
  class Forgetful extends MemoryStore {
    watches = 0;
    override watch(...[id, after, listener]: Parameters<RelayStore['watch']>) {
      return this.watches++ === 0 ? () => {} : super.watch(id, after, listener);
    }
  }
  const store = new Forgetful();
  const source = new Subject<StreamEvent>();
  const { id } = await node(store, { lease: 60 }).relay.publish(source);
  const following = allOf(node(store, { lease: 60 }).relay.follow(id));
  await until(() => store.watches === 1);
  source.next(reply[0]!);
  await until(() => store.watches === 2);
  for (const event of reply.slice(1)) source.next(event);
  source.complete();
  expect(messageOf(eventsIn(await following))).toEqual(messageOf(reply));
  expect(store.watches).toBe(2);
});
