import http, { type ClientRequest } from 'node:http';
import Anthropic from '@anthropic-ai/sdk';
import {
  finalMessage,
  fromMessages,
  fromResponse,
  MessageBuilder,
  type MessageOf,
  type StreamEvent,
} from 'claude-rx';
import {
  httpError,
  messageEvents,
  MessagesServer,
  type Fault,
  type MessageEvents,
  type Reply,
} from 'claude-rx/testing';
import { lastValueFrom, retry } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeEvent } from '../../../src/sse/encodeEvent.ts';
import { checkedReply } from '../../../src/testing/Reply.ts';
import { headerSteps, replySteps } from '../../../src/testing/replySteps.ts';
import type { Step } from '../../../src/testing/Step.ts';

const params = {
  model: 'claude-opus-5-5',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};
const hello = messageEvents.text('Hello world', { chunk: 3 }).with({ id: 'msg_1' });
const HELLO = [...hello].length;

function* endless(): Generator<StreamEvent> {
  for (;;) yield { type: 'ping' };
}

function never(): AsyncIterator<StreamEvent> {
  return { next: () => new Promise(() => {}) };
}

let server: MessagesServer;
let client: Anthropic;
let before: string[];

beforeEach(async () => {
  before = resources();
  server = await MessagesServer.start();
  client = new Anthropic({ apiKey: 'test', baseURL: server.url, maxRetries: 0, logLevel: 'off' });
});

afterEach(async () => {
  vi.useRealTimers();
  await server.close();
  expect(server.openSockets).toBe(0);
  expect(server.requests.map(({ outcome }) => outcome)).not.toContain('pending');
  while (leftOver(before).length > 0) await new Promise((resolve) => setImmediate(resolve));
});

const resources = () => process.getActiveResourcesInfo().filter((name) => /TCP|Timeout/.test(name));

/** The resources that exist now and did not exist before the test. */
function leftOver(known: readonly string[]): string[] {
  const unseen = [...known];
  return resources().filter((name) => {
    const index = unseen.indexOf(name);
    if (index >= 0) unseen.splice(index, 1);
    return index < 0;
  });
}

function post(body: unknown = { ...params, stream: true }, signal?: AbortSignal) {
  return fetch(`${server.url}/v1/messages`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(signal && { signal }),
  });
}

/** The body as far as it was received, its pieces, and the error that ended it. */
async function read(response: Response) {
  const pieces: Uint8Array[] = [];
  let error: (Error & { cause?: { code?: string } }) | undefined;
  const reader = response.body!.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      pieces.push(next.value);
    }
  } catch (reason) {
    error = reason as typeof error;
  }
  return { text: Buffer.concat(pieces).toString(), pieces, error, code: error?.cause?.code };
}

const answer = async (reply: Reply) => {
  server.reply(reply);
  return read(await post());
};

const encoded = (events: Iterable<StreamEvent>) =>
  [...events].map((event) => encodeEvent(event)).join('');

