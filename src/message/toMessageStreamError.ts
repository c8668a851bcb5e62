import { crossedError, fromErrorFrame } from './errorFrame.ts';
import { fields, isRecord, parseRecord, text } from './record.ts';
import {
  MessageStreamError,
  type MessageStreamErrorCode,
  type MessageStreamErrorInit,
} from './MessageStreamError.ts';
import { withoutSecrets } from './withoutSecrets.ts';

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

/**
 * What errors are known by; the first that fits decides. The words are names of errors, codes of
 * the platform, `name: message`, `name < name of its cause`, the API's types of errors, and HTTP
 * statuses. The last column says whether to retry where the code does not; a row without a code
 * says no more than that.
 */
const SIGNS: readonly [MessageStreamErrorCode | undefined, RegExp, retryable?: boolean][] = [
  ['aborted', /^((APIUser)?AbortError|UND_ERR_ABORTED)$/],
  ['timeout', /^((APIConnection)?TimeoutError|\w*TIMED?OUT\w*|408)$/],
  // Types: SDK src/resources/shared.ts `ErrorType`, docs /docs/en/api/errors. An `Exception` is of a
  // Bedrock stream; AWS writes it with a small first letter or a capital one.
  ['overloaded', /^(overloaded_error|serviceUnavailableException|503|529)$/i],
  // Waiting does not cure it.
  ['rate_limited', /^(enforced|contract)_spend_limit_reached$/, false],
  ['rate_limited', /^(rate_limit_error|throttlingException|429)$/i],
  ['api', /^((api|timeout)_error|(internalServer|modelStreamError|modelTimeout)Exception|5\d\d)$/i],
  ['request', /^409$/, true],
  [
    'request',
    /^((invalid_request|authentication|billing|permission|not_found|conflict|memory_\w+)_error|request_too_large|validationException|\d{3})$/i,
  ],
  ['request', /^(UND_)?ERR_INVALID_(URL|ARG)$|: Could not resolve authentication method/],
  // A certificate that is refused now is refused again.
  ['connection', /^\w*(CERT|UNABLE_TO_)/, false],
  [
    'connection',
    /^(APIConnectionError:|UND_ERR_|E(CONN|PIPE|PROTO|AI_|NOTFOUND|NET|HOST)|ERR_(STREAM|HTTP2|SSL|TLS|SOCKET)_|HPE_|Connection(Refused|Reset|Closed)$|FailedToOpenSocket$)/,
  ],
  // What fetch says of a lost connection: undici, Chromium, Firefox, WebKit, Deno, React Native, and
  // workerd, whose error is a plain `Error`; Bun has codes.
  [
    'connection',
    /^((Type|Anthropic)Error: (terminated|(fetch|load) failed|failed to fetch|error (sending request|in (input|body) stream))|\w*Error: (the )?network ?(error|connection|request failed))/i,
  ],
  // MessageStream's words: SDK src/lib/MessageStream.ts and src/lib/BetaMessageStream.ts.
  ['truncated', /^AnthropicError: .*ended without/],
  ['invalid_json', /^AnthropicError: Unable to parse tool/],
  ['protocol', /^AnthropicError < SyntaxError$/],
  // Thrown by a middleware of the client: SDK src/core/error.ts.
  [undefined, /^RetryableError:/, true],
];

/** As many characters of what somebody else wrote are in a message. */
const LONGEST = 1_000;

const SENTENCES: Partial<Record<MessageStreamErrorCode, string>> = {
  aborted: 'The reply was aborted',
  timeout: 'The connection timed out',
  connection: 'The connection was lost',
  request: 'The request could not be sent',
  truncated: 'The stream ended before message_stop',
};

/**
 * Turns whatever was thrown into a `MessageStreamError`: the one place that decides `code` and
 * `retryable` for errors of the SDK, of undici, `fetch` and Node's sockets, and of aborts.
 *
 * A `MessageStreamError` is returned as it is, given the context's `partial` where it has none. One that
 * crossed a boundary as JSON (a queue, `postMessage`, a transport of Nest) is the error that it was.
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
  const { error, request_id } = fields(body);
  const { type, code, details } = fields(error);
  const errorType = text(type);
  const header = (name: string) => headers?.get?.(name) ?? undefined;
  // A gateway's own shape: `{ error: { code: 429, status: 'RESOURCE_EXHAUSTED' } }`.
  const byStatus = known(status ?? code);
  const byType = known(errorType);
  const byDetail = known(fields(details)['error_code']);
  const told = header('x-should-retry');
  const name = [status, errorType].filter(Boolean).join(' ');
  const said = saidIn(error) ?? saidIn(body) ?? saidIn(cause) ?? 'it gave no message';
  return new MessageStreamError(
    `The API answered with an error${name && ` (${name})`}: ${said.slice(0, LONGEST)}`,
    {
      code: codeOf(status, byStatus?.[0], byType?.[0]),
      retryable: told === 'true' || (told === 'false' ? false : (byDetail ?? byStatus)?.[2]),
      requestId: requestIdIn(headers) ?? text(request_id),
      retryAfterMs: retryAfterMs(header('retry-after-ms'), header('retry-after')),
      status,
      errorType,
      cause: cause ?? body,
    },
  );
}

/** The `MessageStreamError` of an `AbortSignal` that fired; its reason is the `cause`. */
export function fromAbort({ reason }: AbortSignal): MessageStreamError {
  return failure({ code: 'aborted', cause: reason }, saidIn(reason));
}

