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

/** A call that may be approved or not. */
export interface ApprovableCall {
  /** The `id` of the call. */
  readonly id: string;
  readonly name: string;
  /** The input as the tool will get it, so after its schema. */
  readonly input: unknown;
}

/** Whether a call may run; the model is told of a refusal, and of its reason. */
export type Approval =
  | boolean
  | { readonly approved: boolean; readonly reason?: string | undefined };

/** Says whether a call may run; of several values, the first one counts. */
export type Approve = (
  call: ApprovableCall,
  context: ToolContext,
) => Approval | ObservableInput<Approval>;

/** The input, once the call is approved. No answer, or one that fails, is a no. */
export function requireApproval(
  input: unknown,
  { id, name }: ToolUse,
  context: ToolContext,
  approve: Approve | undefined,
): Observable<unknown> {
  if (approve === undefined) return of(input);
  return defer(() => {
    const approval = approve({ id, name, input }, context);
    return isApproval(approval) ? of(approval) : from(approval);
  }).pipe(
    take(1),
    defaultIfEmpty<Approval, Approval>({ approved: false, reason: 'there was no answer' }),
    concatMap((approval) => {
      const { approved: isApproved, reason = undefined } =
        typeof approval === 'object' ? approval : { approved: approval };
      if (isApproved === true) return of(input);
      const because = reason ? `: ${reason}` : '';
      throw new CallFailure('denied', new Error(`This call was not approved${because}`));
    }),
    failing('denied'),
  );
}

function isApproval(value: Approval | ObservableInput<Approval>): value is Approval {
  return typeof value !== 'object' || value === null || 'approved' in value;
}
