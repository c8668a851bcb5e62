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

/** Whether a reply with this stop reason is sent back so that it goes on. */
export function isPausedBy(stopReason: unknown): boolean {
  return callsAt(stopReason) === 'pause';
}