function built(events: Iterable<StreamEvent>): MessageOf<StreamEvent> {
  const builder = new MessageBuilder();
  for (const event of events) builder.push(event);
  return builder.message!;
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Not `expect.poll`, which advances fake timers. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe('MessagesServer and the SDK', () => {
  const replies: Record<string, MessageEvents> = {
    'a text': hello,
    'nothing at all': messageEvents,
    'thinking, text and two tool calls': messageEvents
      .thinking('Let me think.')
      .ping()
      .text('I will look. ')
      .toolUse('weather', { city: 'München', days: [1, 2] }, { chunk: 1 })
      .toolUse('now'),
    'a server tool with citations': messageEvents
      .redactedThinking('c2VjcmV0')
      .serverToolUse('web_search', { query: 'rx' })
      .block({
        type: 'web_search_tool_result',
        tool_use_id: 'srvtoolu_1',
        caller: { type: 'direct' },
        content: [],
      })
      .text('As said.', {
        citations: [
          {
            type: 'web_search_result_location',
            cited_text: 'said',
            encrypted_index: 'x',
            title: null,
            url: 'https://example.org',
          },
        ],
      })
      .with({
        model: 'claude-haiku-5-5',
        usage: {
          input_tokens: 412,
          cache_read_input_tokens: 9,
          server_tool_use: { web_search_requests: 1, web_fetch_requests: 0 },
          output_tokens_details: { thinking_tokens: 3 },
        },
      }),
    'a refusal': messageEvents.text('I').with({
      stopDetails: { type: 'refusal', category: 'bio', explanation: 'No.' },
    }),
    'a stop sequence': messageEvents.text('1, 2').with({ stopSequence: ', 3' }),
  };

  it.each(Object.entries(replies))('agree about %s, streamed and whole', async (_, one) => {
    // Else the server would number them.
    const reply = one.with({ id: 'msg_1' });
    server.reply(reply, reply, reply, reply);
    const message = built(reply);
    const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;
    expect(plain(await client.messages.stream(params).finalMessage())).toStrictEqual({
      ...message,
      parsed_output: null,
    });
    expect(plain(await client.messages.create(params))).toStrictEqual(message);
    expect(plain(await client.beta.messages.stream(params).finalMessage())).toMatchObject(message);
    expect(plain(await client.beta.messages.create(params))).toMatchObject(message);
  });

  it('may send beta requests as older versions of it do', async () => {
    server.reply(hello);
    const response = await fetch(`${server.url}/v1/messages?beta=true`, {
      method: 'POST',
      body: JSON.stringify(params),
    });
    expect(await response.json()).toEqual(built(hello));
    expect(server.requests[0]?.path).toBe('/v1/messages?beta=true');
  });

  it('receive the events unchanged', async () => {
    server.reply(hello);
    const stream = await client.messages.create({ ...params, stream: true });
    const events: unknown[] = [];
    for await (const event of stream) events.push(event);
    expect(events).toStrictEqual([...hello]);
  });

  it('use one connection for request after request', async () => {
    server.reply(hello, hello, httpError(400), hello);
    // The client has the response slightly before it counts the connection as free.
    const settled = async (call: Promise<unknown>) => {
      await call.catch(() => {});
      await server.idle();
      await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await settled(client.messages.stream(params).done());
    await settled(client.messages.create(params));
    await settled(client.messages.create(params));
    await settled(client.messages.stream(params).done());
    expect(server.requests).toHaveLength(4);
    expect(server.socketsOpened).toBe(1);
    expect(server.openSockets).toBe(1);
  });

  it('wait as long as a retry-after header says, and try again', async () => {
    server.reply(httpError(429, { retryAfter: 0.01 }), httpError(529, { retryAfter: 0.01 }), hello);
    const message = await client.messages.stream(params, { maxRetries: 2 }).finalMessage();
    expect(message).toMatchObject(built(hello));
    expect(server.requests.map(({ headers }) => headers['x-stainless-retry-count'])).toEqual([
      '0',
      '1',
      '2',
    ]);
  });

  it('turn HTTP errors into typed ones, with the request id', async () => {
    server.reply(httpError(529, { message: 'Too much', fields: { details: null } }));
    const error: unknown = await client.messages.create(params).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      status: 529,
      type: 'overloaded_error',
      requestID: 'req_1',
      error: {
        type: 'error',
        error: { type: 'overloaded_error', message: 'Too much', details: null },
        request_id: 'req_1',
      },
    });
  });
});

