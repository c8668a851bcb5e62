import { beforeAll, describe, expect, it } from 'vitest';
import { COUNT, type Mode, modes, type Run, slowReply, table, WORK } from './slowReply.ts';

const MEGABYTE = 2 ** 20;

describe('64 MB of events for a consumer that takes 5 ms each', () => {
  const runs = new Map<Mode, Run>();
  const of = (mode: Mode) => runs.get(mode)!;

  beforeAll(async () => {
    for (const mode of modes) runs.set(mode, await slowReply(mode));
    console.log(table([...runs]));
  });

  it.each(modes)('%s: all of them arrive, in order', (mode) => {
    expect(of(mode)).toMatchObject({ count: COUNT, isInOrder: true });
    expect(of(mode).took).toBeGreaterThan(COUNT * WORK * 0.9);
  });

  it('with a valve the server stalls, and stays ahead by no more than buffers and marks', () => {
    const { ahead, stalled, sentAfter, took } = of('fromMessages, valve.concatMap');
    expect(ahead).toBeLessThan(16 * MEGABYTE);
    // For most of the time it waits, and it is done only shortly before the consumer.
    expect(stalled).toBeGreaterThan(took / 2);
    expect(sentAfter).toBeGreaterThan(took / 2);
  });

  it('with a valve the memory of the consumer grows by less than 16 MB', () => {
    const { rss, live } = of('fromMessages, valve.concatMap');
    expect(rss).toBeLessThan(16 * MEGABYTE);
    expect(live).toBeLessThan(16 * MEGABYTE);
  });

  it('with concatMap alone most of the reply waits in memory', () => {
    const { rss, ahead } = of('fromMessages, concatMap');
    expect(rss).toBeGreaterThan(32 * MEGABYTE);
    expect(ahead).toBeGreaterThan(32 * MEGABYTE);
  });
});
