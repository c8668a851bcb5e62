import { MessageBuilder, type StreamEvent } from 'claude-rx';
import { toolUses } from 'claude-rx/operators/toolUses';
import fc from 'fast-check';
import { from } from 'rxjs';
import { expect } from 'vitest';
import { outcomeOf } from '../../operators/events.ts';
import { writtenReply } from './writtenReply.ts';

interface AnyBlock {
  id: string;
  input: unknown;
}

/** The indices for which some text of an input came. */
function indicesOfInputs(events: readonly StreamEvent[]): Set<number> {
  const indices = new Set<number>();
  for (const event of events) {
    if (event.type !== 'content_block_delta') continue;
    const { partial_json = '' } = event.delta as { partial_json?: string };
    if (partial_json !== '') indices.add(Number(event.index));
  }
  return indices;
}

/**
 * Checks replies of calls against the message that each of them builds, and against what was meant: no
 * call runs with an input that is not that of its block, and none is lost without an error.
 */
export function checkCalls(numRuns: number): { ran: number; errors: number } {
  const counts = { ran: 0, errors: 0 };
  fc.assert(
    fc.property(writtenReply, ({ events, stopReason, written, isDamaged }) => {
      const builder = new MessageBuilder();
      for (const event of events) builder.push(event);
      const content = builder.message!.content as unknown as AnyBlock[];
      const { values, error } = outcomeOf(from(events).pipe(toolUses()));
      counts.ran += values.length;
      if (error !== undefined) counts.errors++;

      if (!isDamaged) {
        for (const { id, input } of values) {
          expect(input).toEqual(JSON.parse(written.get(id) || '{}'));
        }
      }
      const isResumed = events.some(({ type }) => type === 'resume');
      if (isResumed) return;
      if (error === undefined) {
        for (const use of values) expect(content).toContainEqual(use);
      }
      if (error === undefined && stopReason !== 'max_tokens') {
        expect(values.map(({ id }) => id).toSorted()).toEqual(
          content.map(({ id }) => id).toSorted(),
        );
        for (const index of indicesOfInputs(events)) {
          expect(content.map(({ id }) => id)).toContain(`t${index}`);
        }
      }
      if (stopReason === 'end_turn' && values.length < content.length) {
        expect(error).toMatchObject({ code: expect.stringMatching(/protocol|invalid_json/) });
      }
    }),
    { numRuns },
  );
  return counts;
}
