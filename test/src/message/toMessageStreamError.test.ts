import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runInNewContext } from 'node:vm';
import Anthropic, {
  AnthropicError,
  APIConnectionError,
  APIConnectionTimeoutError,
  APIError,
  APIUserAbortError,
  RetryableError,
} from '@anthropic-ai/sdk';
import { BetaMessageStream } from '@anthropic-ai/sdk/lib/BetaMessageStream';
import { MessageStream } from '@anthropic-ai/sdk/lib/MessageStream';
import { type ErrorType } from '@anthropic-ai/sdk/resources/shared';
import { Stream } from '@anthropic-ai/sdk/streaming';
import { MessageStreamError, toMessageStreamError, type MessageStreamErrorCode } from 'claude-rx';
import { EMPTY, firstValueFrom, NEVER, timeout, TimeoutError } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fromAbort, fromApiError, truncation } from '../../../src/message/toMessageStreamError.ts';

/** The code, and whether it is retryable. */
type Verdict = [code: MessageStreamErrorCode, retryable: boolean];
const verdict = ({ code, retryable }: MessageStreamError): Verdict => [code, retryable];

const coded = (code: string, message = code, name = 'Error') =>
  Object.assign(new Error(message), { code, name });
const fetchFailed = (cause: unknown, message = 'fetch failed') => new TypeError(message, { cause });
const body = (type: string, message = 'Said', details?: object) => ({
  type: 'error',
  error: { type, message, ...(details && { details }) },
  request_id: 'req_body',
});
const headers = (more: Record<string, string> = {}) =>
  new Headers({ 'request-id': 'req_1', ...more });

const event = (type: string, data: string) => `event: ${type}\ndata: ${data}\n\n`;

const thrown = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'nothing was thrown',
    (error: unknown) => error,
  );

const read = async (frames: string) => {
  const quiet = { logLevel: 'off' } as never;
  const response = new Response(frames, { headers: { 'request-id': 'req_1' } });
  for await (const _ of Stream.fromSSEResponse(response, new AbortController(), quiet));
};
const help = (
  lines: string,
  Helper: typeof MessageStream | typeof BetaMessageStream = MessageStream,
) => Helper.fromReadableStream(new Blob([lines]).stream() as any).finalMessage();

function deep(depth: number, cause: unknown): unknown {
  return depth === 0 ? cause : deep(depth - 1, new Error('outer', { cause }));
}

function selfCaused(): Error {
  const error = new Error('mine');
  error.cause = error;
  return error;
}