/** The `MessageStreamError` of a stream that ended before `message_stop`. */
export function truncation({ partial, requestId }: ErrorContext = {}): MessageStreamError {
  return failure(
    { code: 'truncated', partial, requestId },
    'the reply may be cut off; what arrived is in `partial`',
  );
}

/**
 * The status of a response decides: gateways send `api_error` for whatever went wrong. The type of the
 * error refines it among failures of the server, and decides alone where there is no status: in a
 * stream that had begun well.
 */
function codeOf(
  status: number | undefined,
  byStatus: MessageStreamErrorCode | undefined,
  byType: MessageStreamErrorCode | undefined,
): MessageStreamErrorCode {
  const isRefined = byStatus === 'api' && byType === 'overloaded';
  const code = status === undefined || status < 400 || isRefined ? byType : byStatus;
  return code ?? byStatus ?? byType ?? 'api';
}

/** The id of a request: that of the API, or that of Bedrock. */
export function requestIdIn(headers: ApiErrorAnswer['headers']): string | undefined {
  return headers?.get?.('request-id') ?? headers?.get?.('x-amzn-requestid') ?? undefined;
}

function recognise(error: unknown, otherwise: MessageStreamErrorCode): MessageStreamError {
  if (error instanceof MessageStreamError) return error;
  const crossed = crossedError(error);
  if (crossed) return crossed;
  const sign = signsOf(error).find(known);
  const answer = answerIn(error, sign);
  if (answer) return fromApiError(answer);
  const [code = otherwise, , retryable] = known(sign) ?? [];
  const { message } = fields(error);
  const said = typeof message === 'string' ? withoutSecrets(message) : printed(error);
  const platformCode = sign && /^[A-Z\d_]+$/.test(sign) ? ` (${sign})` : '';
  return failure({ code, retryable, cause: error }, said + platformCode);
}

/**
 * What an error may be known by.
 *
 * Names and texts, not `instanceof`: the SDK is not imported, there may be two copies of it, and
 * under Jest the platform's errors are of another realm.
 */
function signsOf(error: unknown): string[] {
  const { name, message, cause } = fields(error);
  if (typeof name !== 'string' || typeof message !== 'string') return [];
  return [
    // Of an exception, Bedrock's client may say no more than the name, as the message
    // (packages/bedrock-sdk/src/core/streaming.ts of the SDK's repository).
    name === 'APIConnectionError' ? message : name,
    ...codesAlong(error),
    `${name}: ${message}`,
    `${name} < ${text(fields(cause)['name'])}`,
  ];
}

/** The codes of the platform along the chain of causes. */
function codesAlong(error: unknown, links = 5): string[] {
  const { code, cause } = fields(error);
  return links > 0 ? [text(code) ?? '', ...codesAlong(cause, links - 1)] : [];
}

/** The answer of the API that an error holds, or is. */
function answerIn(error: unknown, sign: string | undefined): ApiErrorAnswer | undefined {
  const shape = fields(error);
  const body = shape['error'];
  // The SDK's, unless it is of a connection: those have neither.
  if ('requestID' in shape && (shape['status'] ?? body) !== undefined) {
    return { ...shape, body, cause: error };
  }
  if (sign === undefined) return reportIn(error);
  return /^\w+Exception$/.test(sign)
    ? { body: { error: { type: sign } }, cause: error }
    : undefined;
}

/** What the API reports as a value: its event `error`, or what is in one, alone or inside of others. */
function reportIn(error: unknown): ApiErrorAnswer | undefined {
  const body = typeof error === 'string' ? parseRecord(error) : error;
  const { type, error: inner } = fields(body);
  if (type === 'error') return { body };
  if (typeof type === 'string' && known(type)) return { body: { error }, cause: error };
  return isRecord(inner) ? reportIn(inner) : undefined;
}

function known(sign: unknown): (typeof SIGNS)[number] | undefined {
  if (typeof sign === 'object') return undefined;
  return SIGNS.find(([, pattern]) => pattern.test(String(sign)));
}

function failure(init: MessageStreamErrorInit, said: string | undefined): MessageStreamError {
  const sentence = SENTENCES[init.code] ?? 'The stream failed';
  return new MessageStreamError(said ? `${sentence}: ${said}` : sentence, init);
}

function saidIn(value: unknown): string | undefined {
  return text(value) ?? text(fields(value)['message']);
}

/** As the SDK reads it: milliseconds, seconds, or a date. */
export function retryAfterMs(milliseconds = '', after = ''): number | undefined {
  const wait = [
    Number.parseFloat(milliseconds),
    Number.parseFloat(after) * 1_000,
    Date.parse(after) - Date.now(),
  ].find(Number.isFinite);
  return wait && Math.max(0, wait);
}

/**
 * A value that is no error. Of an object, its keys and what names its kind: the rest may be headers, or
 * what a user wrote.
 */
function printed(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value).slice(0, LONGEST);
  try {
    const shown = Object.entries(value)
      .slice(0, 10)
      .map(([key, held]) => (KINDS.test(key) && Object(held) !== held ? `${key}: ${held}` : key));
    return `an object { ${shown.join(', ')} }`.slice(0, LONGEST);
  } catch {
    return 'an object';
  }
}

const KINDS = /^(name|type|code|status)$/;
