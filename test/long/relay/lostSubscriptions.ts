import type { RedisStore } from 'claude-rx/relay/redis';
import { seeded } from '../../support/continuingModel.ts';
import { pause } from './redisServer.ts';

const ROUNDS = 5;
const LOGS = 40;
const LEASE = { owner: 'a', lease: 60_000, ttl: 60_000 };

/**
 * Watches logs that were watched and left just before, over a slow way to Redis. Resolves with how many
 * watches are not told of an append.
 */
export async function lostSubscriptions(
  name: string,
  writer: RedisStore,
  reader: RedisStore,
): Promise<number> {
  const random = seeded(19);
  const entries = [{ number: 1, data: 'one' }];
  const batch = { after: 0, entries, ends: false };
  let lost = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const told = new Set<string>();
    const ids = Array.from({ length: LOGS }, (_, index) => `${name}-${round}-${index}`);
    const watches = ids.map(async (id) => {
      await writer.begin(id, { ...LEASE, tag: 'tag' });
      for (let left = 0; left < 2; left++) {
        const unwatch = reader.watch(id, 0, () => {});
        await pause(random() * 8);
        unwatch();
        await pause(random() * 8);
      }
      return reader.watch(id, 0, ([entry]) => entry && told.add(id));
    });
    const unwatch = await Promise.all(watches);
    // Each has read its log by then: only a message tells it more.
    await pause(300);
    await Promise.all(ids.map((id) => writer.append(id, LEASE, batch)));
    for (let left = 100; left > 0 && told.size < LOGS; left--) await pause(10);
    lost += LOGS - told.size;
    for (const end of unwatch) end();
  }
  console.log(`${name}: ${ROUNDS * LOGS} watches, ${lost} lost`);
  return lost;
}
