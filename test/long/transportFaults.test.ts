import { expect, it } from 'vitest';
import { attack } from '../support/transportAttack.ts';

it('5,000 replies with faults of the transport end once, typed, and leave nothing behind', async () => {
  const tally = await attack(5_000);
  process.stdout.write(`${JSON.stringify(tally)}\n`);
  expect(tally).toMatchObject({
    unhandledRejections: 0,
    openSockets: 0,
    openTimers: 0,
    abortListeners: 0,
  });
  expect(Object.keys(tally.entries)).toHaveLength(6);
  expect(tally.faults).toBeGreaterThan(30);
});
