import { catchError, type MonoTypeOperatorFunction, throwError } from 'rxjs';
import type { ToolResultStatus } from '../message/ToolCallEvent.ts';

/** Why a call has no result of its tool, and what was thrown. */
export class CallFailure {
  readonly status: ToolResultStatus;
  readonly error: unknown;

  constructor(status: ToolResultStatus, error: unknown) {
    this.status = status;
    this.error = error;
  }
}

/** Makes a `CallFailure` of whatever else is thrown. */
export function failing<T>(status: ToolResultStatus): MonoTypeOperatorFunction<T> {
  return catchError((error: unknown) =>
    throwError(() => (error instanceof CallFailure ? error : new CallFailure(status, error))),
  );
}
