import { expect, it } from 'vitest';
import { checkLoops } from '../src/tools/loops.ts';

it('answers each call that it keeps, once and in order, in thousands of loops', () => {
  const outcomes = checkLoops(4_000);
  expect(outcomes.get('continue')).toBeGreaterThan(1_000);
}, 300_000);