describe('toMessageStreamError and the HTTP errors of the SDK', () => {
  const cases: [status: number, type: string, ...Verdict][] = [
    [400, 'invalid_request_error', 'request', false],
    [401, 'authentication_error', 'request', false],
    [402, 'billing_error', 'request', false],
    [403, 'permission_error', 'request', false],
    [404, 'not_found_error', 'request', false],
    [408, 'timeout_error', 'timeout', true],
    [409, 'conflict_error', 'request', true],
    [412, 'memory_precondition_failed_error', 'request', false],
    [413, 'request_too_large', 'request', false],
    [422, 'invalid_request_error', 'request', false],
    [429, 'rate_limit_error', 'rate_limited', true],
    [431, 'invalid_request_error', 'request', false],
    [499, 'invalid_request_error', 'request', false],
    [500, 'api_error', 'api', true],
    [501, 'api_error', 'api', true],
    [503, 'api_error', 'overloaded', true],
    [504, 'timeout_error', 'api', true],
    [529, 'overloaded_error', 'overloaded', true],
  ];
  it.each(cases)('%i %s', (status, errorType, code, retryable) => {
    const cause = APIError.generate(status, body(errorType), undefined, headers());
    const error = toMessageStreamError(cause);
    expect(error).toMatchObject({ code, retryable, status, errorType, requestId: 'req_1', cause });
    expect(error.message).toBe(`The API answered with an error (${status} ${errorType}): Said`);
  });

  const withoutBody: [status: number, ...Verdict][] = [
    [400, 'request', false],
    [404, 'request', false],
    [408, 'timeout', true],
    [409, 'request', true],
    [418, 'request', false],
    [429, 'rate_limited', true],
    [500, 'api', true],
    [502, 'api', true],
    [503, 'overloaded', true],
    [529, 'overloaded', true],
  ];
  it.each(withoutBody)('%i without a body that is known', (status, ...expected) => {
    const html = '<html>Bad gateway</html>';
    const error = toMessageStreamError(APIError.generate(status, undefined, html, headers()));
    expect(verdict(error)).toEqual(expected);
    expect(error.message).toContain(html);
  });

  it('quotes only the beginning of a long page', () => {
    const cause = APIError.generate(502, undefined, 'x'.repeat(100_000), headers());
    expect(toMessageStreamError(cause).message.length).toBeLessThan(2_000);
  });

  it.each([
    ['enforced_spend_limit_reached', false],
    ['contract_spend_limit_reached', false],
    ['ramp_limit_exceeded', true],
    ['a_later_limit', true],
  ])('429 %s: retryable is %s', (error_code, retryable) => {
    const answer = body('rate_limit_error', 'Said', { error_code });
    const client = new Anthropic({ apiKey: 'x' }) as any;
    const cause = client.makeStatusError(429, answer, undefined, headers());
    expect(verdict(toMessageStreamError(cause))).toEqual(['rate_limited', retryable]);
    expect(verdict(fromApiError({ body: answer }))).toEqual(['rate_limited', retryable]);
  });

  it('402 linked_organization_spend_limit_reached', () => {
    const answer = body('billing_error', '', {
      error_code: 'linked_organization_spend_limit_reached',
    });
    const client = new Anthropic({ apiKey: 'x' }) as any;
    const cause = client.makeStatusError(402, answer, undefined, headers());
    expect(verdict(toMessageStreamError(cause))).toEqual(['request', false]);
  });

  it.each([
    [400, 'true', true],
    [529, 'false', false],
    [429, 'false', false],
    [529, 'maybe', true],
  ])('%i with x-should-retry: %s', (status, value, retryable) => {
    const cause = APIError.generate(status, undefined, 'x', headers({ 'x-should-retry': value }));
    expect(toMessageStreamError(cause).retryable).toBe(retryable);
  });

  it('x-should-retry over a spend limit', () => {
    const answer = body('rate_limit_error', 'Said', { error_code: 'enforced_spend_limit_reached' });
    const cause = APIError.generate(429, answer, undefined, headers({ 'x-should-retry': 'true' }));
    expect(toMessageStreamError(cause).retryable).toBe(true);
  });

  it('decides retryable as the SDK does, for every status without a body that is known', async () => {
    const client = new Anthropic({ apiKey: 'x' }) as any;
    for (let status = 400; status < 600; status++) {
      const expected = await client.shouldRetry(new Response(null, { status }), {});
      const cause = APIError.generate(status, undefined, 'x', headers());
      expect([status, toMessageStreamError(cause).retryable]).toEqual([status, expected]);
    }
  });

  it('reads an error of another copy of the SDK, with headers as a plain object', () => {
    const other = Object.assign(new Error('429 Slow down'), {
      status: 429,
      headers: { 'retry-after': '1' },
      requestID: 'req_1',
      error: undefined,
    });
    expect(verdict(toMessageStreamError(other))).toEqual(['rate_limited', true]);
  });
});

describe('toMessageStreamError and retry-after', () => {
  afterEach(() => vi.useRealTimers());

  it.each([
    [{ 'retry-after': '2' }, 2_000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': '-3' }, 0],
    [{ 'retry-after': 'Sat, 21 Nov 2026 10:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Sat, 21 Nov 2026 09:00:00 GMT' }, 0],
    [{ 'retry-after-ms': '250' }, 250],
    [{ 'retry-after-ms': '250', 'retry-after': '9' }, 250],
    [{ 'retry-after-ms': 'soon', 'retry-after': '9' }, 9_000],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '' }, undefined],
    [{ 'retry-after': 'Infinity' }, undefined],
    [{ 'retry-after-ms': 'Infinity' }, undefined],
    [{}, undefined],
  ])('%o is %s ms', (sent, expected) => {
    vi.useFakeTimers({ now: Date.UTC(2026, 10, 21, 10) });
    const cause = APIError.generate(429, undefined, 'x', headers(sent as Record<string, string>));
    expect(toMessageStreamError(cause).retryAfterMs).toBe(expected);
  });
});

