import { fromErrorFrame } from './errorFrame.ts';
import { fields, text } from './fields.ts';
import {
  MessageStreamError,
  type MessageStreamErrorCode,
  type MessageStreamErrorInit,
} from './MessageStreamError.ts';

/** What is known where an error is met. */
export interface ErrorContext extends Pick<MessageStreamErrorInit, 'partial' | 'requestId'> {
  /** The code of an error that nothing below recognises. Default: `unknown`. */
  otherwise?: MessageStreamErrorCode;
}

/** An answer of the API that reports an error: an SSE frame, or the body of an HTTP response. */
export interface ApiErrorAnswer {
  /** The parsed body, `{ type: 'error', error: { type, message }, request_id }` where the API wrote it. */
  body?: unknown;
  status?: number | undefined;
  headers?: { get?(name: string): string | null } | undefined;
  cause?: unknown;
}

// Error types: SDK src/resources/shared.ts `ErrorType`, docs /docs/en/api/errors. Those that end in
// `Exception` are of a Bedrock stream; AWS writes them with a small first letter or a capital one.
const TYPES_OF_CODE: readonly [MessageStreamErrorCode, RegExp][] = [
  ['overloaded', /^(overloaded_error|serviceUnavailableException)$/i],
  ['rate_limited', /^(rate_limit_error|throttlingException)$/i],
  ['api', /^((api|timeout)_error|(internalServer|modelStreamError|modelTimeout)Exception)$/i],
  [
    'request',
    /^((invalid_request|authentication|billing|permission|not_found|conflict|memory_(precondition_failed|path_conflict))_error|request_too_large|validationException)$/i,
  ],
];

/** 429s that waiting does not cure: SDK src/resources/shared.ts. */
const SPEND_LIMITS = new Set(['enforced_spend_limit_reached', 'contract_spend_limit_reached']);

/** A certificate that is refused now is refused again. */
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)/;
const TIMEOUT = /TIMEOUT|TIMEDOUT/;
const TRANSPORT =
  /^(UND_ERR_|ECONN|EPIPE$|EPROTO$|EAI_|ENOTFOUND$|ENET|EHOST|ERR_(STREAM|HTTP2|SSL|TLS|SOCKET)_|HPE_)/;
/** What fetch says, with a `TypeError`, of a lost connection: undici, Chromium, Firefox, WebKit, Deno. */
const FETCH_FAILURE =
  /^(terminated|fetch failed|error sending request for url|failed to fetch|network ?error|networkerror when|load failed|error in (input|body) stream|the network connection was lost)/i;

/**
 * Turns whatever was thrown into a `MessageStreamError`: the one place that decides `code` and
 * `retryable` for errors of the SDK, of undici, `fetch` and Node's sockets, and of aborts.
 *
 * A `MessageStreamError` is returned as it is, given the context's `partial` where it has none.
 */
export function toMessageStreamError(
  error: unknown,
  { partial, requestId, otherwise = 'unknown' }: ErrorContext = {},
): MessageStreamError {
  return recognise(error, otherwise).with({ partial, requestId });
}

/**
 * The `MessageStreamError` for an error that the API reports, in the stream or by HTTP status.
 *
 * `x-should-retry`, `retry-after-ms` and `retry-after` are honoured as the SDK honours them
 * (SDK src/client.ts `shouldRetry`). An error that `toSse` has sent on is the one it was.
 */
export function fromApiError({ body, status, headers, cause }: ApiErrorAnswer): MessageStreamError {
  const relayed = fromErrorFrame(body);
  if (relayed) return relayed;
  const answer = fields(body);
  const detail = fields(answer['error']);
  const errorType = text(detail['type']);
  // A gateway's own shape: `{ error: { code: 429, status: 'RESOURCE_EXHAUSTED' } }`.
  const numeric = typeof detail['code'] === 'number' ? detail['code'] : undefined;
  const effective = status ?? (numeric !== undefined && numeric >= 400 ? numeric : undefined);
  const code = codeOfType(errorType) ?? codeOfStatus(effective);
  const said =
    text(detail['message']) ??
    text(answer['error']) ??
    text(answer['message']) ??
    text(body) ??
    text(fields(cause)['message']);
  const name = [status, errorType].filter((part) => part !== undefined).join(' ');
  return new MessageStreamError(
    `The API answered with an error${name && ` (${name})`}: ${said?.slice(0, 1_000) ?? 'it gave no message'}`,
    {
      code,
      retryable: isRetryable(code, effective, headers, fields(detail['details'])['error_code']),
      requestId: headers?.get?.('request-id') ?? text(answer['request_id']),
      retryAfterMs: retryAfterMs(headers),
      status,
      errorType,
      cause: cause ?? body,
    },
  );
}

/** The `MessageStreamError` of an `AbortSignal` that fired; its reason is the `cause`. */
export function fromAbort(signal: AbortSignal): MessageStreamError {
  const reason: unknown = signal.reason;
  const said = text(reason) ?? text(fields(reason)['message']);
  const message = said === undefined ? 'The reply was aborted' : `The reply was aborted: ${said}`;
  return new MessageStreamError(message, { code: 'aborted', cause: reason });
}

/** The `MessageStreamError` of a stream that ended before `message_stop`. */
export function truncation(context: ErrorContext = {}): MessageStreamError {
  const { partial, requestId } = context;
  return new MessageStreamError(
    'The stream ended before message_stop: the reply may be cut off; what arrived is in `partial`',
    { code: 'truncated', partial, requestId },
  );
}

