/**
 * The effect of a stop reason on the calls of a reply:
 *
 * | value | effect |
 * |---|---|
 * | `run` | the calls run, and the reply waits for their results |
 * | `pause` | calls that are proven complete run; the reply is sent back and continues |
 * | `cut` | no call runs: the last call may be cut |
 * | `unexpected` | no call runs: a reply with this stop reason should have no calls, so it is an error |
 */
export type CallsAt = 'run' | 'pause' | 'cut' | 'unexpected';

/** The effect of each stop reason (docs: /docs/en/build-with-claude/handling-stop-reasons). */
const STOP_REASONS: ReadonlyMap<unknown, CallsAt> = new Map([
  ['tool_use', 'run'],
  ['pause_turn', 'pause'],
  ['compaction', 'pause'],
  ['max_tokens', 'cut'],
  ['refusal', 'cut'],
  ['model_context_window_exceeded', 'cut'],
  ['end_turn', 'unexpected'],
  ['stop_sequence', 'unexpected'],
]);

/** The effect of a stop reason on calls, also if it is unknown or missing. */
export function callsAt(stopReason: unknown): CallsAt {
  return STOP_REASONS.get(stopReason) ?? 'unexpected';
}

/** Whether a reply with this stop reason waits for the results of its calls; `more`: further such reasons. */
export function waitsForResults(stopReason: unknown, more: ReadonlySet<unknown>): boolean {
  const at = callsAt(stopReason);
  return at === 'run' || (at === 'unexpected' && more.has(stopReason ?? null));
}

/** Whether a reply with this stop reason is paused: it is sent back, and the model continues it. */
export function isPausedBy(stopReason: unknown): boolean {
  return callsAt(stopReason) === 'pause';
}

/** A stop reason after which a gateway may wait for tools. `null`: a reply without a stop reason. */
export type AnsweredStopReason = 'end_turn' | 'stop_sequence' | (string & {}) | null;

/** Throws a TypeError for a stop reason after which no call may run. */
export function requireStopReasons(caller: string, stopReasons: unknown): void {
  const isList = Array.isArray(stopReasons);
  const wrong = isList ? stopReasons.find((reason) => !mayRunAt(reason)) : stopReasons;
  if (isList && wrong === undefined) return;
  throw new TypeError(
    `${caller}: \`stopReasons\` must be a list of stop reasons after which no call is cut, such as ` +
      `['end_turn'], not ${JSON.stringify(wrong)}`,
  );
}

function mayRunAt(reason: unknown): boolean {
  return reason === null || (typeof reason === 'string' && /run|unexpected/.test(callsAt(reason)));
}
