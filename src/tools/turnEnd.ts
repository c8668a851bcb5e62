import type { ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages/messages';
import { addUsage } from '../message/addUsage.ts';
import type { AnyStreamEvent, MessageOf, UsageOf } from '../message/StreamEvent.ts';
import type { TurnEndEvent, TurnOutcome } from '../message/ToolEvent.ts';
import { turnMessages } from './turnMessages.ts';

/** The reasons to stop for which a reply is sent back as it is, so that it goes on. */
const PAUSED: ReadonlySet<unknown> = new Set(['pause_turn', 'compaction']);

/** How a turn ended, and what it adds to the history. */
export function turnEnd<E extends AnyStreamEvent>(
  turn: number,
  message: MessageOf<E>,
  results: ToolResultBlockParam[],
  { maxTurns = Infinity, before }: { maxTurns?: number | undefined; before: object | undefined },
): TurnEndEvent<E> {
  const { stop_reason, usage } = message;
  const isPaused = PAUSED.has(stop_reason);
  const goesOn = isPaused || (stop_reason === 'tool_use' && results.length > 0);
  const appended = turnMessages<E>(message, results, { goesOn });
  const outcome = (): TurnOutcome => {
    if (!goesOn || appended.length === 0) return stop_reason ?? 'unknown';
    return turn < maxTurns ? 'continue' : 'max_turns';
  };
  return {
    type: 'turn_end',
    turn,
    outcome: outcome(),
    message,
    usage: usage as UsageOf<E>,
    total: addUsage(before, usage) as UsageOf<E>,
    results,
    appended,
  };
}
