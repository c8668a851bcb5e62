import * as otel from '@opentelemetry/api';
import { createRelay } from 'claude-rx/relay';
import { RedisStore } from 'claude-rx/relay/redis';
import { traceMessage } from 'claude-rx/telemetry';
import { messageEvents } from 'claude-rx/testing';
import { createClient } from 'redis';
import { from, map } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { received } from '../../support/server.ts';
import { useTelemetry } from '../../support/telemetry.ts';
import { RedisServer } from './redisServer.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.close());

describe('spans of a relay with two nodes and Redis', () => {
  const spans = useTelemetry();

  it('links the span of a follower on one node to that of the writer on the other', async () => {
    const client = await createClient({ url: server.url }).connect();
    const stores = [new RedisStore(client), new RedisStore(client)];
    const [one, other] = stores.map((store) => createRelay({ store }));
    const reply$ = from(messageEvents.text('Hello'));
    const { id, concluded } = await one!.publish(
      reply$.pipe(traceMessage(otel, { model: 'm', link: true })),
    );
    const followed$ = other!.follow(id).pipe(
      map(({ event }) => event),
      traceMessage(otel, { name: 'relay.follow' }),
    );
    const events = await received(followed$);
    await concluded;
    expect(events.at(-1)?.type).toBe('message_stop');
    expect(JSON.stringify(events)).not.toContain('traceparent');
    await spans.ended(2);
    const { traceId, spanId } = spans.named('chat m').spanContext();
    expect(spans.named('relay.follow').links.map(({ context }) => context)).toMatchObject([
      { traceId, spanId },
    ]);
    await Promise.all([one!.close(), other!.close()]);
    for (const store of stores) store.close();
    client.destroy();
  });
});
