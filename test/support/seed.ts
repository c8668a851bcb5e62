import fc from 'fast-check';
import { afterEach, vi } from 'vitest';
import { rounds } from './rounds.ts';

// One seed for every run, so that CI says of two runs of the same code the same. Other cases:
// SEED=$RANDOM npm test
fc.configureGlobal({
  seed: Number(process.env['SEED'] ?? 20_261_121),
  numRuns: Math.min(100, rounds(1_000)),
});

// The files of a worker share one set of globals.
afterEach(() => void vi.useRealTimers());
