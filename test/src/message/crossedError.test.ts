import { fromResponse, MessageStreamError, messageState, toMessageStreamError } from 'claude-rx';
import { lastValueFrom, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';

const error = new MessageStreamError('Overloaded', {
  code: 'overloaded',
  retryAfterMs: 700,
  requestId: 'req_1',
  status: 529,
  errorType: 'overloaded_error',
  attempts: 3,
});
const json = error.toJSON() as Record<string, unknown>;
const parsed = JSON.parse(JSON.stringify(error)) as Record<string, unknown>;
const same = {
  message: 'Overloaded',
  code: 'overloaded',
  retryable: true,
  retryAfterMs: 700,
  requestId: 'req_1',
  status: 529,
  errorType: 'overloaded_error',
  attempts: 3,
};
const partial = { id: 'msg_1', content: [{ type: 'text', text: 'Hi' }] };

describe('an error that crossed a boundary as JSON', () => {
  it.each<[string, unknown]>([
    ['JSON', parsed],
    ['structuredClone of its JSON', structuredClone(json)],
    ['text', JSON.stringify(error)],
    ['a field `error`', { error: parsed }],
    ['fields `error` in one another', { status: 500, error: { error: parsed } }],
    ['further fields', { ...parsed, hostname: 'a', error: null, toString: 1 }],
    ['another name', { ...parsed, name: 'Error' }],
    ['an error of another copy of the package', Object.assign(new Error('Overloaded'), parsed)],
  ])('is understood through %s', async (_, wire) => {
    const understood = toMessageStreamError(wire);
    expect(understood).toBeInstanceOf(MessageStreamError);
    expect(understood).toMatchObject(same);
    const last = await lastValueFrom(throwError(() => wire).pipe(messageState()));
    expect(last.error).toMatchObject(same);
  });

  it('has its partial if that was sent', () => {
    expect(toMessageStreamError({ ...parsed, partial }).partial).toEqual(partial);
    expect(toMessageStreamError({ error: { ...parsed, partial } }).partial).toEqual(partial);
    expect(toMessageStreamError({ ...parsed, partial: 'Hi' }).partial).toBeUndefined();
  });

  it('ignores fields of the wrong type', () => {
    const wire = { ...parsed, retryable: 'no', retryAfterMs: '7', status: null, requestId: 3 };
    expect(toMessageStreamError(wire)).toMatchObject({ code: 'overloaded', retryable: true });
    for (const field of ['retryAfterMs', 'status', 'requestId']) {
      expect(toMessageStreamError(wire)).not.toHaveProperty(field);
    }
    expect(toMessageStreamError({ ...parsed, retryAfterMs: -5 })).not.toHaveProperty(
      'retryAfterMs',
    );
  });

  it('keeps a code that only a later version knows', () => {
    const later = { ...parsed, code: 'quota', retryable: false };
    expect(toMessageStreamError(later)).toMatchObject({ code: 'quota', retryable: false });
  });

  it.each<[string, unknown]>([
    ['an error of the platform', { name: 'Error', message: 'x', code: 'ENOENT' }],
    ['an object with a code alone', { message: 'x', code: 'overloaded' }],
    ['an object whose code is no text', { name: 'MessageStreamError', message: 'x', code: 3 }],
    ['an object that holds itself', Object.assign({} as { error?: unknown }, { error: {} })],
  ])('is not seen in %s', (_, wire) => {
    expect(toMessageStreamError(wire).code).toBe('unknown');
  });

  it.each<[string, unknown]>([
    ['an event', { type: 'error', error: { type: 'overloaded_error', message: 'Busy' } }],
    ['its JSON', '{"type":"error","error":{"type":"overloaded_error","message":"Busy"}}'],
    [
      'in a field',
      { error: { type: 'error', error: { type: 'overloaded_error', message: 'Busy' } } },
    ],
    ['without its event', { error: { type: 'overloaded_error', message: 'Busy' } }],
  ])('is understood where the API reported it: %s', (_, wire) => {
    expect(toMessageStreamError(wire)).toMatchObject({ code: 'overloaded', retryable: true });
  });
});

describe('the status of a response', () => {
  const TYPES = [
    'invalid_request_error',
    'authentication_error',
    'billing_error',
    'permission_error',
    'not_found_error',
    'request_too_large',
    'conflict_error',
    'rate_limit_error',
    'timeout_error',
    'api_error',
    'overloaded_error',
    'new_error',
    undefined,
  ];
  // oxfmt-ignore
  const CLASSES: [statuses: number[], code: string, retryable: boolean][] = [
    [[400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 451, 499], 'request', false],
    [[408], 'timeout', true],
    [[409], 'request', true],
    [[429], 'rate_limited', true],
    [[503, 529], 'overloaded', true],
    [[500, 501, 502, 504, 520, 524, 599], 'api', true],
  ];
  const cases = CLASSES.flatMap(([statuses, code, retryable]) =>
    statuses.map((status) => [status, code, retryable] as const),
  );
  it.each(cases)('%i is %s, whatever the type of the error is', async (status, code, retryable) => {
    for (const type of TYPES) {
      const body = JSON.stringify({ type: 'error', error: { type, message: 'x' } });
      const headers = { 'content-type': 'application/json' };
      const response = new Response(body, { status, headers });
      const last = await lastValueFrom(fromResponse(response).pipe(messageState()));
      const refined = code === 'api' && type === 'overloaded_error' ? type : code;
      const expected = refined === 'overloaded_error' ? 'overloaded' : refined;
      expect([type, last.error?.code, last.error?.retryable]).toEqual([type, expected, retryable]);
    }
  });

  it('decides also where there is no body', async () => {
    const last = await lastValueFrom(
      fromResponse(new Response(null, { status: 503 })).pipe(messageState()),
    );
    expect(last.error).toMatchObject({ code: 'overloaded', retryable: true, status: 503 });
  });
});

describe('a connection that never opened', () => {
  it.each<[string, Error]>([
    ['Node', new TypeError('fetch failed')],
    ['workerd', new Error('Network connection lost.')],
    ['workerd, without a reason', new Error('internal error; reference = abc')],
    ['Bun', Object.assign(new Error('Unable to connect'), { code: 'ConnectionRefused' })],
    ['React Native', new TypeError('Network request failed')],
    ['Deno', new TypeError('error sending request for url (http://127.0.0.1:9/)')],
    ['Firefox', new TypeError('NetworkError when attempting to fetch resource.')],
  ])('is `connection` on %s', async (_, thrown) => {
    const reply = fromResponse(() => Promise.reject(thrown)).pipe(messageState());
    expect((await lastValueFrom(reply)).error).toMatchObject({
      code: 'connection',
      retryable: true,
    });
  });

  it('says what to do if a body cannot be streamed', async () => {
    const native = {
      ok: true,
      status: 200,
      headers: new Headers(),
      text: () => Promise.resolve(''),
    };
    const reply = fromResponse(() => native as Response).pipe(messageState());
    expect((await lastValueFrom(reply)).error?.message).toMatch(/React Native.*expo\/fetch/);
  });

  it('has the request id of Bedrock', async () => {
    const headers = { 'x-amzn-requestid': 'amzn-1' };
    const reply = fromResponse(new Response('{}', { status: 500, headers })).pipe(messageState());
    expect((await lastValueFrom(reply)).error?.requestId).toBe('amzn-1');
  });
});