describe('MessagesServer', () => {
  it('keeps the received requests', async () => {
    server.reply(hello);
    await client.messages.stream(params, { headers: { 'X-Own': 'a' } }).done();
    await server.idle();
    expect(server.requests).toHaveLength(1);
    const [request] = server.requests;
    expect(request).toMatchObject({
      method: 'POST',
      path: '/v1/messages',
      body: { ...params, stream: true },
      headers: { 'x-own': 'a', authorization: 'Bearer test', 'content-type': 'application/json' },
      id: 'req_1',
      eventsSent: HELLO,
      bytesSent: encoded(hello).length,
      outcome: 'complete',
    });
    expect(await request?.finished).toBe('complete');
  });

  it('answers with the headers of the API', async () => {
    server.reply(hello, { events: hello, headers: { 'X-Own': 'a', 'Content-Type': 'text/plain' } });
    const response = await post();
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('request-id')).toBe('req_1');
    const other = await post();
    expect(other.headers.get('content-type')).toBe('text/plain');
    expect(other.headers.get('x-own')).toBe('a');
    await Promise.all([read(response), read(other)]);
  });

  it.each([
    ['GET', '/v1/messages'],
    ['POST', '/v1/message'],
    ['POST', '/'],
  ])('answers %s %s with 404', async (method, path) => {
    const response = await fetch(server.url + path, { method });
    expect(response.status).toBe(404);
    expect(response.headers.get('request-id')).toBe('req_1');
    expect(await response.json()).toStrictEqual({
      type: 'error',
      error: { type: 'not_found_error', message: 'Not Found' },
      request_id: 'req_1',
    });
  });

  it.each([
    ['{', /not valid JSON/],
    ['null', /not valid JSON/],
    [{ ...params, model: undefined }, /^model: Field required/],
    [{ ...params, max_tokens: undefined }, /^max_tokens: Field required/],
    [{ ...params, messages: undefined }, /^messages: Field required/],
    [{ ...params, messages: 'Hi' }, /^messages: Input should be a valid list/],
    [{ ...params, model: 1 }, /^model: /],
    [{ ...params, max_tokens: 'many' }, /^max_tokens: /],
    [{ ...params, stream: 'yes' }, /^stream: /],
  ])('refuses the body %j, and keeps the reply for a better one', async (body, message) => {
    server.reply(hello);
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      type: 'error',
      error: { type: 'invalid_request_error', message: expect.stringMatching(message) as string },
    });
    expect((await read(await post())).text).toBe(encoded(hello));
  });

  it('answers 500 without a retry if it has no reply', async () => {
    const retrying = new Anthropic({ apiKey: 'test', baseURL: server.url });
    const error: unknown = await retrying.messages
      .create(params)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ status: 500, type: 'api_error' });
    expect(String(error)).toContain('has no reply for request 1');
    expect(server.requests).toHaveLength(1);
  });

  it('computes replies once the queue is empty', async () => {
    server.reply(messageEvents.text('first')).handle(async ({ body }, index) => {
      await Promise.resolve();
      return messageEvents.text(`${index}: ${body.messages[0].content}`);
    });
    const texts = [];
    for (let count = 0; count < 3; count++) {
      const { content } = await client.messages.create(params);
      texts.push(content[0]?.type === 'text' && content[0].text);
    }
    expect(texts).toEqual(['first', '1: Hi', '2: Hi']);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no idea');
      },
      'no idea',
    ],
    ['rejects', () => Promise.reject(new Error('no idea')), 'no idea'],
    ['gives nonsense', () => ({ pase: 3 }) as Reply, "unknown field 'pase'"],
    ['gives nothing', () => undefined as never, 'A reply must be an iterable'],
  ])(
    'answers 500 when the handler %s',
    async (_, handler: () => Reply | Promise<Reply>, message) => {
      const response = await read(await (server.handle(handler), post()));
      expect(response.text).toContain(message);
      await server.idle();
      expect(server.requests[0]?.error).toBeInstanceOf(Error);
    },
  );

  it('cuts the connection when the events throw in the middle', async () => {
    const error = new Error('test bug');
    const { text, error: failure } = await answer({
      events: (function* () {
        yield { type: 'ping' };
        throw error;
      })(),
    });
    expect(failure).toBeInstanceOf(TypeError);
    expect('event: ping\ndata: {"type":"ping"}\n\n').toContain(text);
    expect(server.requests[0]).toMatchObject({ outcome: 'faulted', error });
  });

  it('needs a message to answer a request that does not stream', async () => {
    server.reply([{ type: 'ping' }]);
    await expect(client.messages.create(params)).rejects.toThrow(/message_start/);
  });

  it('sends asynchronous events as they come', async () => {
    let release!: () => void;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const reply = (async function* () {
      yield { type: 'ping' };
      await gate;
      yield { type: 'message_stop' };
    })();
    server.reply({ events: reply });
    const response = await post();
    const reader = response.body!.getReader();
    const first = await reader.read();
    expect(Buffer.from(first.value!).toString()).toContain('ping');
    expect(server.requests[0]).toMatchObject({ eventsSent: 1, outcome: 'pending' });
    release();
    expect(Buffer.from((await reader.read()).value!).toString()).toContain('message_stop');
    expect((await reader.read()).done).toBe(true);
  });

  it('stops asynchronous events when the client leaves', async () => {
    let returned = false;
    const events: AsyncIterable<{ type: string }> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: () => {
          returned = true;
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    };
    const controller = new AbortController();
    server.reply({ events });
    await post(undefined, controller.signal);
    controller.abort();
    await until(() => returned);
    expect(await server.requests[0]?.finished).toBe('client-left');
  });

  it('writes the dialects of other servers', async () => {
    const { text } = await answer({ events: hello, lineEnding: '\r\n', omitEventLine: true });
    const dialect = { lineEnding: '\r\n', eventLine: false } as const;
    expect(text).toBe([...hello].map((event) => encodeEvent(event, dialect)).join(''));
  });

  it('sends a raw body, and any value as JSON', async () => {
    server.reply({ body: 'data: x\n\n' }, { body: new Uint8Array([0xff]) }, { body: { a: 1 } });
    const raw = await post();
    expect(raw.headers.get('content-type')).toContain('event-stream');
    expect(await raw.text()).toBe('data: x\n\n');
    expect(new Uint8Array(await (await post()).arrayBuffer())).toEqual(new Uint8Array([0xff]));
    const json = await post();
    expect(json.headers.get('content-type')).toBe('application/json');
    expect(await json.json()).toEqual({ a: 1 });
  });

  it('writes event by event', async () => {
    const { pieces } = await answer(hello);
    expect(pieces.map((piece) => Buffer.from(piece).toString())).toEqual(
      [...hello].map((event) => encodeEvent(event)),
    );
  });

  it('writes all at once', async () => {
    const { pieces } = await answer({ events: hello, chunk: 'all' });
    expect(pieces).toHaveLength(1);
  });

  it('writes any number of bytes at once, in the middle of a character', async () => {
    const reply = messageEvents.text('👍🏽 ünïcödé', { chunk: 2 }).with({ id: 'msg_1' });
    for (const chunk of [1, 7, 64]) {
      const { pieces, text } = await answer({ events: reply, chunk });
      expect(text).toBe(encoded(reply));
      expect(pieces.slice(0, -1).every(({ length }) => length === chunk)).toBe(true);
    }
    await server.idle();
    for (const { eventsSent } of server.requests) expect(eventsSent).toBe([...reply].length);
  });

  it('waits for the given delays', async () => {
    const reply = checkedReply({ events: hello, delay: 1_000, pace: 500 });
    const waits = (some: Step[]) => some.map((step) => ('ms' in step ? step.ms : step.do));
    expect(waits([...headerSteps(reply)])).toEqual([1_000]);
    const { signal } = new AbortController();
    const steps: Step[] = [];
    for await (const step of replySteps(reply, signal)) steps.push(step);
    const sent = Array.from({ length: HELLO }, () => ['send', 500]).flat();
    expect(waits(steps)).toEqual([...sent.slice(0, -1), 'end']);

    const start = performance.now();
    expect((await answer({ events: hello, delay: 20, pace: 5 })).text).toBe(encoded(hello));
    // A timer of Node may fire up to a millisecond early.
    expect(performance.now() - start).toBeGreaterThan(19 + 4 * (HELLO - 1));
  });

  it('writes waiting bytes before a pause', async () => {
    const { pieces } = await answer({ events: hello, chunk: 'all', pace: 2 });
    expect(pieces).toHaveLength(HELLO);
  });

  it('plays a recording with its timing, at any speed', async () => {
    const lines = [...hello].map((event, index) => JSON.stringify({ at: index * 20, event }));
    const recording = lines.join('\n');
    const start = performance.now();
    expect((await answer({ recording, speed: 2 })).text).toBe(encoded(hello));
    expect(performance.now() - start).toBeGreaterThan(10 * (HELLO - 1) - HELLO);
    expect((await answer({ recording, speed: Infinity })).text).toBe(encoded(hello));
    server.reply({ recording });
    expect(await client.messages.create(params)).toEqual(built(hello));
  });

  it.each([
    [{ code: 'connection', message: 'reset' }, { code: 'ECONNRESET' }],
    [{ code: 'truncated', message: 'cut' }, { error: undefined }],
    [{ code: 'overloaded', message: 'Busy', errorType: 'overloaded_error' }, { error: undefined }],
  ])('repeats the recorded error %j', async (error, seen) => {
    const recording = [
      { at: 0, event: { type: 'ping' } },
      { at: 1, error },
    ];
    const text = recording.map((line) => JSON.stringify(line)).join('\n');
    const result = await answer({ recording: text });
    expect(result).toMatchObject(seen);
    expect(result.text.includes('event: error')).toBe('errorType' in error);
    await server.idle();
    expect(server.requests[0]?.outcome).toBe('faulted');
  });

  it('keeps the connection open after the last event with `keepOpen`', async () => {
    const controller = new AbortController();
    server.reply({ events: hello, keepOpen: true });
    const reading = read(await post(undefined, controller.signal));
    await until(() => server.requests[0]?.eventsSent === HELLO);
    await turns();
    expect(server.requests[0]?.outcome).toBe('pending');
    controller.abort();
    expect((await reading).text).toBe(encoded(hello));
    expect(await server.requests[0]?.finished).toBe('client-left');
  });

  it('sees at once when the client leaves, in any phase', async () => {
    const phases: Reply[] = [
      { events: hello, delay: 60_000 },
      { events: hello, pace: 60_000 },
      { events: hello, fault: { kind: 'stall', beforeEvent: 2 } },
      { events: hello, fault: { kind: 'drip', ms: 60_000 } },
      { events: hello, fault: { kind: 'stall', beforeHeaders: true } },
    ];
    server.reply(...phases);
    for (const [index] of phases.entries()) {
      const controller = new AbortController();
      const response = post(undefined, controller.signal).then(read, (error: unknown) => error);
      await until(() => server.requests.length === index + 1);
      controller.abort();
      expect(await server.requests[index]?.finished).toBe('client-left');
      await response;
    }
    await server.idle();
  });

  it('leaves no timer when the client has left, nor when it is closed', async () => {
    // Resources that are left after a test make it fail: see `afterEach`.
    let count = 0;
    const replies: Reply[] = [
      { events: hello, delay: 60_000 },
      { events: hello, pace: 60_000 },
      { events: hello, fault: { kind: 'drip', ms: 60_000 } },
      { events: hello, fault: { kind: 'stall', ms: 60_000 } },
      { events: hello, fault: { kind: 'rst', delay: 60_000 } },
    ];
    for (const leave of [(sent: ClientRequest) => sent.destroy(), () => server.close()]) {
      for (const reply of replies) {
        server.reply(reply);
        // Not `fetch`, which has timers of its own.
        const sent = http.request(`${server.url}/v1/messages`, { method: 'POST', agent: false });
        sent.on('error', () => {}).end(JSON.stringify({ ...params, stream: true }));
        sent.on('response', (response) => response.on('error', () => {}).resume());
        count++;
        await until(() => server.requests.length === count);
        await turns();
        await leave(sent);
        await server.idle();
        if (server.openSockets === 0 && leave.length === 0) {
          server = await MessagesServer.start();
          count = 0;
        }
      }
    }
  });

  it('answers, and is closed, while a test has fake timers', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] });
    expect((await answer({ events: hello, delay: 5, pace: 2 })).text).toBe(encoded(hello));
    server.reply({ events: hello, keepOpen: true });
    await post();
    await server.close();
    expect(server.requests[1]?.outcome).toBe('faulted');
  });

  it.each<[string, Reply]>([
    ['one that stalls', { events: hello, fault: { kind: 'stall', beforeEvent: 2 } }],
    ['one that is late', { events: hello, delay: 60_000 }],
    ['one without end', { events: endless() }],
    ['one whose events never come', { events: { [Symbol.asyncIterator]: never } }],
  ])('ends with `close()` a reply under way: %s', async (_, reply) => {
    server.reply(reply);
    const left = post().then(read, (error: unknown) => error);
    await until(() => server.requests.length === 1);
    await server.close();
    expect(server.requests[0]?.outcome).toBe('faulted');
    await left;
  });

  it('ends a request with an incomplete body at `close()`', async () => {
    const sent = http.request(`${server.url}/v1/messages`, { method: 'POST', agent: false });
    sent.on('error', () => {}).write('{"stream":');
    await until(() => server.openSockets === 1);
    await server.close();
  });

  it('sends no faster than the client reads, and stops when it leaves', async () => {
    const controller = new AbortController();
    let made = 0;
    const big = { type: 'big', text: 'x'.repeat(64 * 1024) };
    server.reply({
      events: (function* () {
        for (;;) {
          made++;
          yield big;
        }
      })(),
    });
    const response = await post(undefined, controller.signal);
    let last = -1;
    await expect.poll(() => last === (last = made), { interval: 100 }).toBe(true);
    const stuck = made;
    expect(stuck).toBeLessThan(1_000);
    const reader = response.body!.getReader();
    for (let bytes = 0; bytes < 16 * 2 ** 20;) bytes += (await reader.read()).value!.length;
    expect(made).toBeGreaterThan(stuck);
    controller.abort();
    expect(await server.requests[0]?.finished).toBe('client-left');
    const left = made;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(made).toBe(left);
  });

  it('closes all connections when it is closed', async () => {
    server.reply({ events: hello, fault: { kind: 'stall', beforeEvent: 1 } }, { delay: 60_000 });
    server.handle(() => new Promise(() => {}));
    const first = read(await post());
    const others = [post(), post()].map((response) => response.catch((error: unknown) => error));
    await until(() => server.requests.length === 3);
    await server.close();
    expect((await first).error).toBeInstanceOf(TypeError);
    for (const other of others) expect(await other).toBeInstanceOf(TypeError);
    expect(server.requests.map(({ outcome }) => outcome)).toEqual(Array(3).fill('faulted'));
    await expect(post()).rejects.toThrow();
    await server.close();
  });

  it('is closed by `await using`', async () => {
    const disposable = await MessagesServer.start();
    await disposable[Symbol.asyncDispose]();
    await expect(fetch(disposable.url)).rejects.toThrow();
  });

  it('rejects if its port is in use', async () => {
    const port = Number(new URL(server.url).port);
    await expect(MessagesServer.start({ port })).rejects.toThrow(/EADDRINUSE/);
  });
});

