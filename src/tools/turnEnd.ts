import type { AnyBlock } from '../history/blocks.ts';
import { sendBack } from '../history/sendBack.ts';
import type { SentAfter, SentHistory } from '../history/SentHistory.ts';
import { callsAt, isPausedBy } from '../history/stopReasons.ts';
import { addUsage } from '../message/addUsage.ts';
import type {
  AnyStreamEvent,
  MessageOf,
  MessageParamOf,
  PlainCall,
  TurnEndEvent,
  SubagentUsage,
  TurnOutcome,
  UsageOf,
} from '../message/StreamEvent.ts';
import type { ToolUse } from './Tool.ts';
import type { TurnCalls } from './TurnCalls.ts';

interface Turn<E extends AnyStreamEvent> {
  /** The number of the turn, from 1. */
  turn: number;
  maxTurns: number;
  /** Whether `stopWhen` stops the loop here. */
  isStopped?: boolean;
  message: MessageOf<E>;
  calls: Pick<TurnCalls<E>, 'results' | 'seam' | 'skipped' | 'isAnswered' | 'deferred'>;
  /** The usage of the turns before. */
  before: object | undefined;
  /** The usage of subagents since the turn before. */
  subagents?: readonly SubagentUsage[];
  /** The history before this turn. */
  sent: SentHistory;
}

/** The `turn_end` event of a turn, and `after` for `SentHistory.add`. */
export function turnEnd<E extends AnyStreamEvent>({
  turn,
  maxTurns,
  message,
  calls,
  before,
  subagents = [],
  sent,
  isStopped = false,
}: Turn<E>): { event: TurnEndEvent<E>; after: SentAfter } {
  const { results, seam, skipped, isAnswered } = calls;
  const { stop_reason, usage } = message;
  const isPaused = isPausedBy(stop_reason);
  const isOpen = isPaused || (isAnswered && results.length > 0);
  const isLast = isStopped || turn >= maxTurns;
  // After a paused reply that is not continued, the user writes next. A reply that waited for tools, but has
  // no call that can be sent back, has ended.
  const goesOn = isPaused && !isLast;
  const reply = {
    blocks: message.content as unknown as AnyBlock[],
    seam,
    isCut: callsAt(stop_reason) === 'cut',
  };
  const { turns, after, pending } = sendBack([reply], sent, { results, goesOn });
  const hasNews = isPaused ? turns.length > 0 : turns.at(-1)?.role === 'user';
  const outcome = (): TurnOutcome => {
    if (pending.length > 0) return 'interrupted';
    if (!isOpen || !hasNews) return stop_reason ?? 'unknown';
    if (isStopped) return 'stopped';
    return isLast ? 'max_turns' : 'continue';
  };
  const event: TurnEndEvent<E> = {
    type: 'turn_end',
    turn,
    outcome: outcome(),
    message,
    usage: usage as UsageOf<E>,
    total: subagents.reduce(
      (sum, used) => addUsage(sum, used.usage),
      addUsage(before, usage),
    ) as UsageOf<E>,
    ...(subagents.length > 0 && { subagents: [...subagents] }),
    ...(skipped.length > 0 && { skipped: skipped.map(plainCall) }),
    ...(pending.length > 0 && {
      pending: pending.map((call) => ({ ...plainCall(call), ...calls.deferred(call['id']) })),
    }),
    appended: turns as unknown as MessageParamOf<E>[],
  };
  return { event, after };
}

/** The call as plain data. */
export function plainCall({ id, name, input }: AnyBlock | ToolUse): PlainCall {
  return { id: id as string, name: name as string, input };
}