describe('fromApiError and the errors in a stream', () => {
  // Typed so that an error type of the SDK that is missing here does not compile.
  const types: Record<ErrorType, Verdict> = {
    invalid_request_error: ['request', false],
    authentication_error: ['request', false],
    billing_error: ['request', false],
    permission_error: ['request', false],
    not_found_error: ['request', false],
    conflict_error: ['request', false],
    memory_precondition_failed_error: ['request', false],
    memory_path_conflict_error: ['request', false],
    rate_limit_error: ['rate_limited', true],
    timeout_error: ['api', true],
    api_error: ['api', true],
    overloaded_error: ['overloaded', true],
  };
  // As AWS writes them: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ResponseStream.html
  const exceptions: Record<string, Verdict> = {
    internalServerException: ['api', true],
    modelStreamErrorException: ['api', true],
    modelTimeoutException: ['api', true],
    serviceUnavailableException: ['overloaded', true],
    throttlingException: ['rate_limited', true],
    validationException: ['request', false],
  };
  const more: [string, Verdict][] = [
    ['request_too_large', ['request', false]],
    ['a_later_error', ['api', true]],
    ['constructor', ['api', true]],
  ];
  const all = [...Object.entries({ ...types, ...exceptions }), ...more];
  it.each(all)('%s', (errorType, expected) => {
    const error = fromApiError({ body: body(errorType) });
    expect(verdict(error)).toEqual(expected);
    expect(error).toMatchObject({ errorType, requestId: 'req_body', cause: body(errorType) });
    expect(error.message).toBe(`The API answered with an error (${errorType}): Said`);
    expect('status' in error).toBe(false);
  });

  // oxfmt-ignore
  const shapes: [title: string, body: unknown, message: RegExp, ...Verdict][] = [
    ['details: null', { type: 'error', error: { details: null, type: 'overloaded_error', message: 'Busy' } }, /Busy/, 'overloaded', true],
    ['error: null', { type: 'error', error: null }, /no message/, 'api', true],
    ['a text', 'upstream died', /upstream died/, 'api', true],
    ['an error that is a text', { error: 'upstream died' }, /upstream died/, 'api', true],
    ['a message at the top', { message: 'Too many tokens' }, /Too many tokens/, 'api', true],
    ["Google's shape", { error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'Quota' } }, /Quota/, 'rate_limited', true],
    ["a gateway's code that is a text", { error: { code: '429', message: 'Slow down' } }, /Slow down/, 'rate_limited', true],
    ['a code that is no text', { error: { code: { toString: 1 }, message: 'Odd' } }, /Odd/, 'api', true],
    ["Google's shape of a bad request", { error: { code: 400, status: 'INVALID_ARGUMENT', message: 'Bad' } }, /Bad/, 'request', false],
    ["a code that is no HTTP status", { error: { code: 7, message: 'Odd' } }, /Odd/, 'api', true],
    ['fields of wrong types', { type: 'error', error: { type: 5, message: {} } }, /no message/, 'api', true],
    ['nothing', undefined, /no message/, 'api', true],
  ];
  it.each(shapes)('whose body is or has %s', (_, answer, message, ...expected) => {
    const error = fromApiError({ body: answer });
    expect(verdict(error)).toEqual(expected);
    expect(error.message).toMatch(message);
  });

  it.each(Object.entries(exceptions))("as the Bedrock client's error for %s", (name, expected) => {
    // Its stream throws APIError.generate(undefined, undefined, 'ThrottlingException', headers).
    const message = name[0]!.toUpperCase() + name.slice(1);
    const cause = APIError.generate(undefined, undefined, message, headers());
    expect(cause).toBeInstanceOf(APIConnectionError);
    const error = toMessageStreamError(cause);
    expect(verdict(error)).toEqual(expected);
    expect(error).toMatchObject({ errorType: message, cause });
  });
});

