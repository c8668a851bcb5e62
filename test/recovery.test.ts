import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ContinuingModel, seeded, trickyReply } from './support/continuingModel.ts';
import { type Case, KINDS, pickFaults, runCases } from './support/recoveryChaos.ts';
import { places } from './support/rounds.ts';

// The SDK warns of models that will be retired.
beforeEach(() => void vi.spyOn(console, 'warn').mockImplementation(() => {}));
afterEach(() => vi.restoreAllMocks());

describe('a reply that breaks, over HTTP', () => {
  it('comes out whole, to the character, in each of its cases', async () => {
    const reply = [...trickyReply(2_000)];
    expect(reply).toHaveLength(2_000);
    const random = seeded(3);
    const cases: Case[] = places(200).map((number) => ({
      model: number % 2 ? 'claude-opus-5-5' : 'claude-sonnet-4-5',
      kind: KINDS[number % KINDS.length]!,
      place: { event: Math.floor((number * (reply.length - 1)) / 199) },
      faults: pickFaults(random),
      seed: number,
    }));
    const tally = await runCases(new ContinuingModel(reply), cases);
    expect(Object.keys(tally.faults)).toEqual(expect.arrayContaining([...KINDS, 'http']));
    expect(Object.keys(tally.beginnings)).toHaveLength(3);
  });
});
