import { fromMessages } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { places } from '../../support/rounds.ts';
import { params, received, until, useServer } from '../../support/server.ts';

const context = useServer();
const ask = () => fromMessages(context.client, params);

describe('a stall', () => {
  it('is not one while bytes come: a slow event is shown as pings', async () => {
    const long = messageEvents.text('x'.repeat(120), { chunk: 120 });
    const fault = { kind: 'drip', beforeEvent: 2, ms: 5 } as const;
    context.server.reply({ events: long, fault });
    const seen = await received(ask());
    expect(seen.filter(({ type }) => type === 'ping').length).toBeGreaterThan(0);
    expect(seen.filter(({ type }) => type !== 'ping')).toEqual([...long]);
  });
});

describe('leaving', () => {
  it('at every event of a 60-event reply is seen by the server', async () => {
    const long = [...messageEvents.text('abcdefgh'.repeat(7), { chunk: 1 })];
    expect(long.length).toBeGreaterThanOrEqual(60);
    for (const place of places(59)) {
      const index = place + 1;
      context.server.reply({ events: long, fault: { kind: 'stall', beforeEvent: index } });
      expect(await received(ask().pipe(take(index)))).toHaveLength(index);
      expect(await context.server.requests.at(-1)!.finished).toBe('client-left');
    }
    await until(() => context.server.openSockets === 0);
  });
});