describe("toMessageStreamError and the errors of the SDK's streams", () => {
  const START = '{"type":"message_start","message":{"id":"m","content":[],"usage":{}}}';
  const TOOL =
    '{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","input":{}}}';
  const BAD =
    '{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\'a\'"}}';
  const STOPS = '{"type":"content_block_stop","index":0}\n{"type":"message_stop"}';

  // oxfmt-ignore
  it.each([
    ['an error frame', () => read(event('error', JSON.stringify(body('overloaded_error')))), ['overloaded', true], /Said/],
    ['an error frame that is not JSON', () => read(event('error', 'upstream died')), ['api', true], /upstream died/],
    ['a stream that is empty', () => help(''), ['truncated', true], /without sending any chunks/],
    ['a stream that is cut', () => help(START), ['truncated', true], /without producing a Message/],
    ['data that is not JSON', () => help(`${START}\nx`), ['protocol', false], /JSON/],
    ['a tool input that is not JSON (beta)', () => help([START, TOOL, BAD, STOPS].join('\n'), BetaMessageStream), ['invalid_json', false], /tool parameter JSON/],
  ])('%s', async (_, run, expected, message) => {
    const cause = await thrown(run());
    const error = toMessageStreamError(cause);
    expect(verdict(error)).toEqual(expected);
    expect(error.message).toMatch(message as RegExp);
    expect(error.cause).toBe(cause);
  });

  it('keeps the request id of a stream with an error frame', async () => {
    const cause = await thrown(read(event('error', JSON.stringify(body('api_error')))));
    expect(toMessageStreamError(cause).requestId).toBe('req_1');
  });

  it('no credentials', async () => {
    const client = new Anthropic({ apiKey: null, authToken: null, baseURL: 'http://127.0.0.1:1' });
    const cause = await thrown(client.messages.create({ model: 'm', max_tokens: 1, messages: [] }));
    expect(verdict(toMessageStreamError(cause))).toEqual(['request', false]);
  });
});

