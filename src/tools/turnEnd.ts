import type { ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages/messages';
import { addUsage } from '../message/addUsage.ts';
import type { AnyStreamEvent, MessageOf, UsageOf } from '../message/StreamEvent.ts';
import type { TurnEndEvent, TurnOutcome } from '../message/ToolEvent.ts';
import { turnMessages } from './turnMessages.ts';

/** The reasons to stop for which a reply is sent back as it is, so that it goes on. */
const PAUSED: ReadonlySet<unknown> = new Set(['pause_turn', 'compaction']);

interface Turn<E extends AnyStreamEvent> {
  /** Its number, from 1. */
  turn: number;
  maxTurns: number;
  message: MessageOf<E>;
  results: ToolResultBlockParam[];
  /** How many blocks came before the reply broke and was carried on, if it was. */
  seam: number | undefined;
  /** The usage of the turns before. */
  before: object | undefined;
}

/** How a turn ended, and what it adds to the history. */
export function turnEnd<E extends AnyStreamEvent>({
  turn,
  maxTurns,
  message,
  results,
  seam,
  before,
}: Turn<E>): TurnEndEvent<E> {
  const { stop_reason, usage } = message;
  const isPaused = PAUSED.has(stop_reason);
  const isOpen = isPaused || (stop_reason === 'tool_use' && results.length > 0);
  const isLast = turn >= maxTurns;
  // A paused reply that is not gone on with is followed by the user.
  const goesOn = isOpen && !(isPaused && isLast);
  const appended = turnMessages<E>(message, results, { goesOn, seam });
  const outcome = (): TurnOutcome => {
    if (!isOpen || appended.length === 0) return stop_reason ?? 'unknown';
    return isLast ? 'max_turns' : 'continue';
  };
  return {
    type: 'turn_end',
    turn,
    outcome: outcome(),
    message,
    usage: usage as UsageOf<E>,
    total: addUsage(before, usage) as UsageOf<E>,
    appended,
  };
}
