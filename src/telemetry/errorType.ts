import { MessageStreamError } from '../message/MessageStreamError.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';

/**
 * The `error.type` of what a stream failed with: the API's own type, else the code of the
 * `MessageStreamError`, else the name of whatever was thrown.
 */
export function errorType(thrown: unknown): string {
  try {
    return typeOf(thrown);
  } catch {
    // It cannot be read: its getters throw, or it is a proxy.
    return '_OTHER';
  }
}

/** The error as a `MessageStreamError`, if it is one; a proxy may throw when it is asked. */
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
