import { MessageStreamError } from '../message/MessageStreamError.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';

/**
 * The `error.type` for the error of a stream: the API's own type, else the code of the
 * `MessageStreamError`, else the name of the error.
 */
export function errorType(thrown: unknown): string {
  try {
    return typeOf(thrown);
  } catch {
    // The error cannot be read: its getters throw, or it is a proxy.
    return '_OTHER';
  }
}

/** The error if it is a `MessageStreamError`. `instanceof` may throw for a proxy. */
export function ownError(thrown: unknown): MessageStreamError | undefined {
  try {
    return thrown instanceof MessageStreamError ? thrown : undefined;
  } catch {
    return undefined;
  }
}

function typeOf(thrown: unknown): string {
  const { errorType: type, code } = toMessageStreamError(thrown);
  if (type !== undefined) return type;
  if (code !== 'unknown') return code;
  const { name } = (thrown ?? {}) as { name?: unknown };
  return typeof name === 'string' && name !== '' ? name : '_OTHER';
}
