import { defer, from, type Observable, type ObservableInput } from 'rxjs';
import type { ApprovableCall } from './requireApproval.ts';
import type { ToolContext, ToolUse } from './Tool.ts';
import { toOutput } from './toOutput.ts';

/** A call whose tool is about to run. */
export interface RunningCall extends ApprovableCall {
  /** The number of the turn, from 1. */
  readonly turn: number;
  /** Aborts when nobody waits for the call any more. */
  readonly signal: AbortSignal;
}

/**
 * Wraps the run of a tool: gives `run$`, with whatever is to happen around it, or something else in
 * its place.
 *
 * ```text
 * turn1   maxS
 * run1       -#
 * run2        -(r|)
 * turn2        mtTeS
 *         around: (call, run$) => run$.pipe(retry(1))
 * events  ---s-R---|         s: tool_start, R: tool_result
 * text    -------T-|
 * ```
 */
export type Around = (call: RunningCall, run$: Observable<unknown>) => ObservableInput<unknown>;

/** What the tool emits, run by each subscription; or what `around` makes of it. */
export function runAround(
  run: () => unknown,
  input: unknown,
  { id, name }: ToolUse,
  { turn, signal }: ToolContext,
  around: Around | undefined,
): Observable<unknown> {
  const run$ = defer(() => toOutput(run()));
  return around ? defer(() => from(around({ id, name, input, turn, signal }, run$))) : run$;
}