describe('toMessageStreamError and a connection', () => {
  const LOST: Verdict = ['connection', true];
  const REFUSED: Verdict = ['connection', false];
  const LATE: Verdict = ['timeout', true];
  const ABORTED: Verdict = ['aborted', false];

  // oxfmt-ignore
  const cases: [title: string, error: unknown, ...Verdict][] = [
    ['SDK: connection', new APIConnectionError({ cause: fetchFailed(coded('ECONNREFUSED')) }), ...LOST],
    ['SDK: connection without a cause', new APIConnectionError({}), ...LOST],
    ['SDK: connection that timed out', new APIConnectionError({ cause: fetchFailed(coded('UND_ERR_CONNECT_TIMEOUT')) }), ...LATE],
    ['SDK: certificate', new APIConnectionError({ cause: fetchFailed(coded('CERT_HAS_EXPIRED')) }), ...REFUSED],
    ['SDK: timeout', new APIConnectionTimeoutError(), ...LATE],
    ['SDK: abort', new APIUserAbortError(), ...ABORTED],
    ['SDK: terminated, wrapped', Object.assign(new AnthropicError('terminated'), { cause: fetchFailed(coded('UND_ERR_SOCKET', 'other side closed', 'SocketError'), 'terminated') }), ...LOST],
    ['SDK: terminated, wrapped without a cause', new AnthropicError('terminated'), ...LOST],
    ['SDK: retryable, of a middleware', new RetryableError('again'), 'unknown', true],
    ['SDK: retryable, with a cause that is known', new RetryableError('again', { cause: coded('ECONNRESET') }), ...LOST],
    ['undici: socket', fetchFailed(coded('UND_ERR_SOCKET', 'other side closed', 'SocketError'), 'terminated'), ...LOST],
    ['undici: reset', fetchFailed(coded('ECONNRESET'), 'terminated'), ...LOST],
    ['undici: body timeout', fetchFailed(coded('UND_ERR_BODY_TIMEOUT', 'Body Timeout Error', 'BodyTimeoutError'), 'terminated'), ...LATE],
    ['undici: headers timeout', fetchFailed(coded('UND_ERR_HEADERS_TIMEOUT')), ...LATE],
    ['undici: aborted', coded('UND_ERR_ABORTED'), ...ABORTED],
    ['undici: response content length', fetchFailed(coded('UND_ERR_RES_CONTENT_LENGTH_MISMATCH'), 'terminated'), ...LOST],
    ['undici: HTTP parser', fetchFailed(coded('HPE_INVALID_CONSTANT')), ...LOST],
    ['Node: refused', fetchFailed(coded('ECONNREFUSED')), ...LOST],
    ['Node: refused on each address', fetchFailed(Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })), ...LOST],
    ['Node: no such host', fetchFailed(coded('ENOTFOUND')), ...LOST],
    ['Node: name server busy', fetchFailed(coded('EAI_AGAIN')), ...LOST],
    ['Node: connect timed out', fetchFailed(coded('ETIMEDOUT')), ...LATE],
    ['Node: socket timed out', coded('ESOCKETTIMEDOUT'), ...LATE],
    ['Node: no route', fetchFailed(coded('EHOSTUNREACH')), ...LOST],
    ['Node: network down', fetchFailed(coded('ENETDOWN')), ...LOST],
    ['Node: broken pipe', coded('EPIPE'), ...LOST],
    ['Node: TLS', fetchFailed(coded('EPROTO')), ...LOST],
    ['Node: premature close', coded('ERR_STREAM_PREMATURE_CLOSE'), ...LOST],
    ['Node: HTTP/2 stream', coded('ERR_HTTP2_STREAM_ERROR'), ...LOST],
    ['Node: certificate of another name', fetchFailed(coded('ERR_TLS_CERT_ALTNAME_INVALID')), ...REFUSED],
    ['Node: self-signed', fetchFailed(coded('DEPTH_ZERO_SELF_SIGNED_CERT')), ...REFUSED],
    ['Node: unknown issuer', fetchFailed(coded('UNABLE_TO_GET_ISSUER_CERT_LOCALLY')), ...REFUSED],
    ['Node: unverified', fetchFailed(coded('UNABLE_TO_VERIFY_LEAF_SIGNATURE')), ...REFUSED],
    ['Node: a certificate that cannot be read', fetchFailed(coded('UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY')), ...REFUSED],
    ['Node: not a URL', coded('ERR_INVALID_URL', 'Invalid URL', 'TypeError'), 'request', false],
    ['undici: bad argument', fetchFailed(coded('UND_ERR_INVALID_ARG')), 'request', false],
    ['Chromium: fetch', new TypeError('Failed to fetch'), ...LOST],
    ['Chromium: body', new TypeError('network error'), ...LOST],
    ['Firefox: fetch', new TypeError('NetworkError when attempting to fetch resource.'), ...LOST],
    ['Firefox: body', new TypeError('Error in input stream'), ...LOST],
    ['Safari: fetch', new TypeError('Load failed'), ...LOST],
    ['Safari: body', new TypeError('The network connection was lost.'), ...LOST],
    ['Deno: fetch', new TypeError('error sending request for url (https://api.anthropic.com/): client error (Connect)'), ...LOST],
    ['DOMException: AbortError', new DOMException('This operation was aborted', 'AbortError'), ...ABORTED],
    ['DOMException: TimeoutError', new DOMException('The operation timed out', 'TimeoutError'), ...LATE],
    ['rxjs: TimeoutError', new TimeoutError(), ...LATE],
    ['a code five causes down', deep(5, coded('ECONNRESET')), 'unknown', false],
    ['a code four causes down', deep(4, coded('ECONNRESET')), ...LOST],
    ["a user's own TypeError", new TypeError("Cannot read properties of undefined (reading 'x')"), 'unknown', false],
    ["a user's own error that speaks of a lost connection", new Error('fetch failed'), 'unknown', false],
    ["a user's own error with a code", coded('E_MINE'), 'unknown', false],
    ["a user's own error that is its own cause", selfCaused(), 'unknown', false],
    ['an error of another realm', runInNewContext("new TypeError('Failed to fetch')"), ...LOST],
    ['an error of another realm with a cause', runInNewContext("Object.assign(new Error('x'), { cause: Object.assign(new Error('y'), { code: 'ECONNRESET' }) })"), ...LOST],
  ];
  it.each(cases)('%s', (_, cause, ...expected) => {
    const error = toMessageStreamError(cause);
    expect(verdict(error)).toEqual(expected);
    expect(error.cause).toBe(cause);
    expect(error.message).toContain((cause as Error).message);
  });

  it('has no name if there is no code', () => {
    const error = toMessageStreamError(new APIUserAbortError());
    expect(error.message).toBe('The reply was aborted: Request was aborted.');
  });

  it('says the code of the platform', () => {
    const error = toMessageStreamError(fetchFailed(coded('ECONNREFUSED')));
    expect(error.message).toBe('The connection was lost: fetch failed (ECONNREFUSED)');
  });

  describe('of this platform', () => {
    it.each<[title: string, listener: RequestListener, ...Verdict]>([
      ['a socket that is closed before the headers', (_, response) => response.destroy(), ...LOST],
      [
        'a socket that is closed in the body',
        (_, response) => {
          response.writeHead(200);
          response.write('x', () => response.destroy());
        },
        ...LOST,
      ],
      [
        'a socket that is reset in the body',
        (_, response) => {
          response.writeHead(200);
          response.write('x', () => response.socket?.resetAndDestroy());
        },
        ...LOST,
      ],
    ])('%s', async (_, listener, ...expected) => {
      const server = createServer(listener).listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as AddressInfo;
      const cause = await fetch(`http://127.0.0.1:${port}`)
        .then((response) => response.text())
        .catch((error) => error);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      expect(cause).toBeInstanceOf(TypeError);
      expect(verdict(toMessageStreamError(cause))).toEqual(expected);
    });

    it('a port where nobody listens', async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as AddressInfo;
      await new Promise((resolve) => server.close(resolve));
      const cause = await fetch(`http://127.0.0.1:${port}`).catch((error) => error);
      expect(verdict(toMessageStreamError(cause))).toEqual(LOST);
    });

    it('a fetch that is aborted', async () => {
      const cause = await fetch('http://127.0.0.1:1', { signal: AbortSignal.abort() }).catch(
        (error) => error,
      );
      expect(verdict(toMessageStreamError(cause))).toEqual(ABORTED);
    });

    it('an invalid URL', async () => {
      const cause = await fetch('http://').catch((error) => error);
      expect(verdict(toMessageStreamError(cause))).toEqual(['request', false]);
    });

    it("rxjs' timeout", async () => {
      const cause = await firstValueFrom(NEVER.pipe(timeout(1))).catch((error) => error);
      expect(verdict(toMessageStreamError(cause))).toEqual(LATE);
    });

    it("rxjs' EmptyError, which is unknown", async () => {
      const cause = await firstValueFrom(EMPTY).catch((error) => error);
      expect(verdict(toMessageStreamError(cause))).toEqual(['unknown', false]);
    });
  });
});

