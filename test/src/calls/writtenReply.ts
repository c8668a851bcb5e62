import { messageDelta, messageStart, messageStop, raw } from '../../operators/events.ts';
import type { StreamEvent } from 'claude-rx';
import fc from 'fast-check';

/** A reply of several calls as a gateway may write them, and what was meant. */
export interface WrittenReply {
  events: StreamEvent[];
  stopReason: string;
  /** The calls that were meant, by their ids, with the text of their inputs. */
  written: Map<string, string>;
  /** Whether something is missing, or is there twice. */
  isDamaged: boolean;
}

const input = fc.oneof(
  fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 3 }),
  fc.constantFrom<unknown>(null, [], 'x', 5),
);
const block = fc.record({
  text: fc.oneof(
    input.map((value) => JSON.stringify(value)),
    fc.constantFrom('', '{', "{'a'"),
  ),
  cuts: fc.array(fc.nat(), { maxLength: 4 }),
  hasStop: fc.boolean(),
  hasInput: fc.boolean(),
  isStringIndex: fc.boolean(),
});

/**
 * Several calls whose events are put among each other in any way that keeps the order within each call,
 * with events that are lost or come twice.
 */
export const writtenReply: fc.Arbitrary<WrittenReply> = fc
  .record({
    blocks: fc.array(block, { minLength: 1, maxLength: 4 }),
    stops: fc.boolean(),
    turns: fc.array(fc.nat(), { maxLength: 60 }),
    stopReason: fc.constantFrom('tool_use', 'tool_use', 'tool_use', 'max_tokens', 'end_turn'),
    keep: fc.option(fc.nat(3), { freq: 5 }),
    lost: fc.array(fc.nat(40), { maxLength: 2 }),
    twice: fc.array(fc.nat(40), { maxLength: 2 }),
    isWhole: fc.boolean(),
  })
  .map(({ blocks, turns, stopReason, keep, lost, twice, isWhole, stops }) => {
    const written = new Map<string, string>();
    const queues = blocks.map(({ text, cuts, hasStop, hasInput, isStringIndex }, index) => {
      written.set(`t${index}`, text);
      const at = isStringIndex ? String(index) : index;
      const ends = [...cuts.map((cut) => cut % (text.length + 1)), text.length];
      const sorted = ends.toSorted((a, b) => a - b);
      const pieces = sorted.map((end, n) => text.slice(sorted[n - 1] ?? 0, end));
      const content_block = { type: 'tool_use', id: `t${index}`, name: 'a' };
      return [
        {
          type: 'content_block_start',
          index,
          content_block: { ...content_block, ...(hasInput && { input: {} }) },
        },
        ...pieces.map((partial_json) => ({
          type: 'content_block_delta',
          index: at,
          delta: { type: 'input_json_delta', partial_json },
        })),
        ...(hasStop || stops ? [{ type: 'content_block_stop', index: at }] : []),
      ];
    });
    let events: object[] = [];
    for (const turn of [...turns, ...queues.flatMap((queue, n) => queue.map(() => n))]) {
      // Starts come in the order of the blocks.
      const ready = queues.filter(
        (queue, n) =>
          queue.length > 0 && (n === 0 || queues[n - 1]![0]?.type !== 'content_block_start'),
      );
      const queue = ready[turn % ready.length];
      if (queue) events.push(queue.shift()!);
    }
    for (const queue of queues) events.push(...queue);
    if (!isWhole) {
      const isLost = new Set(lost);
      const isTwice = new Set(twice);
      events = events.flatMap((event, at) =>
        isLost.has(at) ? [] : isTwice.has(at) ? [event, event] : [event],
      );
      if (keep !== null)
        events.splice(Math.floor(events.length / 2), 0, { type: 'resume', keep, attempt: 2 });
    }
    return {
      events: [messageStart(), ...events.map(raw), messageDelta(stopReason), messageStop],
      stopReason,
      written,
      isDamaged: !isWhole && (lost.length > 0 || twice.length > 0 || keep !== null),
    };
  });
