import { requireNumbers } from '../flow/require.ts';
import { checkFields } from './checks.ts';
import type { ErrorFault } from './Fault.ts';
import type { ReplyScript } from './Reply.ts';

export interface HttpErrorOptions {
  /** The API's `error.type`. Default: the type for the status. */
  type?: string;
  /** The message. Default: the type in words. */
  message?: string;
  /** The `retry-after` header: seconds, or a date as a string. Default: none. */
  retryAfter?: number | string;
  /** Further fields of `error`, such as `details`. Default: none. */
  fields?: Record<string, unknown>;
  /** Further headers. Default: none. */
  headers?: Record<string, string>;
}

// docs: /docs/en/api/errors.
const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'conflict_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/**
 * A reply that is an HTTP error in the API's shape:
 * `{ type: 'error', error: { type, message }, request_id }` (docs: /docs/en/api/errors).
 *
 * The server fills in the request id.
 *
 * @throws TypeError for a status outside 400 to 599.
 *
 * @example
 * ```ts
 * import { httpError, messageEvents, MessagesServer } from 'claude-rx/testing';
 *
 * const server = await MessagesServer.start();
 * server
 *   .reply(httpError(429, { message: 'Slow down', retryAfter: 0.1 }))
 *   .reply(messageEvents.text('Here I am.'));
 * await server.close();
 * ```
 */
export function httpError(status: number, options: HttpErrorOptions = {}): ReplyScript {
  if (status === undefined) throw new TypeError('httpError: pass an HTTP status, such as 529');
  const what = 'an HTTP error status';
  requireNumbers('httpError', { status }, { min: 400, max: 599, whole: true, what });
  checkFields('httpError', options, ['type', 'message', 'retryAfter', 'fields', 'headers']);
  const natural = TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  const { type = natural, retryAfter, fields } = options;
  const { message = type.replace(/_error$/, '').replaceAll('_', ' ') } = options;
  const after = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
  return {
    status,
    headers: { ...after, ...options.headers },
    body: { type: 'error', error: { type, message, ...fields } },
  };
}

/** The HTTP error for an `error` event. */
export function httpErrorOf({
  type = 'overloaded_error',
  message = 'Overloaded',
  ...fields
}: NonNullable<ErrorFault['error']> = {}): ReplyScript {
  const known = Object.entries(TYPES).find(([, name]) => name === type);
  return httpError(Number(known?.[0] ?? 500), { type, message, fields });
}
