import type { Message } from '@anthropic-ai/sdk/resources/messages/messages';
import type { BetaStreamEvent, MessageStreamError, StreamEvent } from 'claude-rx';
import {
  createRelay,
  fromRelay,
  type RelayedEvent,
  type RelayStatus,
  type RelayStore,
  relaySse,
} from 'claude-rx/relay';
import { RedisStore } from 'claude-rx/relay/redis';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createClient, createCluster, createSentinel } from 'redis';
import { type Observable, of } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

it('emits the events of the source', () => {
  const relay = createRelay();
  expectTypeOf(relay.follow('x')).toEqualTypeOf<Observable<RelayedEvent<StreamEvent>>>();
  expectTypeOf(relay.status('x')).resolves.toEqualTypeOf<RelayStatus | undefined>();
  const beta = createRelay<BetaStreamEvent>();
  expectTypeOf(beta.follow('x')).toEqualTypeOf<Observable<RelayedEvent<BetaStreamEvent>>>();
  // @ts-expect-error: text is no event
  void relay.publish(of('text'));
  // @ts-expect-error: an id alone is no reply
  void relay.publish('x');
});

it('takes events of any declared type', () => {
  type Tick = { type: 'tick'; count: number };
  const relay = createRelay<StreamEvent | Tick>();
  void relay.publish('x', of({ type: 'tick', count: 1 }));
  expectTypeOf(relay.follow('x')).toEqualTypeOf<Observable<RelayedEvent<StreamEvent | Tick>>>();
});

it('passes the context to resume', () => {
  createRelay({
    resume: ({ id, partial, error, attempt }) => {
      expectTypeOf(id).toEqualTypeOf<string>();
      expectTypeOf(partial).toEqualTypeOf<Message | undefined>();
      expectTypeOf(error).toEqualTypeOf<MessageStreamError>();
      expectTypeOf(attempt).toEqualTypeOf<number>();
      return of<StreamEvent>();
    },
  });
});

it('passes the request of the server to authorize', () => {
  const relay = createRelay();
  const node = relaySse(relay, {
    authorize: (request: IncomingMessage) => request.httpVersion === '1.1',
  });
  expectTypeOf(node.pipeToResponse).parameter(0).toEqualTypeOf<IncomingMessage>();
  expectTypeOf<ServerResponse>().toExtend<Parameters<typeof node.pipeToResponse>[1]>();
  const web = relaySse(relay, { authorize: async (request: Request) => request.method === 'GET' });
  expectTypeOf(web.toResponse).parameter(0).toEqualTypeOf<Request>();
  relaySse(createRelay<BetaStreamEvent>());
  // @ts-expect-error: this is no relay
  relaySse({});
});

it('reads the events of a reply', () => {
  expectTypeOf(fromRelay('/x')).toEqualTypeOf<Observable<StreamEvent>>();
  fromRelay(new URL('http://x'), { fetch: (url, init) => fetch(url, init) });
  // @ts-expect-error: a reader has no say in the method
  fromRelay('/x', { method: 'POST' });
});

it('takes a redis client with any version of the protocol', () => {
  expectTypeOf(new RedisStore(createClient())).toExtend<RelayStore>();
  const older = createClient({ RESP: 2, url: 'redis://localhost' });
  expectTypeOf(new RedisStore(older, { prefix: '{mine}' })).toExtend<RelayStore>();
});

it('takes clients of a cluster and of Sentinel', () => {
  expectTypeOf(new RedisStore(createCluster({ rootNodes: [] }))).toExtend<RelayStore>();
  const sentinel = createSentinel({ name: 'chat', sentinelRootNodes: [] });
  expectTypeOf(new RedisStore(sentinel)).toExtend<RelayStore>();
  // @ts-expect-error: this is not a client
  expectTypeOf(new RedisStore({})).toExtend<RelayStore>();
});
