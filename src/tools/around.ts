import { defer, from, type Observable, type ObservableInput } from 'rxjs';
import type { ApprovableCall } from './requireApproval.ts';
import type { ToolContext, ToolUse } from './Tool.ts';
import { toOutput } from './toOutput.ts';

/** A call whose tool is about to run, after the check and the approval. */
export interface RunningCall extends ApprovableCall {
  /** The number of the turn, from 1. */
  readonly turn: number;
  /** Aborts when the result is no longer needed. */
  readonly signal: AbortSignal;
}

/**
 * Middleware for the run of a tool: returns `run$`, usually with operators, or an Observable that replaces
 * it. Each subscription to `run$` runs the tool.
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

/** Runs the tool on each subscription, through `around` if it is given. */
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
