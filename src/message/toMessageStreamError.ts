import { crossedError, fromErrorFrame } from './errorFrame.ts';
import { fields, isRecord, parseRecord, text } from './record.ts';
import {
  MessageStreamError,
  type MessageStreamErrorCode,
  type MessageStreamErrorInit,
} from './MessageStreamError.ts';
import { withoutSecrets } from './withoutSecrets.ts';

/** What the caller knows about the error. */
export interface ErrorContext extends Pick<MessageStreamErrorInit, 'partial' | 'requestId'> {
  /** The code for an unrecognised error. Default: `unknown`. */
  otherwise?: MessageStreamErrorCode;
}

/** An error response of the API: an SSE frame, or the body of an HTTP response. */
export interface ApiErrorAnswer {
  /** The parsed body. The API sends `{ type: 'error', error: { type, message }, request_id }`. */
  body?: unknown;
  status?: number | undefined;
  headers?: { get?(name: string): string | null } | undefined;
  cause?: unknown;
}

/**
 * The signs of each code; the first match decides. Signs are names of errors, codes of the platform,
 * `name: message`, `name < name of its cause`, the API's error types, and HTTP statuses. The last column
 * overrides the `retryable` of the code; a row without a code only does that.
 */
const SIGNS: readonly [MessageStreamErrorCode | undefined, RegExp, retryable?: boolean][] = [
  ['aborted', /^((APIUser)?AbortError|UND_ERR_ABORTED)$/],
  ['timeout', /^((APIConnection)?TimeoutError|\w*TIMED?OUT\w*|408)$/],
  // Types: SDK src/resources/shared.ts `ErrorType`, docs /docs/en/api/errors. Names with `Exception` come
  // from Bedrock streams; AWS writes their first letter in lower or upper case.
  ['overloaded', /^(overloaded_error|serviceUnavailableException|503|529)$/i],
  // Waiting does not help.
  ['rate_limited', /^(enforced|contract)_spend_limit_reached$/, false],
  ['rate_limited', /^(rate_limit_error|throttlingException|429)$/i],
  ['api', /^((api|timeout)_error|(internalServer|modelStreamError|modelTimeout)Exception|5\d\d)$/i],
  ['request', /^409$/, true],
  [
    'request',
    /^((invalid_request|authentication|billing|permission|not_found|conflict|memory_\w+)_error|request_too_large|validationException|\d{3})$/i,
  ],
  ['request', /^(UND_)?ERR_INVALID_(URL|ARG)$|: Could not resolve authentication method/],
  // A refused certificate will be refused again.
  ['connection', /^\w*(CERT|UNABLE_TO_)/, false],
  [
    'connection',
    /^(APIConnectionError:|UND_ERR_|E(CONN|PIPE|PROTO|AI_|NOTFOUND|NET|HOST)|ERR_(STREAM|HTTP2|SSL|TLS|SOCKET)_|HPE_|Connection(Refused|Reset|Closed)$|FailedToOpenSocket$)/,
  ],
  // Messages of `fetch` for a lost connection: undici, Chromium, Firefox, WebKit, Deno, React Native, and
  // workerd, whose error is a plain `Error`; Bun has codes.
  [
    'connection',
    /^((Type|Anthropic)Error: (terminated|(fetch|load) failed|failed to fetch|error (sending request|in (input|body) stream))|\w*Error: (the )?network ?(error|connection|request failed))/i,
  ],
  // Messages of MessageStream: SDK src/lib/MessageStream.ts and src/lib/BetaMessageStream.ts.
  ['truncated', /^AnthropicError: .*ended without/],
  ['invalid_json', /^AnthropicError: Unable to parse tool/],
  ['protocol', /^AnthropicError < SyntaxError$/],
  // Thrown by a middleware of the client: SDK src/core/error.ts.
  [undefined, /^RetryableError:/, true],
];

/** The maximum length of foreign text in a message, in characters. */
const LONGEST = 1_000;

