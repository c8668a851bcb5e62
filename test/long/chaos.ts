import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bodyOf, ContinuingModel, seeded, trickyReply } from '../support/continuingModel.ts';
import { type Case, KINDS, pickFaults, runCases, type Tally } from '../support/recoveryChaos.ts';

const EVENTS = 500;
const HALF_AN_HOUR = 30 * 60_000;

/** Breaks a reply of 500 events with each kind of fault at each of these places, over HTTP. */
export function testChaos(
  where: string,
  placesIn: (events: number, bytes: number) => Case['place'][],
): void {
  // The SDK warns of models that will be retired.
  beforeEach(() => void vi.spyOn(console, 'warn').mockImplementation(() => {}));
  afterEach(() => vi.restoreAllMocks());

  describe(`a reply that breaks ${where}, over HTTP, comes out whole to the character`, () => {
    const reply = [...trickyReply(EVENTS)];
    const model = new ContinuingModel(reply);
    const places = placesIn(reply.length, bodyOf(model.events).body.length);
    const tallies: Tally[] = [];

    it.each(KINDS)(
      'by %s',
      async (kind) => {
        expect(reply).toHaveLength(EVENTS);
        const random = seeded(KINDS.indexOf(kind));
        const cases = places.map((place, number) => ({
          model: number % 2 ? 'claude-opus-5-5' : 'claude-sonnet-4-5',
          kind,
          place,
          faults: pickFaults(random),
          seed: Math.floor(random() * 2 ** 28),
        }));
        const tally = await runCases(model, cases);
        tallies.push(tally);
        expect(tally.cases).toBe(places.length);
      },
      HALF_AN_HOUR,
    );

    afterAll(() => {
      const count = (field: 'cases' | 'requests') =>
        tallies.reduce((sum, tally) => sum + tally[field], 0);
      process.stdout.write(
        `broken ${where}: ${count('cases')} replies, ${count('requests')} requests\n` +
          tallies.map((tally) => `  ${JSON.stringify(tally)}\n`).join(''),
      );
    });
  });
}