describe('toMessageStreamError and values that are not errors', () => {
  const bare = Object.create(null) as object;
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  it.each([
    ['a text', 'gone', /: gone$/],
    ['undefined', undefined, /: undefined$/],
    ['null', null, /: null$/],
    ['a number', 7, /: 7$/],
    ['a symbol', Symbol('gone'), /gone/],
    ['a bigint', 7n, /: 7$/],
    ['an object', { code: 5, own: 1 }, /: an object { code: 5, own }$/],
    ['an object without a prototype', bare, /: an object {  }$/],
    ['an object that JSON cannot say', cyclic, /an object { self }$/],
    ['an object that only has a name', { name: 'AbortError' }, /AbortError/],
  ])('%s', (_, cause, message) => {
    const error = toMessageStreamError(cause);
    expect(verdict(error)).toEqual(['unknown', false]);
    expect(error.message).toMatch(message);
    expect(error.cause).toBe(cause);
  });

  it('an error frame that somebody throws', () => {
    const error = toMessageStreamError(body('overloaded_error'));
    expect(error).toMatchObject({
      code: 'overloaded',
      errorType: 'overloaded_error',
      requestId: 'req_body',
    });
  });
});

describe('toMessageStreamError and its context', () => {
  const partial = { id: 'msg_1' } as never;

  it('gives an unrecognised error the code of the context', () => {
    expect(verdict(toMessageStreamError(new Error('x'), { otherwise: 'connection' }))).toEqual([
      'connection',
      true,
    ]);
    expect(verdict(toMessageStreamError('x', { otherwise: 'protocol' }))).toEqual([
      'protocol',
      false,
    ]);
    const known = toMessageStreamError(new APIUserAbortError(), { otherwise: 'connection' });
    expect(known.code).toBe('aborted');
  });

  it('adds partial and request id if the error has none', () => {
    const cause = new APIUserAbortError();
    expect(toMessageStreamError(cause, { partial, requestId: 'req_2' })).toMatchObject({
      partial,
      requestId: 'req_2',
    });
    const known = APIError.generate(529, undefined, 'x', headers());
    expect(toMessageStreamError(known, { requestId: 'req_2' }).requestId).toBe('req_1');
  });

  it('returns a MessageStreamError unchanged', () => {
    const error = new MessageStreamError('x', { code: 'truncated', partial, requestId: 'req_1' });
    expect(toMessageStreamError(error)).toBe(error);
    expect(toMessageStreamError(error, { partial: () => undefined, requestId: 'req_2' })).toBe(
      error,
    );
  });
});

