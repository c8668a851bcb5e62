import { MessageBuilder, type StreamEvent } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { defineTool, runTools } from 'claude-rx/tools';
import fc from 'fast-check';
import { catchError, EMPTY, from, lastValueFrom, toArray } from 'rxjs';
import { expect } from 'vitest';
import { z } from 'zod';
import { writtenReply } from './writtenReply.ts';

interface AnyBlock {
  id: string;
  input: unknown;
}

const params = {
  model: 'm',
  max_tokens: 1_000,
  messages: [{ role: 'user' as const, content: 'a' }],
};

/** What `runTools` did with the calls of a reply. */
async function looped(events: readonly StreamEvent[], eager: boolean) {
  const inputs: AnyBlock[] = [];
  const a = defineTool({
    name: 'a',
    description: 'Any',
    input: z.looseObject({}),
    run: (input, { toolUseId }) => {
      inputs.push({ id: toolUseId, input });
      return 'done';
    },
  });
  let turns = 0;
  let error: unknown;
  const loop = runTools(() => from(turns++ === 0 ? events : messageEvents.text('b')), params, {
    tools: [a],
    eager,
  });
  const seen = await lastValueFrom(
    loop.pipe(
      catchError((thrown: unknown) => {
        error = thrown;
        return EMPTY;
      }),
      toArray(),
    ),
  );
  return { inputs, seen, error };
}

/**
 * Checks what `runTools` does with replies of calls: a tool runs with no input but that of its block, or
 * the model is told that it was another; and each call has a result, is listed as not run, or the loop
 * has failed.
 */
export async function checkLoopCalls(numRuns: number): Promise<{ ran: number; told: number }> {
  const counts = { ran: 0, told: 0 };
  await fc.assert(
    fc.asyncProperty(writtenReply, fc.boolean(), async (reply, eager) => {
      const { events, stopReason, written, isDamaged } = reply;
      const builder = new MessageBuilder();
      for (const event of events) builder.push(event);
      const content = builder.message!.content as unknown as AnyBlock[];
      const { inputs, seen, error } = await looped(events, eager);
      const results = seen.filter((event) => event.type === 'tool_result');
      const refused = new Set(
        results.filter(({ status }) => status !== 'done').map((result) => result.tool_use_id),
      );
      counts.ran += inputs.length;
      counts.told += refused.size;

      for (const { id, input } of inputs) {
        if (!isDamaged) expect(input).toEqual(JSON.parse(written.get(id) || '{}'));
      }
      if (events.some(({ type }) => type === 'resume') || error !== undefined) return;
      for (const { id, input } of inputs) {
        const isOfBlock = content.some(
          (block) => block.id === id && fc.stringify(block.input) === fc.stringify(input),
        );
        expect(isOfBlock || refused.has(id)).toBe(true);
      }
      if (stopReason === 'max_tokens') return;
      const end = seen.find((event) => event.type === 'turn_end');
      const answered = [
        ...results.map((result) => result.tool_use_id),
        ...(end?.skipped ?? []).map(({ id }) => id),
      ];
      for (const { id } of content) expect(answered).toContain(id);
    }),
    { numRuns },
  );
  return counts;
}