function recognise(error: unknown, otherwise: MessageStreamErrorCode): MessageStreamError {
  if (error instanceof MessageStreamError) return error;
  const { name, message, cause, type } = fields(error);
  // Told by name and shape, not by `instanceof`: the SDK is not imported, there may be two copies
  // of it, and under Jest the platform's errors are of another realm.
  if (typeof name !== 'string' || typeof message !== 'string') {
    if (type === 'error') return fromApiError({ body: error });
    return new MessageStreamError(`The stream failed: ${printed(error)}`, {
      code: otherwise,
      cause: error,
    });
  }
  switch (name) {
    case 'APIUserAbortError':
    case 'AbortError':
      return of('aborted', error);
    case 'APIConnectionTimeoutError':
    case 'TimeoutError':
      return of('timeout', error);
    case 'APIConnectionError':
      return bedrockException(message, error) ?? transport(error) ?? of('connection', error);
  }
  if (isApiError(error)) {
    const { error: body, status, headers } = error;
    return fromApiError({ body, status, headers, cause: error });
  }
  const known = bedrockException(name, error) ?? transport(error);
  if (known) return known;
  // Thrown by a middleware of the client: SDK src/core/error.ts.
  if (name === 'RetryableError') return of(otherwise, error, undefined, true);
  if (name === 'AnthropicError') {
    // MessageStream's words: SDK src/lib/MessageStream.ts and src/lib/BetaMessageStream.ts.
    if (/ended without (sending|producing)/.test(message)) return of('truncated', error);
    if (message.startsWith('Unable to parse tool parameter JSON')) return of('invalid_json', error);
    if (fields(cause)['name'] === 'SyntaxError') return of('protocol', error);
  }
  if (message.startsWith('Could not resolve authentication method')) return of('request', error);
  return of(otherwise, error);
}

function isApiError(error: unknown): error is Omit<ApiErrorAnswer, 'body'> & { error?: unknown } {
  const shape = fields(error);
  return 'requestID' in shape && 'status' in shape && 'headers' in shape;
}

/**
 * An exception in a Bedrock stream: its client throws it, or a connection error that says no more
 * than its name (packages/bedrock-sdk/src/core/streaming.ts of the SDK's repository).
 */
function bedrockException(name: string, cause: unknown): MessageStreamError | undefined {
  if (codeOfType(name) === undefined) return undefined;
  return fromApiError({ body: { error: { type: name } }, cause });
}

/** The error of a connection, told from the codes along the chain of causes. */
function transport(error: unknown): MessageStreamError | undefined {
  let link = fields(error);
  for (let depth = 0; depth < 5; depth++, link = fields(link['cause'])) {
    const code = text(link['code']);
    if (code === undefined) continue;
    if (code === 'UND_ERR_ABORTED') return of('aborted', error);
    if (TIMEOUT.test(code)) return of('timeout', error, code);
    if (CERTIFICATE.test(code)) return of('connection', error, code, false);
    if (code === 'ERR_INVALID_URL' || code === 'UND_ERR_INVALID_ARG') return of('request', error);
    if (TRANSPORT.test(code)) return of('connection', error, code);
  }
  const { name, message } = fields(error);
  const fromFetch = name === 'TypeError' || name === 'AnthropicError';
  return fromFetch && FETCH_FAILURE.test(String(message)) ? of('connection', error) : undefined;
}

const SENTENCES: Partial<Record<MessageStreamErrorCode, string>> = {
  aborted: 'The reply was aborted',
  timeout: 'The connection timed out',
  connection: 'The connection was lost',
  request: 'The request could not be sent',
  truncated: 'The stream ended before message_stop',
  protocol: 'The stream holds something that is no event',
  invalid_json: 'A tool input is not valid JSON',
};

function of(
  code: MessageStreamErrorCode,
  cause: unknown,
  platformCode?: string,
  retryable?: boolean,
): MessageStreamError {
  const { message } = fields(cause);
  const said = platformCode === undefined ? message : `${message} (${platformCode})`;
  const sentence = SENTENCES[code] ?? 'The stream failed';
  return new MessageStreamError(`${sentence}: ${said}`, { code, retryable, cause });
}

function codeOfType(type = ''): MessageStreamErrorCode | undefined {
  return TYPES_OF_CODE.find(([, types]) => types.test(type))?.[0];
}

function codeOfStatus(status: number | undefined): MessageStreamErrorCode {
  if (status === undefined) return 'api';
  if (status === 408) return 'timeout';
  if (status === 429) return 'rate_limited';
  if (status === 529 || status === 503) return 'overloaded';
  return status >= 500 ? 'api' : 'request';
}

/** As the SDK decides it for a status (src/client.ts `shouldRetry`), else by the code alone. */
function isRetryable(
  code: MessageStreamErrorCode,
  status: number | undefined,
  headers: ApiErrorAnswer['headers'],
  errorCode: unknown,
): boolean | undefined {
  const told = headers?.get?.('x-should-retry');
  if (told === 'true') return true;
  if (told === 'false' || SPEND_LIMITS.has(String(errorCode))) return false;
  return code === 'request' ? status === 409 : undefined;
}

function retryAfterMs(headers: ApiErrorAnswer['headers']): number | undefined {
  const milliseconds = Number.parseFloat(headers?.get?.('retry-after-ms') ?? '');
  if (milliseconds >= 0 && milliseconds < Infinity) return milliseconds;
  const after = headers?.get?.('retry-after') ?? '';
  const seconds = Number(after || Number.NaN);
  const wait = Number.isNaN(seconds) ? Date.parse(after) - Date.now() : seconds * 1000;
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined;
}

function printed(value: unknown): string {
  try {
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}
