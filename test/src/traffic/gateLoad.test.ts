import { describe, expect, it } from 'vitest';
import { runGateLoad } from '../../support/gateLoad.ts';

describe('RequestGate under load', () => {
  // 10,000 requests are in the long run.
  it.each([true, false])('uses the limit and is not refused, estimated: %s', (isEstimated) => {
    const limits = { requests: 4_000, inputTokens: 100_000, outputTokens: 60_000 };
    const result = runGateLoad({ requests: 300, seed: 3, concurrency: 8, limits, isEstimated });
    expect(result.refusedLater).toBe(0);
    expect(result.used).toBeGreaterThan(0.95);
    expect(result.ended.error).toBe(0);
    expect(result.ended.complete + result.ended.cancelled).toBe(300);
    expect(result.ended.cancelled).toBeGreaterThan(5);
    expect(result.api.mostInFlight).toBe(8);
    expect(result.gate.state).toMatchObject({ running: 0, waiting: 0 });
  });
});
