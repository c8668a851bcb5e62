import { RequestGate, type RequestGateOptions } from 'claude-rx';
import fc from 'fast-check';
import {
  concat,
  finalize,
  ignoreElements,
  of,
  throwError,
  timer,
  VirtualTimeScheduler,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { messageDelta, messageStop, raw, usage } from '../../operators/events.ts';
import { rounds } from '../../support/rounds.ts';

const arrival = fc.record({
  at: fc.integer({ min: 0, max: 60_000 }),
  /** How long its reply takes. */
  ms: fc.integer({ min: 0, max: 5_000 }),
  key: fc.constantFrom('a', 'b', 'c'),
  priority: fc.constantFrom(0, 1),
  input: fc.integer({ min: 1, max: 900 }),
  fails: fc.boolean(),
  /** When its reader leaves, after it has come. */
  leaves: fc.option(fc.integer({ min: 0, max: 60_000 }), { nil: Infinity }),
});
type Arrival = typeof arrival extends fc.Arbitrary<infer T> ? T : never;

const limits = fc.record({
  concurrency: fc.integer({ min: 1, max: 5 }),
  requestsPerMinute: fc.integer({ min: 1, max: 60 }),
  inputTokensPerMinute: fc.integer({ min: 1_000, max: 20_000 }),
});

interface Sent {
  at: number;
  input: number;
  lane: string;
}

/** Runs all requests through one gate in virtual time; returns when each was sent, and how it ended. */
function play(options: RequestGateOptions, arrivals: readonly Arrival[]) {
  const scheduler = new VirtualTimeScheduler(undefined, Infinity);
  const gate = new RequestGate({ ...options, scheduler });
  const sent: Sent[] = [];
  const lanes = new Map<string, { arrived: number[]; sent: number[] }>();
  const ends = { complete: 0, error: 0, left: 0 };
  let running = 0;
  let most = 0;
  arrivals.forEach(({ at, ms, key, priority, input, fails, leaves }, index) => {
    const lane = `${key} ${priority}`;
    const order = lanes.get(lane) ?? { arrived: [], sent: [] };
    lanes.set(lane, order);
    const request = () => {
      sent.push({ at: scheduler.now(), input, lane });
      order.sent.push(index);
      most = Math.max(most, ++running);
      const start = raw({ type: 'message_start', message: { usage: usage(input, 1) } });
      return concat(
        of(start),
        timer(ms, scheduler).pipe(ignoreElements()),
        fails
          ? throwError(() => new Error('failed'))
          : of(messageDelta('end_turn', 1), messageStop),
      ).pipe(finalize(() => running--));
    };
    scheduler.schedule(() => {
      order.arrived.push(index);
      let end: keyof typeof ends = 'left';
      const reader = gate
        .run(request, { key, priority, tokens: { input, output: 1 } })
        .pipe(finalize(() => ends[end]++))
        .subscribe({ complete: () => (end = 'complete'), error: () => (end = 'error') });
      if (leaves < Infinity) scheduler.schedule(() => reader.unsubscribe(), leaves);
    }, at);
  });
  scheduler.flush();
  return { gate, sent, lanes, ends, most };
}

/** By how much the amounts in any time range exceed a bucket of `limit` per minute. */
function excess(sent: readonly Sent[], limit: number, amountOf: (one: Sent) => number): number {
  let worst = -Infinity;
  sent.forEach((first, from) => {
    let sum = 0;
    for (const one of sent.slice(from)) {
      sum += amountOf(one);
      worst = Math.max(worst, sum - limit - ((one.at - first.at) * limit) / 60_000);
    }
  });
  return worst;
}

describe('RequestGate: any schedule of requests', () => {
  it('keeps to the limits, loses nothing, and keeps the order of a key and priority', () => {
    const property = fc.property(
      limits,
      fc.array(arrival, { minLength: 1, maxLength: 40 }),
      (options, arrivals) => {
        const { gate, sent, lanes, ends, most } = play(options, arrivals);
        expect(most).toBeLessThanOrEqual(options.concurrency);
        expect(excess(sent, options.requestsPerMinute, () => 1)).toBeLessThan(0.001);
        const ofTokens = excess(sent, options.inputTokensPerMinute, ({ input }) => input);
        expect(ofTokens).toBeLessThan(0.001);
        for (const order of lanes.values()) {
          const wereSent = new Set(order.sent);
          expect(order.sent).toEqual(order.arrived.filter((index) => wereSent.has(index)));
        }
        // Those that stay are sent and end as their reply does.
        expect(ends.complete + ends.error + ends.left).toBe(arrivals.length);
        const staying = arrivals.filter(({ leaves }) => leaves === Infinity);
        const failing = staying.filter(({ fails }) => fails).length;
        expect(ends.error).toBeGreaterThanOrEqual(failing);
        expect(ends.complete).toBeGreaterThanOrEqual(staying.length - failing);
        expect(gate.state).toMatchObject({ running: 0, waiting: 0, heldUntil: undefined });
      },
    );
    fc.assert(property, { numRuns: rounds(500) });
  });
});