const SENTENCES: Partial<Record<MessageStreamErrorCode, string>> = {
  aborted: 'The reply was aborted',
  timeout: 'The connection timed out',
  connection: 'The connection was lost',
  request: 'The request could not be sent',
  truncated: 'The stream ended before message_stop',
};

/**
 * Turns any thrown value into a `MessageStreamError`. It decides `code` and `retryable` for errors of the
 * SDK, of undici, `fetch` and Node's sockets, and of aborts.
 *
 * A `MessageStreamError` is returned unchanged, with the context's `partial` if it has none. An error that
 * was sent as JSON (through a queue, `postMessage`, a transport of Nest) becomes the original error.
 */
export function toMessageStreamError(
  error: unknown,
  { partial, requestId, otherwise = 'unknown' }: ErrorContext = {},
): MessageStreamError {
  return readable(error, otherwise).with({ partial, requestId });
}

/**
 * The `MessageStreamError` for an error of the API, in the stream or by HTTP status.
 *
 * `x-should-retry`, `retry-after-ms` and `retry-after` are used in the same way as in the SDK
 * (SDK src/client.ts `shouldRetry`). An error that `toSse` sent becomes the original error.
 */
export function fromApiError({ body, status, headers, cause }: ApiErrorAnswer): MessageStreamError {
  const relayed = fromErrorFrame(body);
  if (relayed) return relayed;
  const { error, request_id } = fields(body);
  const { type, code, details } = fields(error);
  const errorType = text(type);
  const header = (name: string) => headers?.get?.(name) ?? undefined;
  // The shape of a gateway's error: `{ error: { code: 429, status: 'RESOURCE_EXHAUSTED' } }`.
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
 * The status of a response decides, because gateways send `api_error` for any failure. The error type
 * only refines failures of the server. Without a status, in a stream that began well, the error type
 * decides.
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

/** The id of a request, from the API or from Bedrock. */
export function requestIdIn(headers: ApiErrorAnswer['headers']): string | undefined {
  return headers?.get?.('request-id') ?? headers?.get?.('x-amzn-requestid') ?? undefined;
}

/** As `recognise`, also for an error that cannot be read, such as one whose getters throw. */
function readable(error: unknown, otherwise: MessageStreamErrorCode): MessageStreamError {
  try {
    return recognise(error, otherwise);
  } catch {
    return failure({ code: otherwise, cause: error }, 'unreadable');
  }
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
 * The signs of an error.
 *
 * Names and texts are compared, not classes (`instanceof`): the SDK is not imported, there may be two
 * copies of it, and in Jest the platform's errors come from another realm.
 */
function signsOf(error: unknown): string[] {
  const { name, message, cause } = fields(error);
  if (typeof name !== 'string' || typeof message !== 'string') return [];
  return [
    // For an exception, the message of Bedrock's client may be only the name
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

/** The response of the API that an error contains, or is. */
function answerIn(error: unknown, sign: string | undefined): ApiErrorAnswer | undefined {
  const shape = fields(error);
  const body = shape['error'];
  // An error of the SDK; its connection errors have neither status nor body.
  if ('requestID' in shape && (shape['status'] ?? body) !== undefined) {
    return { ...shape, body, cause: error };
  }
  if (sign === undefined) return reportIn(error);
  return /^\w+Exception$/.test(sign)
    ? { body: { error: { type: sign } }, cause: error }
    : undefined;
}

/** An error of the API as a value: its `error` event or the content of one, also nested in other values. */
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

/** Reads the headers in the same way as the SDK: milliseconds, seconds, or a date. */
export function retryAfterMs(milliseconds = '', after = ''): number | undefined {
  const wait = [
    Number.parseFloat(milliseconds),
    Number.parseFloat(after) * 1_000,
    Date.parse(after) - Date.now(),
  ].find(Number.isFinite);
  return wait && Math.max(0, wait);
}

/**
 * Describes a value that is not an error. For an object, only its keys and its kind: the values may be
 * headers, or text of a user.
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
