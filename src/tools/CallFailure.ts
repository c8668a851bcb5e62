import { catchError, type MonoTypeOperatorFunction, throwError } from 'rxjs';
import type { ToolResultStatus } from '../message/ToolCallEvent.ts';

/** Why a call has no result of its tool, and what was thrown. */
export class CallFailure {
  readonly status: ToolResultStatus;
  readonly #error: unknown;

  constructor(status: ToolResultStatus, error: unknown) {
    this.status = status;
    this.#error = error;
  }

  get error(): unknown {
    return this.#error;
  }

  /** Not `instanceof`: what a tool throws may be a proxy that throws when it is asked anything. */
  static is(thrown: unknown): thrown is CallFailure {
    return typeof thrown === 'object' && thrown !== null && #error in thrown;
  }
}

/** Makes a `CallFailure` of whatever else is thrown. */
export function failing<T>(status: ToolResultStatus): MonoTypeOperatorFunction<T> {
  return catchError((error: unknown) =>
    throwError(() => (CallFailure.is(error) ? error : new CallFailure(status, error))),
  );
}
