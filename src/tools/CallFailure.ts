import { catchError, type MonoTypeOperatorFunction, throwError } from 'rxjs';
import type { ToolResultStatus } from '../message/ToolCallEvent.ts';

/** A failed call: its `status`, and the `error` that was thrown. */
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

  /** Not `instanceof`: a tool may throw a proxy that throws on every property access. */
  static is(thrown: unknown): thrown is CallFailure {
    return typeof thrown === 'object' && thrown !== null && #error in thrown;
  }
}

/** Wraps each error that is not a `CallFailure` in a `CallFailure` with this status. */
export function failing<T>(status: ToolResultStatus): MonoTypeOperatorFunction<T> {
  return catchError((error: unknown) =>
    throwError(() => (CallFailure.is(error) ? error : new CallFailure(status, error))),
  );
}