describe('truncation', () => {
  it('is retryable, and has the known fields', () => {
    const partial = { id: 'msg_1' } as never;
    const error = truncation({ partial, requestId: 'req_1' });
    expect(verdict(error)).toEqual(['truncated', true]);
    expect(error).toMatchObject({ partial, requestId: 'req_1' });
    expect(error.message).toMatch(/ended before message_stop/);
  });
});

describe('fromAbort', () => {
  it.each([
    ['without a reason', AbortSignal.abort(), 'The reply was aborted: This operation was aborted'],
    ['with a text', AbortSignal.abort('user left'), 'The reply was aborted: user left'],
    [
      'with an error',
      AbortSignal.abort(new Error('user left')),
      'The reply was aborted: user left',
    ],
    ['with null', AbortSignal.abort(null), 'The reply was aborted'],
    ['with an object', AbortSignal.abort({ why: 1 }), 'The reply was aborted'],
    ['with an empty text', AbortSignal.abort(''), 'The reply was aborted'],
    ['that has not fired', new AbortController().signal, 'The reply was aborted'],
  ])('of a signal %s', (_, signal, message) => {
    const error = fromAbort(signal);
    expect(verdict(error)).toEqual(['aborted', false]);
    expect(error.message).toBe(message);
    expect(error.cause).toBe(signal.reason);
  });

  it('of a signal that timed out', async () => {
    const signal = AbortSignal.timeout(1);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    expect(fromAbort(signal)).toMatchObject({ code: 'aborted', cause: { name: 'TimeoutError' } });
  });
});

it('takes an error that cannot be read, and says so', () => {
  const fails = (): never => {
    throw new Error('read');
  };
  let deep: unknown = 'error';
  for (let level = 0; level < 100_000; level++) deep = { error: deep };
  const unreadable = [
    Object.defineProperty(new Error('x'), 'message', { get: fails }),
    Object.defineProperty(new Error('x'), 'cause', { get: fails }),
    new Proxy({}, { get: fails, getPrototypeOf: fails, ownKeys: fails }),
    Object.assign(new Error('x'), { status: 429, requestID: 'a', headers: { get: fails } }),
    deep,
  ];
  for (const error of unreadable) {
    const { code, cause } = toMessageStreamError(error);
    expect([code, cause === error]).toEqual(['unknown', true]);
  }
});
