import {
  concatMap,
  defaultIfEmpty,
  defer,
  from,
  type Observable,
  type ObservableInput,
  of,
  take,
} from 'rxjs';
import { CallFailure, failing } from './CallFailure.ts';
import type { ToolContext, ToolUse } from './Tool.ts';

/** A call that needs approval. */
export interface ApprovableCall {
  /** The `id` of the call. */
  readonly id: string;
  readonly name: string;
  /** The input after the schema, as the tool will get it. */
  readonly input: unknown;
}

/**
 * Whether a call may run. After a refusal the model gets an error with the reason. `defer` postpones the
 * decision: the turn ends with the outcome `interrupted`, and the option `answers` of `runTools` continues it.
 */
export type Approval =
  | boolean
  | 'defer'
  | { readonly approved: boolean; readonly reason?: string | undefined };

/** Returns whether a call may run; of an Observable, the first value counts. */
export type Approve = (
  call: ApprovableCall,
  context: ToolContext,
) => Approval | ObservableInput<Approval>;

/**
 * Emits whether the call may run now: `false` if the decision is deferred. A refusal is an error, and so is
 * an approval that fails or emits no value.
 */
export function requireApproval(
  input: unknown,
  { id, name }: ToolUse,
  context: ToolContext,
  approve: Approve | undefined,
): Observable<boolean> {
  if (approve === undefined) return of(true);
  return defer(() => {
    const approval = approve({ id, name, input }, context);
    return isApproval(approval) ? of(approval) : from(approval);
  }).pipe(
    take(1),
    defaultIfEmpty<Approval, Approval>({ approved: false, reason: 'there was no answer' }),
    concatMap((approval) => {
      if (approval === 'defer') return of(false);
      const { approved: isApproved, reason = undefined } =
        typeof approval === 'object' ? approval : { approved: approval };
      if (isApproved === true) return of(true);
      throw notApproved(reason);
    }),
    failing('denied'),
  );
}

/** The failure of a call that was refused. */
export function notApproved(reason: string | undefined): CallFailure {
  const because = reason ? `: ${reason}` : '';
  return new CallFailure('denied', new Error(`This call was not approved${because}`));
}

function isApproval(value: Approval | ObservableInput<Approval>): value is Approval {
  return typeof value !== 'object' || value === null || 'approved' in value;
}
