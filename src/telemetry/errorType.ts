import { toMessageStreamError } from '../message/toMessageStreamError.ts';

/**
 * The `error.type` of what a stream failed with: the API's own type, else the code of the
 * `MessageStreamError`, else the name of whatever was thrown.
 */
export function errorType(thrown: unknown): string {
  const { errorType: type, code } = toMessageStreamError(thrown);
  if (type !== undefined) return type;
  if (code !== 'unknown') return code;
  const { name } = (thrown ?? {}) as { name?: unknown };
  return typeof name === 'string' && name !== '' ? name : '_OTHER';
}
