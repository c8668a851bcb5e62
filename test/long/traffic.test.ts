import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { fromMessages, RequestGate } from 'claude-rx';
import { NEVER, of, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { leftOver, resources } from '../support/leftOver.ts';
import { runGateLoad } from '../support/gateLoad.ts';
import { runHttpLoad } from '../support/httpLoad.ts';

const LIMITS = [
  ['input tokens', { requests: 4_000, inputTokens: 1_000_000, outputTokens: 1_000_000 }],
  ['requests', { requests: 1_000, inputTokens: 10_000_000, outputTokens: 1_000_000 }],
  ['output tokens', { requests: 4_000, inputTokens: 10_000_000, outputTokens: 250_000 }],
  ['60,000 input tokens', { requests: 4_000, inputTokens: 60_000, outputTokens: 1_000_000 }],
  ['20,000 output tokens', { requests: 4_000, inputTokens: 10_000_000, outputTokens: 20_000 }],
] as const;
const SEEDS = [1, 2, 3];
const LOADS = LIMITS.flatMap(([name, limits]) =>
  [true, false].flatMap((isEstimated) =>
    SEEDS.map((seed) => ({ name, limits, isEstimated, seed })),
  ),
);

/** Replies of up to four minutes: much more is being written at a time than a limit holds. */
const LONG = { ms: [30_000, 240_000], output: [1_000, 8_000] } as const;
const OUTPUT_LIMITS = [
  ['100,000 output tokens', 100_000, 256],
  ['20,000 output tokens', 20_000, 64],
] as const;
const LONG_LOADS = OUTPUT_LIMITS.flatMap(([name, outputTokens, concurrency]) =>
  [true, false].map((isEstimated) => ({ name, outputTokens, concurrency, isEstimated })),
);

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

describe('RequestGate: 10,000 requests of 50 users in virtual time', () => {
  it.each(LOADS)('uses $name, estimated: $isEstimated, seed $seed', (load) => {
    const result = runGateLoad({ requests: 10_000, concurrency: 64, ...load });
    const { used, spread, refusedLater, ended, api, gate, minutes } = result;
    console.log(
      `${load.name}, ${load.isEstimated ? 'input given' : 'nothing given'}, seed ${load.seed}: ` +
        `${percent(used)} of the limit used, shares within ${percent(spread)}, ` +
        `${refusedLater} refused, ${ended.cancelled} cancelled, ${minutes.toFixed(1)} minutes`,
    );
    expect(refusedLater).toBe(0);
    expect(used).toBeGreaterThan(0.95);
    expect(spread).toBeLessThan(0.1);
    expect(ended.error).toBe(0);
    expect(ended.complete + ended.cancelled).toBe(10_000);
    expect(api.mostInFlight).toBe(64);
    expect(gate.state).toMatchObject({ running: 0, waiting: 0 });
  });
});

describe('RequestGate: 3,000 replies of half a minute to four minutes', () => {
  it.each(LONG_LOADS)('uses $name, estimated: $isEstimated', ({ name, outputTokens, ...load }) => {
    const limits = { requests: 4_000, inputTokens: 10_000_000, outputTokens };
    const result = runGateLoad({ requests: 3_000, seed: 1, replies: LONG, limits, ...load });
    const { used, spread, refusedLater, ended, gate, minutes } = result;
    console.log(
      `replies of minutes, ${name}, ${load.isEstimated ? 'input given' : 'nothing given'}: ` +
        `${percent(used)} of the limit used, shares within ${percent(spread)}, ` +
        `${refusedLater} refused, ${minutes.toFixed(0)} minutes`,
    );
    expect(refusedLater).toBe(0);
    expect(used).toBeGreaterThan(0.95);
    expect(ended.error).toBe(0);
    expect(ended.complete + ended.cancelled).toBe(3_000);
    expect(gate.state).toMatchObject({ running: 0, waiting: 0 });
  });
});

describe('RequestGate over HTTP, against the token buckets of MessagesServer', () => {
  it.each([true, false])('is not refused, and loses no place: input given: %s', async (isGiven) => {
    const gate = new RequestGate({ concurrency: 8 });
    const load = {
      requests: 1_000,
      users: 10,
      seed: 1,
      inputTokensPerMinute: 1_200_000,
      remaining: 10_000,
    };
    const { used, refused, ended, spread } = await runHttpLoad(
      load,
      (client) =>
        ({ user, params, input }) =>
          gate.run((options) => fromMessages(client, params, options), {
            key: user,
            ...(isGiven && { tokens: { input } }),
          }),
    );
    console.log(
      `over HTTP: ${percent(used)} of the limit used, shares within ${percent(spread)}, ` +
        `${refused.all} refused, ${ended.cancelled} cancelled`,
    );
    // How much of the limit is used depends on the machine here: `npm run bench:traffic`.
    expect(refused).toEqual({ all: 0, later: 0 });
    expect(spread).toBeLessThan(0.1);
    expect(ended.error).toBe(0);
    expect(ended.complete + ended.cancelled).toBe(1_000);
    expect(ended.cancelled).toBeGreaterThan(30);
    expect(gate.state).toMatchObject({ running: 0, waiting: 0 });
  });
});

describe('RequestGate: 100,000 requests', () => {
  it('leaves nothing behind', () => {
    const open = resources();
    const gate = new RequestGate({ concurrency: 4, requestsPerMinute: 100_000_000 });
    const some = (count: number) => {
      for (let index = 0; index < count; index++) {
        const gone = new Subject<never>();
        const key = `user ${index}`;
        const ends = [
          gate.run(() => of(1), { key }).subscribe(),
          gate.run(() => gone, { key }).subscribe({ error: () => {} }),
          gate.run(() => NEVER, { key }).subscribe(),
          ...Array.from({ length: 4 }, () => gate.run(() => NEVER, { key }).subscribe()),
        ];
        gone.error(new Error('gone'));
        for (const subscription of ends) subscription.unsubscribe();
        expect(gate.state).toMatchObject({ running: 0, waiting: 0 });
      }
    };
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const heap = () => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    some(3_000);
    const before = heap();
    some(100_000 / 7);
    const grown = heap() - before;
    console.log(`grown by ${(grown / 1024).toFixed(0)} KiB`);
    expect(grown).toBeLessThan(1_000_000);
    // No place is lost, and no timer: what is sent now runs at once.
    gate.run(() => NEVER).subscribe();
    expect(gate.state).toMatchObject({ running: 1, waiting: 0 });
    expect(leftOver(open)).toEqual([]);
  });
});
