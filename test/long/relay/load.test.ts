import { expect, it } from 'vitest';
import { describeLoad, EVENTS, FOLLOWERS, load, REPLIES } from './load.ts';
import { Processes } from './processes.ts';
import { RedisServer } from './redisServer.ts';

it(`${FOLLOWERS} follow ${REPLIES} replies on two processes, with two connections each`, async () => {
  const processes = new Processes();
  const server = await RedisServer.start();
  try {
    const figures = await load(processes, server, 'load');
    console.log(describeLoad(figures));
    expect(figures.failures).toBe(0);
    expect(figures.events).toBe(FOLLOWERS * EVENTS);
    expect(figures.connections).toEqual({ before: 4, during: 4 });
    // 2,000 events are kept for nobody.
    expect(figures.heap).toBeLessThan(200);
  } finally {
    await processes.close();
    await server.close();
  }
});
