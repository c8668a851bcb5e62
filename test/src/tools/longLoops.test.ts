import type { StreamEvent } from 'claude-rx';
import { Conversation } from 'claude-rx/conversation';
import { messageEvents } from 'claude-rx/testing';
import { defineTool, runTools } from 'claude-rx/tools';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { countReads } from '../../support/countReads.ts';

const TURNS = 40;
const params = { model: 'claude-opus-5-5', max_tokens: 1_024 };

/** Runs a loop in which each turn calls a tool; gives by turn how often its result had been read, when. */
async function readsByTurn(
  run: (
    request: (
      params: { messages: readonly object[] },
      context: { turn: number },
    ) => Observable<StreamEvent>,
    tools: [ReturnType<typeof defineTool>],
  ) => Observable<unknown>,
): Promise<number[][]> {
  const results: (() => number)[] = [];
  const counts: number[][] = [];
  const look = defineTool({
    name: 'look',
    description: 'For a test',
    input: z.object({}),
    run: () => {
      const { value, reads } = countReads({ type: 'text', text: 'x'.repeat(1_000) }, 'text');
      results.push(reads);
      return [value];
    },
  });
  const request = (_: unknown, { turn }: { turn: number }) => {
    counts.push(results.map((reads) => reads()));
    const call = messageEvents.toolUse('look', {}, { id: `call_${turn}` });
    return from([...(turn < TURNS ? call : messageEvents.text('Done.'))]);
  };
  await lastValueFrom(run(request, [look as never]));
  expect(results).toHaveLength(TURNS - 1);
  return counts;
}

describe('a long loop', () => {
  it.each<[string, Parameters<typeof readsByTurn>[0]]>([
    [
      'runTools',
      (request, tools) =>
        runTools<StreamEvent, { messages: object[] }>(
          request,
          { ...params, messages: [{ role: 'user', content: 'Hi' }] },
          { tools, maxTurns: TURNS },
        ),
    ],
    [
      'a Conversation',
      (request, tools) =>
        new Conversation(request as never, params, { tools, maxTurns: TURNS }).send('Hi'),
    ],
  ])('of %s reads each result only in its own turn and the next one', async (_, run) => {
    const counts = await readsByTurn(run);
    const last = counts.at(-1)!;
    expect(last[0]).toBeGreaterThan(0);
    for (let turn = 0; turn + 3 < TURNS; turn++) {
      // `counts[n]` was taken at request n, before which n results had come.
      expect(last[turn]).toBe(counts[turn + 3]![turn]);
      expect(last[turn]).toBe(last[0]);
    }
  });
});
