import { fromResponse, type MessageStreamError } from 'claude-rx';
import { httpError, messageEvents, MessagesServer, type ReplyScript } from 'claude-rx/testing';
import { lastValueFrom } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { NestService, until } from './nestService.ts';

/** A line that telemetry.ts of the example prints. */
interface PrintedSpan {
  span: string;
  kind: string;
  status: 'OK' | 'UNSET' | 'ERROR';
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  attributes: Record<string, unknown>;
}

const telemetry = new URL('../../examples/nest-service/dist/telemetry.js', import.meta.url);
const hello = [...messageEvents.text('Hello wide world', { chunk: 4 })];
const stall = { kind: 'stall', beforeEvent: 4 } as const;

let server: MessagesServer;
let service: NestService;
/** How much of the log the tests before this one have read. */
let read = 0;

beforeAll(async () => {
  server = await MessagesServer.start();
  service = await NestService.start({
    ANTHROPIC_API_KEY: 'sk-test',
    ANTHROPIC_BASE_URL: server.url,
    LIVENESS_MS: '1000',
    NODE_OPTIONS: `--import ${telemetry.href}`,
  });
});
afterAll(async () => {
  await service.stop();
  await server.close();
});
afterEach(async () => {
  await server.idle();
  expect(await service.openReplies()).toBe(0);
});

/** The spans of this test, when there are so many; without those of the checks after a test. */
async function spans(count: number): Promise<PrintedSpan[]> {
  let all: PrintedSpan[] = [];
  await until(() => {
    const lines = service.log.slice(read).split('\n');
    all = lines
      .filter((line) => line.startsWith('{"span"'))
      .map((line) => JSON.parse(line) as PrintedSpan)
      .filter(({ attributes }) => attributes['url.path'] !== '/health');
    return all.length >= count;
  });
  read = service.log.length;
  expect(all).toHaveLength(count);
  return all;
}

const ask = (init: RequestInit = {}) => fetch(`${service.url}/api/ask?prompt=Hi`, init);
const post = ({ headers, ...init }: RequestInit = {}) =>
  fetch(`${service.url}/api/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(headers as Record<string, string>) },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }] }),
    ...init,
  });

/** The route that sends by `toMessageEvents`, and the one that sends by `pipeToResponse`. */
const routes = [
  ['GET', '/api/ask', ask],
  ['POST', '/api/chat', post],
] as const;

type Ending = readonly [
  name: string,
  reply: ReplyScript,
  code: string | undefined,
  chat: Partial<PrintedSpan>,
  sdk: Partial<PrintedSpan>,
];
const failed = (type: string) => ({
  status: 'ERROR' as const,
  attributes: { 'error.type': type, 'claude_rx.outcome': 'error' },
});
const endings: Ending[] = [
  [
    'a whole reply',
    { events: hello },
    undefined,
    { status: 'OK', attributes: { 'claude_rx.outcome': 'complete' } },
    { status: 'OK', attributes: { 'anthropic.message.stop_reason': 'end_turn' } },
  ],
  [
    'an error frame',
    { events: hello, fault: { kind: 'error', beforeEvent: 4 } },
    'overloaded',
    failed('overloaded_error'),
    { status: 'ERROR', attributes: { 'error.type': 'overloaded_error' } },
  ],
  [
    'an HTTP error',
    httpError(400),
    'request',
    failed('invalid_request_error'),
    { status: 'ERROR', attributes: { 'error.type': 'invalid_request_error' } },
  ],
  [
    'an end before message_stop',
    { events: hello, fault: { kind: 'end', beforeEvent: 4 } },
    'truncated',
    failed('truncated'),
    { status: 'ERROR', attributes: { 'error.type': 'api_error' } },
  ],
  [
    'a lost connection',
    { events: hello, fault: { kind: 'rst', beforeEvent: 4 } },
    'connection',
    failed('connection'),
    { status: 'ERROR', attributes: { 'error.type': 'client_error' } },
  ],
  ['a silence', { events: hello, fault: stall }, 'timeout', failed('timeout'), { status: 'UNSET' }],
];

/** The spans of one request to the service: each is the parent of the next. */
function chain(
  all: readonly PrintedSpan[],
): [http: PrintedSpan, chat: PrintedSpan, sdk: PrintedSpan] {
  const [http, chat, sdk] = ['SERVER', 'chat', 'anthropic'].map((start) =>
    all.find(({ span, kind }) => kind === start || span.startsWith(start)),
  );
  expect([chat!.parentSpanId, sdk!.parentSpanId]).toEqual([http!.spanId, chat!.spanId]);
  expect(new Set(all.map(({ traceId }) => traceId)).size).toBe(1);
  return [http!, chat!, sdk!];
}

describe.each(routes)('%s %s, traced', (method, path, request) => {
  it.each(endings)('has the spans of %s', async (_, reply, code, expected, expectedOfSdk) => {
    server.reply(reply);
    const error = await lastValueFrom(fromResponse(await request())).then(
      () => undefined,
      (thrown: MessageStreamError) => thrown,
    );
    expect(error?.code).toBe(code);
    const [http, chat, sdk] = chain(await spans(3));
    expect(http).toMatchObject({
      span: method,
      attributes: { 'url.path': path, 'http.response.status_code': 200 },
    });
    expect(chat).toMatchObject({ kind: 'CLIENT', ...expected });
    expect(sdk).toMatchObject({ kind: 'CLIENT', ...expectedOfSdk });
  });

  it('leaves the status unset when the reader leaves', async () => {
    server.reply({ events: hello, pace: 5, fault: { ...stall, beforeEvent: 6 } });
    const leaving = new AbortController();
    const response = await request({ signal: leaving.signal });
    await response.body!.getReader().read();
    leaving.abort();
    const [, chat, sdk] = chain(await spans(3));
    expect(chat).toMatchObject({
      status: 'UNSET',
      attributes: { 'claude_rx.outcome': 'unsubscribed' },
    });
    expect(chat.attributes).not.toHaveProperty('error.type');
    expect(sdk.status).toBe('UNSET');
  });
});

it('two replies at once continue the traces of their readers, and do not mix', async () => {
  server.reply({ events: hello, pace: 5 }, { events: hello, pace: 5, fault: stall });
  const traces = ['a', 'b'].map((digit) => digit.repeat(32));
  const before = server.requests.length;
  await Promise.all(
    [ask, post].map(async (request, n) => {
      const headers = { traceparent: `00-${traces[n]}-${'c'.repeat(16)}-01` };
      await (await request({ headers })).text();
    }),
  );
  const all = await spans(6);
  const chains = traces.map((id) => chain(all.filter(({ traceId }) => traceId === id)));
  expect(chains.map(([http]) => http.parentSpanId)).toEqual(['c'.repeat(16), 'c'.repeat(16)]);
  expect(chains.map(([, chat]) => chat.status).toSorted()).toEqual(['ERROR', 'OK']);
  // Each request to the API names the SDK's span of its own trace.
  const sent = server.requests.slice(before).map(({ headers }) => headers['traceparent']);
  const own = chains.map(([, , { traceId, spanId }]) => `00-${traceId}-${spanId}-01`);
  expect(sent.toSorted()).toEqual(own.toSorted());
});
