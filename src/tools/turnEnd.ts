import type { ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages/messages';
import type { AnyBlock } from '../history/blocks.ts';
import { sendBack } from '../history/sendBack.ts';
import type { SentHistory } from '../history/SentHistory.ts';
import { callsAt, isPausedBy } from '../history/stopReasons.ts';
import { addUsage } from '../message/addUsage.ts';
import type {
  AnyStreamEvent,
  MessageOf,
  MessageParamOf,
  TurnEndEvent,
  TurnOutcome,
  UsageOf,
} from '../message/StreamEvent.ts';

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
  /** What is sent before it; takes in what is sent of it. */
  sent: SentHistory;
}

/** How a turn ended, and what it adds to the history. */
export function turnEnd<E extends AnyStreamEvent>({
  turn,
  maxTurns,
  message,
  results,
  seam,
  before,
  sent,
}: Turn<E>): TurnEndEvent<E> {
  const { stop_reason, usage } = message;
  const isPaused = isPausedBy(stop_reason);
  const isOpen = isPaused || (stop_reason === 'tool_use' && results.length > 0);
  const isLast = turn >= maxTurns;
  // A paused reply that is not gone on with is followed by the user.
  const goesOn = isOpen && !(isPaused && isLast);
  const reply = {
    blocks: message.content as unknown as AnyBlock[],
    seam,
    isCut: callsAt(stop_reason) === 'cut',
  };
  const { turns, after } = sendBack([reply], sent, {
    results: results as unknown as AnyBlock[],
    goesOn,
  });
  sent.add(after);
  const hasNews = isPaused ? turns.length > 0 : turns.at(-1)?.role === 'user';
  const outcome = (): TurnOutcome => {
    if (!isOpen || !hasNews) return stop_reason ?? 'unknown';
    return isLast ? 'max_turns' : 'continue';
  };
  return {
    type: 'turn_end',
    turn,
    outcome: outcome(),
    message,
    usage: usage as UsageOf<E>,
    total: addUsage(before, usage) as UsageOf<E>,
    appended: turns as unknown as MessageParamOf<E>[],
  };
}
