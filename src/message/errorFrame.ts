import type { Message } from '@anthropic-ai/sdk/resources/messages/messages';
import { fields, isRecord, lookUp, parseRecord, text } from './record.ts';
import {
  CODES,
  MessageStreamError,
  type MessageStreamErrorCode,
  type MessageStreamErrorInit,
} from './MessageStreamError.ts';

/** An error as an event of a stream, in the form of the API, with our own fields under `claude_rx`. */
export interface ErrorFrame {
  type: 'error';
  error: { type: string; message: string; claude_rx: object };
  request_id?: string;
  [field: string]: unknown;
}

/** The fields of an error that are written into a frame. */
export type ErrorFields = Omit<MessageStreamErrorInit, 'partial' | 'cause'> & { message: string };

/** The error type for readers that only know the API's types: SDK src/resources/shared.ts `ErrorType`. */
const TYPE_OF_CODE: Record<string, string> = {
  overloaded: 'overloaded_error',
  rate_limited: 'rate_limit_error',
  request: 'invalid_request_error',
  timeout: 'timeout_error',
};

/**
 * The error as the last frame of a stream: without `partial`, which the reader has received, and
 * without `cause`.
 */
export function errorFrame(error: ErrorFields): ErrorFrame {
  const { message, code, retryable, retryAfterMs, status, errorType, attempts, requestId } = error;
  return {
    type: 'error',
    error: {
      type: errorType ?? lookUp(TYPE_OF_CODE, code) ?? 'api_error',
      message,
      claude_rx: { code, retryable, retryAfterMs, status, errorType, attempts },
    },
    ...(requestId !== undefined && { request_id: requestId }),
  };
}

/** The maximum number of objects around an error: `{ error: { error: ... } }`. */
const DEEPEST_WRAPPING = 3;

/**
 * Reads an error that was sent as JSON, or comes from another copy of this package: the output of
 * `toJSON` or `errorFrame`, as a value or as text, also inside of fields `error`. `undefined` for other
 * values.
 */
export function crossedError(thrown: unknown): MessageStreamError | undefined {
  let value: unknown = typeof thrown === 'string' ? parseRecord(thrown) : thrown;
  for (let depth = 0; depth <= DEEPEST_WRAPPING && isRecord(value); depth++) {
    const { name, code, retryable, partial, error } = value;
    // Errors of the platform also have a `code`.
    const isOurs = CODES.has(code) && typeof retryable === 'boolean';
    if (isOurs || name === 'MessageStreamError') {
      return revivedError(value, thrown)?.with({ partial: messageIn(partial) });
    }
    const frame = fromErrorFrame(value);
    if (frame) return frame;
    value = error;
  }
  return undefined;
}

function messageIn(partial: unknown): Message | undefined {
  return Array.isArray(fields(partial)['content']) ? (partial as Message) : undefined;
}

/** Reads the output of `errorFrame`; `undefined` for an error of the API itself. */
export function fromErrorFrame(body: unknown): MessageStreamError | undefined {
  const { error, request_id } = fields(body);
  const { message, claude_rx } = fields(error);
  return revivedError({ ...fields(claude_rx), message, requestId: request_id }, body);
}

/** Reads the output of `toJSON`; `undefined` for other fields. */
export function revivedError(said: unknown, cause?: unknown): MessageStreamError | undefined {
  const { message, code, retryable, requestId, ...rest } = fields(said);
  if (typeof message !== 'string' || typeof code !== 'string') return undefined;
  const init: MessageStreamErrorInit = {
    // A code that only a later version knows is kept.
    code: code as MessageStreamErrorCode,
    retryable: typeof retryable === 'boolean' ? retryable : undefined,
    requestId: text(requestId),
    retryAfterMs: number(rest['retryAfterMs']),
    status: number(rest['status']),
    errorType: text(rest['errorType']),
    attempts: number(rest['attempts']),
    cause,
  };
  return new MessageStreamError(message, init);
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 ? value : undefined;
}