describe('Faults of MessagesServer', () => {
  const frames = [...hello].map((event) => encodeEvent(event));
  const first = (count: number) => frames.slice(0, count).join('');

  it('end: the body ends as if it were whole', async () => {
    const result = await answer({ events: hello, fault: { kind: 'end', beforeEvent: 4 } });
    expect(result).toMatchObject({ text: first(4), error: undefined });
    await server.idle();
    expect(server.requests[0]).toMatchObject({ outcome: 'faulted', eventsSent: 4 });
    server.reply({ events: hello, fault: { kind: 'end', beforeEvent: 4 } });
    const stream = client.messages.stream(params);
    await expect(stream.finalMessage()).rejects.toThrow(/without producing a Message/);
  });

  it.each([
    ['fin', 'UND_ERR_SOCKET'],
    ['rst', 'ECONNRESET'],
  ] as const)('%s: the connection breaks with %s after what was sent', async (kind, code) => {
    const result = await answer({ events: hello, fault: { kind, beforeEvent: 4 } });
    expect(result).toMatchObject({ text: first(4), code });
    expect(await server.requests[0]?.finished).toBe('faulted');
    await until(() => server.openSockets === 0);
  });

  it.each(['fin', 'rst'] as const)('%s before the headers: the SDK tries again', async (kind) => {
    server.reply({ fault: { kind, beforeHeaders: true } }, hello);
    const stream = client.messages.stream(params, { maxRetries: 1 });
    expect(await stream.finalMessage()).toMatchObject(built(hello));
    expect(server.requests).toHaveLength(2);
  });

  it('stall: nothing comes until the time is over', async () => {
    const { text } = await answer({
      events: hello,
      fault: { kind: 'stall', beforeEvent: 1, ms: 20 },
    });
    expect(text).toBe(encoded(hello));
    expect(await server.requests[0]?.finished).toBe('complete');
  });

  it('error: an error frame, and the end', async () => {
    const fault: Fault = {
      kind: 'error',
      beforeEvent: 3,
      error: { type: 'api_error', message: 'Oops', details: null },
      fields: { request_id: 'req_x' },
    };
    const { text, error } = await answer({ events: hello, fault });
    expect(error).toBeUndefined();
    const frame =
      'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"Oops",' +
      '"details":null},"request_id":"req_x"}\n\n';
    expect(text).toBe(first(3) + frame);
    server.reply({ events: hello, fault: { kind: 'error', beforeEvent: 3 } });
    const failure: unknown = await client.messages
      .stream(params)
      .finalMessage()
      .catch((reason: unknown) => reason);
    expect(failure).toMatchObject({ type: 'overloaded_error' });
  });

  it('error: without its event line', async () => {
    const fault: Fault = { kind: 'error', eventLine: false, beforeEvent: 0 };
    const { text } = await answer({ events: hello, fault });
    expect(text).toMatch(/^data: \{"type":"error".*\n\n$/);
  });

  it('garbage: the SDK fails at it', async () => {
    server.reply({ events: hello, fault: { kind: 'garbage', beforeEvent: 3 } });
    const stream = client.messages.stream(params);
    await expect(stream.finalMessage()).rejects.toMatchObject({ cause: expect.any(SyntaxError) });
    const { text } = await answer({ events: hello, fault: { kind: 'garbage', data: '<html>' } });
    expect(text).toBe(`${encoded(hello)}<html>`);
  });

  it('duplicate_start: the same message_start again', async () => {
    const fault: Fault = { kind: 'duplicate_start', beforeEvent: 3 };
    const own = hello.with({ id: 'msg_own' });
    const ownFrames = [...own].map((event) => encodeEvent(event));
    const { text } = await answer({ events: own, fault });
    expect(text).toBe(ownFrames.toSpliced(3, 0, ownFrames[0]!).join(''));
    server.reply({ events: hello, fault });
    await expect(client.messages.stream(params).finalMessage()).rejects.toThrow(/event order/);
  });

  it.each([
    ['ping', 'event: ping\ndata: {"type":"ping"}\n\n'],
    ['comment', ': comment\n\n'],
  ] as const)('%s: between two events, which the SDK reads on', async (kind, frame) => {
    const fault = { kind, beforeEvent: 2 };
    const { text } = await answer({ events: hello, fault });
    expect(text).toBe(first(2) + frame + frames.slice(2).join(''));
    server.reply({ events: hello, fault });
    expect(await client.messages.stream(params).finalMessage()).toMatchObject(built(hello));
  });

  it('drip: byte by byte from there on', async () => {
    const reply = messageEvents.text('ü');
    const count = [...reply].length - 1;
    const { text, pieces } = await answer({
      events: reply,
      fault: { kind: 'drip', beforeEvent: count },
    });
    expect(text).toBe(encoded(reply));
    const last = encodeEvent({ type: 'message_stop' }).length;
    expect(pieces).toHaveLength(count + last);
    expect(pieces.at(-1)).toHaveLength(1);
  });

  it('drip: from the beginning when no place is named', async () => {
    const { pieces, text } = await answer({ body: 'data: x\n\n', fault: { kind: 'drip' } });
    expect(text).toBe('data: x\n\n');
    expect(pieces).toHaveLength(text.length);
  });

  it('happen at any byte of the body', async () => {
    const body = new TextEncoder().encode(encoded(hello));
    for (const atByte of [0, 1, 17, frames[0]!.length, body.length - 1, body.length]) {
      const { text, code } = await answer({ events: hello, fault: { kind: 'rst', atByte } });
      expect({ text, code }).toEqual({
        text: new TextDecoder().decode(body.subarray(0, atByte)),
        code: 'ECONNRESET',
      });
    }
    await server.idle();
    expect(server.requests.map(({ eventsSent }) => eventsSent)).toEqual([
      0,
      0,
      0,
      1,
      HELLO - 1,
      HELLO,
    ]);
  });

  it('happen after the last event when no place is named, or one beyond the end', async () => {
    for (const place of [{}, { beforeEvent: HELLO }, { beforeEvent: 999 }, { atByte: 1e9 }]) {
      const { text, code } = await answer({ events: hello, fault: { kind: 'rst', ...place } });
      expect({ text, code }).toEqual({ text: encoded(hello), code: 'ECONNRESET' });
    }
  });

  it('happen one after the other', async () => {
    const { text, code } = await answer({
      events: hello,
      chunk: 5,
      fault: { kind: 'ping', beforeEvent: 1 },
      faults: [
        { kind: 'rst', atByte: frames[0]!.length + 40 },
        { kind: 'comment', beforeEvent: 1 },
        { kind: 'comment', atByte: 3 },
      ],
    });
    const whole = `${frames[0]}event: ping\ndata: {"type":"ping"}\n\n: comment\n\n${frames[1]}`;
    const cut = whole.slice(0, frames[0]!.length + 40);
    expect({ text, code }).toEqual({
      text: `${cut.slice(0, 3)}: comment\n\n${cut.slice(3)}`,
      code: 'ECONNRESET',
    });
  });

  it('happen to a whole message as to a stream', async () => {
    const json = JSON.stringify(built(hello));
    server.reply({ events: hello, fault: { kind: 'fin', atByte: 10 } });
    const { text, code } = await read(await post(params));
    expect({ text, code }).toEqual({ text: json.slice(0, 10), code: 'UND_ERR_SOCKET' });
  });

  it('happen before or after a whole message, which counts as one event', async () => {
    const json = JSON.stringify(built(hello));
    const faults: [Fault, string, string | undefined][] = [
      [{ kind: 'rst', beforeEvent: 0 }, '', 'ECONNRESET'],
      [{ kind: 'rst', beforeEvent: 3 }, json, 'ECONNRESET'],
      [{ kind: 'rst' }, json, 'ECONNRESET'],
      [{ kind: 'garbage', data: '!' }, `${json}!`, undefined],
      [{ kind: 'ping', beforeEvent: 0 }, json, undefined],
    ];
    for (const [fault, text, code] of faults) {
      server.reply({ events: hello, fault });
      expect(await read(await post(params))).toMatchObject({ text, code });
    }
  });

  it('error: an HTTP error for a request that does not stream', async () => {
    server.reply({ events: hello, fault: { kind: 'error', beforeEvent: 3 } });
    await expect(client.messages.create(params)).rejects.toMatchObject({
      status: 529,
      type: 'overloaded_error',
    });
    const error = { type: 'novel_error', message: 'Oops' };
    server.reply({ events: hello, fault: { kind: 'error', error } });
    await expect(client.messages.create(params)).rejects.toMatchObject({
      status: 500,
      type: 'novel_error',
    });
  });

  it('are seen as errors by fromResponse', async () => {
    const seen: unknown[] = [];
    const faults: Fault[] = [
      { kind: 'end', beforeEvent: 4 },
      { kind: 'rst', beforeEvent: 4 },
      { kind: 'error', beforeEvent: 4 },
      { kind: 'garbage', beforeEvent: 4 },
    ];
    for (const fault of faults) {
      server.reply({ events: hello, fault });
      await new Promise<void>((done) => {
        fromResponse(() => post()).subscribe({
          error: (error: { code: string }) => done(void seen.push(error.code)),
          complete: () => done(void seen.push('complete')),
        });
      });
    }
    expect(seen).toEqual(['truncated', 'connection', 'overloaded', 'connection']);
  });
});

describe('MessagesServer.reply', () => {
  it.each<[string, unknown, RegExp]>([
    ['a string', 'Hello', /for a raw body use { body }/],
    ['nothing', undefined, /iterable of events/],
    ['an unknown field', { event: [] }, /unknown field 'event'; expected one of events/],
    ['two contents', { events: [], body: '' }, /pass only one of events and body/],
    ['invalid events', { events: 3 }, /events must be iterable/],
    ['a line ending', { lineEnding: '\n\n' }, /lineEnding must be a line ending of SSE/],
    ['a status', { status: 42 }, /status/],
    ['a negative delay', { delay: -1 }, /`delay` must be milliseconds/],
    ['a pace', { pace: Number.NaN }, /`pace` must be milliseconds/],
    ['a speed', { speed: 0 }, /`speed` must be a number above 0/],
    ['a chunk', { chunk: 0 }, /chunk/],
    ['a chunk in words', { chunk: 'byte' }, /chunk/],
    ['an invalid recording', { recording: '{"at":0,"event":' }, /Line 1 of the recording/],
    ['a recording of no text', { recording: 3 }, /text of a recording/],
    ['an unknown fault', { fault: { kind: 'explode' } }, /Unknown fault kind "explode"/],
    ['an inherited fault', { fault: { kind: 'toString' } }, /Unknown fault kind/],
    ['no fault', { faults: [null] }, /Unknown fault kind/],
    ['a negative byte', { fault: { kind: 'rst', atByte: -1 } }, /atByte/],
    ['half an event', { fault: { kind: 'rst', beforeEvent: 0.5 } }, /beforeEvent/],
    ['two places', { fault: { kind: 'rst', beforeEvent: 1, atByte: 1 } }, /only one place/],
    ['ping before headers', { fault: { kind: 'ping', beforeHeaders: true } }, /before the headers/],
    ['a field of another', { fault: { kind: 'end', ms: 3 } }, /unknown field 'ms'/],
    ['a negative stall', { fault: { kind: 'stall', ms: -1 } }, /`ms` must be milliseconds/],
    ['a negative fin', { fault: { kind: 'fin', delay: -1 } }, /`delay` must be milliseconds/],
  ])('refuses %s at once', (_, reply, message) => {
    expect(() => server.reply(reply as Reply)).toThrow(TypeError);
    expect(() => server.reply(reply as Reply)).toThrow(message);
  });

  it('refuses an invalid handler', () => {
    expect(() => server.handle(hello as never)).toThrow(TypeError);
  });
});

describe('httpError', () => {
  it('knows the error types of the API', () => {
    const typeOf = (status: number) =>
      (httpError(status).body as { error: { type: string } }).error.type;
    expect([400, 401, 402, 403, 404, 409, 413, 418, 429, 500, 503, 504, 529].map(typeOf)).toEqual([
      'invalid_request_error',
      'authentication_error',
      'billing_error',
      'permission_error',
      'not_found_error',
      'conflict_error',
      'request_too_large',
      'invalid_request_error',
      'rate_limit_error',
      'api_error',
      'api_error',
      'timeout_error',
      'overloaded_error',
    ]);
  });

  it('writes the given fields', () => {
    expect(
      httpError(429, { type: 'own_error', message: 'No', retryAfter: 3, headers: { a: 'b' } }),
    ).toStrictEqual({
      status: 429,
      headers: { 'retry-after': '3', a: 'b' },
      body: { type: 'error', error: { type: 'own_error', message: 'No' } },
    });
  });

  it.each([200, 600, Number.NaN, undefined])('refuses the status %s', (status) => {
    expect(() => httpError(status as number)).toThrow(TypeError);
  });
});

describe('The default ids of a MessagesServer', () => {
  it('are those of no other of its replies, nor of another call of the same reply', async () => {
    const calls = messageEvents.toolUse('t').toolUse('t').serverToolUse('web_search');
    server.reply(calls, { events: calls }).handle(() => calls);
    const ids: string[] = [];
    for (let count = 0; count < 3; count++) {
      const message = await client.messages.create(params);
      ids.push(message.id, ...message.content.flatMap((block) => ('id' in block ? block.id : [])));
    }
    expect(ids.slice(0, 4)).toEqual(['msg_1', 'toolu_0', 'toolu_1', 'srvtoolu_2']);
    expect(ids.slice(4, 8)).toEqual(['msg_2', 'toolu_2_0', 'toolu_2_1', 'srvtoolu_2_2']);
    expect(new Set(ids).size).toBe(12);
  });

  it('number a reply that is sent again as another reply', async () => {
    const fault = { kind: 'end', beforeEvent: 4 } as const;
    const own = messageEvents.text('Hello world', { chunk: 3 });
    server.reply({ events: own, fault }, own);
    const reply$ = fromMessages(client, params).pipe(retry(1), finalMessage());
    expect((await lastValueFrom(reply$)).content).toEqual(built(hello)!.content);
  });

  it('are not put in place of ids that were given', async () => {
    server.reply(hello.with({ id: 'msg_a' }), hello.with({ id: 'msg_a' }));
    expect((await client.messages.create(params)).id).toBe('msg_a');
    expect((await client.messages.create(params)).id).toBe('msg_a');
  });
});
