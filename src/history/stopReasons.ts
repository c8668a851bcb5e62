/**
 * What becomes of the calls in a reply:
 *
 * | | |
 * |---|---|
 * | `run` | they run, and the reply waits for their results |
 * | `pause` | those that are proven complete run; the reply is sent back, and goes on |
 * | `cut` | none runs: the last of them may be cut |
 * | `unexpected` | none runs: a reply that ends like this should have no call, so that is an error |
 */
export type CallsAt = 'run' | 'pause' | 'cut' | 'unexpected';

/** What each stop reason says of calls (docs: /docs/en/build-with-claude/handling-stop-reasons). */
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

/** What a stop reason says of the calls in a reply; also one that is unknown, or missing. */
export function callsAt(stopReason: unknown): CallsAt {
  return STOP_REASONS.get(stopReason) ?? 'unexpected';
}

/** Whether a reply with this stop reason waits for the results of its calls; `more` are other ones that do. */
export function waitsForResults(stopReason: unknown, more: ReadonlySet<unknown>): boolean {
  const at = callsAt(stopReason);
  return at === 'run' || (at === 'unexpected' && more.has(stopReason ?? null));
}

/** Whether a reply with this stop reason is sent back so that it goes on. */
export function isPausedBy(stopReason: unknown): boolean {
  return callsAt(stopReason) === 'pause';
}

/** A stop reason that may be said to wait for tools, as some gateways mean it. `null`: there is none. */
export type AnsweredStopReason = 'end_turn' | 'stop_sequence' | (string & {}) | null;

/** Throws a TypeError for a stop reason after which no call may run. */
export function requireStopReasons(caller: string, stopReasons: unknown): void {
  const isList = Array.isArray(stopReasons);
  const wrong = isList ? stopReasons.find((reason) => !mayRunAt(reason)) : stopReasons;
  if (isList && wrong === undefined) return;
  throw new TypeError(
    `${caller}: \`stopReasons\` must be a list of stop reasons under which no call is cut, such as ` +
      `['end_turn'], not ${JSON.stringify(wrong)}`,
  );
}

function mayRunAt(reason: unknown): boolean {
  return reason === null || (typeof reason === 'string' && /run|unexpected/.test(callsAt(reason)));
}
