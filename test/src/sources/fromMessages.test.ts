import Anthropic from '@anthropic-ai/sdk';
import {
  finalMessage,
  fromMessages,
  messageTimeout,
  type MessageStreamError,
  type ResponseInfo,
  type StreamEvent,
} from 'claude-rx';
import { httpError, messageEvents } from 'claude-rx/testing';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { lastValueFrom, take, tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { failure, params, received, sse, until, useServer } from '../../support/server.ts';

const reply = messageEvents.text('Hello wide world', { chunk: 4 });
const events = [...reply]; // start, block start, 4 deltas, block stop, delta, stop
const text = (error: MessageStreamError) => error.partial?.content[0];

const context = useServer();
const ask = (options?: Parameters<typeof fromMessages>[2]) =>
  fromMessages(context.client, params, options);

/** How many of these are still held by somebody. */
async function kept(all: readonly WeakRef<object>[]): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const count = () => all.filter((one) => one.deref()).length;
  for (let turn = 0; turn < 50 && count() > 0; turn++) {
    // What was asked for is kept until the job is over.
    await new Promise((resolve) => setTimeout(resolve, 10));
    collect();
  }
  return count();
}

describe('fromMessages', () => {
  it('gives the events of the reply and completes', async () => {
    context.server.reply(events);
    expect(await received(ask())).toEqual(events);
    expect(context.server.requests[0]!.body).toEqual({ ...params, stream: true });
  });

  it('is cold: no request without a subscriber, one for each', async () => {
    context.server.reply(events).reply(events);
    const reply$ = ask();
    expect(context.server.requests).toHaveLength(0);
    await Promise.all([received(reply$), received(reply$)]);
    expect(context.server.requests).toHaveLength(2);
  });

  it('gives the beta events of client.beta', async () => {
    const block = { type: 'compaction', content: null, encrypted_content: null };
    const sent = [
      events[0]!,
      { type: 'content_block_start', index: 0, content_block: block },
      {
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'compaction_delta', content: 'short', encrypted_content: 'x' },
      },
      { type: 'content_block_stop', index: 0 },
      ...events.slice(-2),
    ] as StreamEvent[];
    context.server.reply(sent);
    const message = await lastValueFrom(
      fromMessages(context.client.beta, { ...params, betas: ['compact-2026-01-12'] }).pipe(
        finalMessage(),
      ),
    );
    expect(message.content).toEqual([{ ...block, content: 'short', encrypted_content: 'x' }]);
    expect(context.server.requests[0]!.headers['anthropic-beta']).toBe('compact-2026-01-12');
  });

  it('hands over the request id and headers before the first event', async () => {
    context.server.reply(events);
    const seen: unknown[] = [];
    const onResponse = (info: ResponseInfo) => seen.push(info);
    await received(ask({ onResponse }).pipe(take(1)));
    expect(seen).toEqual([
      { status: 200, requestId: expect.stringMatching(/^req_/), headers: expect.any(Headers) },
    ]);
  });

  it('keeps nothing of the pipelines whose requests were aborted', async () => {
    const seenByOne = async () => {
      context.server.reply({ events, fault: { kind: 'stall', beforeEvent: 5 } });
      const seen: StreamEvent[] = [];
      await received(
        ask().pipe(
          tap((event) => seen.push(event)),
          take(3),
        ),
      );
      return new WeakRef(seen);
    };
    const all: WeakRef<StreamEvent[]>[] = [];
    while (all.length < 5) all.push(await seenByOne());
    // The platform may remember its last request.
    expect(await kept(all.slice(0, -1))).toBe(0);
  });

  it('keeps neither the call nor its parameters while the reply goes on', async () => {
    const all: WeakRef<object>[] = [];
    const { messages } = context.client;
    const create: typeof messages.create = (...args: Parameters<typeof messages.create>) => {
      const call = messages.create(...args);
      all.push(new WeakRef(call), new WeakRef(args[0]));
      return call as never;
    };
    let count = 0;
    const subscribe = () => {
      context.server.reply({ events, fault: { kind: 'stall', beforeEvent: 5 } });
      return fromMessages({ messages: { create } }, params).subscribe(() => count++);
    };
    const subscriptions = Array.from({ length: 3 }, subscribe);
    await until(() => count === 3 * 5);
    expect(await kept(all)).toBe(0);
    for (const subscription of subscriptions) subscription.unsubscribe();
  });

  it('reports what onResponse throws', async () => {
    context.server.reply(events);
    const onResponse = () => {
      throw new RangeError('mine');
    };
    expect(await failure(ask({ onResponse }))).toMatchObject({
      code: 'unknown',
      cause: expect.any(RangeError),
    });
  });

  it('passes options on to the SDK', async () => {
    context.server.reply(events);
    await received(ask({ request: { headers: { 'x-mine': '1' } } }));
    expect(context.server.requests[0]!.headers['x-mine']).toBe('1');
  });

  it('refuses what is no client, when it is called', () => {
    expect(() => fromMessages({} as Anthropic, params)).toThrow(TypeError);
  });

  it('reports a client without credentials as a request error', async () => {
    const client = new Anthropic({ apiKey: null, authToken: null, baseURL: context.server.url });
    expect(await failure(fromMessages(client, params))).toMatchObject({ code: 'request' });
  });
});

describe('a reply that is cut', () => {
  it.each([
    ['after a delta', 4],
    ['after the last block', 7],
    ['between message_delta and message_stop', 8],
  ])('is truncated when the body ends cleanly %s', async (_, at) => {
    context.server.reply({ events, fault: { kind: 'end', beforeEvent: at } });
    const error = await failure(ask());
    expect(error).toMatchObject({
      code: 'truncated',
      retryable: true,
      requestId: expect.stringMatching(/^req_/),
    });
    expect(text(error)).toMatchObject({
      type: 'text',
      text: 'Hello wide world'.slice(0, (at - 2) * 4),
    });
  });

  it('is truncated when the body ends inside a line', async () => {
    // Also inside the first one: it has begun like an event stream.
    for (const atByte of [1, 5, 9, 200, sse(events).length - 3]) {
      context.server.reply({ events, fault: { kind: 'end', atByte } });
      expect(await failure(ask())).toMatchObject({ code: 'truncated', retryable: true });
    }
  });

  it('is a reply all the same without message_stop, where that is allowed', async () => {
    context.server.reply({ events, fault: { kind: 'end', beforeEvent: 8 } });
    expect(await received(ask({ allowMissingMessageStop: true }))).toEqual(events);
  });

  it('is truncated before its stop_reason even where message_stop may be missing', async () => {
    context.server.reply({ events, fault: { kind: 'end', beforeEvent: 5 } });
    expect(await failure(ask({ allowMissingMessageStop: true }))).toMatchObject({
      code: 'truncated',
    });
  });

  it.each([
    ['fin', 'UND_ERR_SOCKET'],
    ['rst', 'ECONNRESET'],
  ] as const)('is a lost connection after a %s', async (kind, code) => {
    context.server.reply({ events, pace: 5, fault: { kind, beforeEvent: 5 } });
    const error = await failure(ask());
    expect(error).toMatchObject({
      code: 'connection',
      retryable: true,
      requestId: expect.stringMatching(/^req_/),
      cause: { name: 'TypeError', message: 'terminated', cause: { code } },
    });
    expect(text(error)).toMatchObject({ text: 'Hello wide w'.slice(0, 12) });
  });
});

describe('a body that is no event stream', () => {
  it.each([
    ['empty', '', 'text/event-stream', /empty/, true],
    ['JSON', '{"hello":1}', 'application/json', /begins with "\{\\"hello/, false],
    ['a page', '<!doctype html><p>Sorry', 'text/html', /begins with "<!doctype/, false],
    ['garbage', 'one two three', 'text/event-stream', /begins with "one two/, false],
    [
      'a whole message',
      '{"type":"message","content":[]}',
      'application/json',
      /stream: true/,
      false,
    ],
  ])('is a protocol error: %s', async (_, body, type, message, retryable) => {
    context.server.reply({ body, headers: { 'content-type': type } });
    expect(await failure(ask())).toMatchObject({
      code: 'protocol',
      message: expect.stringMatching(message),
      retryable,
      requestId: expect.stringMatching(/^req_/),
    });
  });

  it('is the error it reports: an error body with status 200', async () => {
    const body = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
    context.server.reply({ body });
    expect(await failure(ask())).toMatchObject({ code: 'overloaded', retryable: true });
  });

  it('is read all the same when its frames have no event line', async () => {
    context.server.reply({ events, omitEventLine: true });
    expect(await received(ask())).toEqual(events);
  });
});

describe('an error in the stream', () => {
  it.each([
    ['overloaded_error', 'overloaded', true],
    ['rate_limit_error', 'rate_limited', true],
    ['api_error', 'api', true],
    ['invalid_request_error', 'request', false],
  ])('%s has the code %s', async (errorType, code, retryable) => {
    context.server.reply({
      events,
      fault: { kind: 'error', beforeEvent: 4, error: { type: errorType } },
    });
    const error = await failure(ask());
    expect(error).toMatchObject({ code, retryable, errorType });
    expect(text(error)).toMatchObject({ text: 'Hello wi' });
    expect(context.server.requests).toHaveLength(1);
  });

  it('is seen as the first event', async () => {
    const fault = { kind: 'error', beforeEvent: 0, error: { type: 'overloaded_error' } } as const;
    context.server.reply({ events, fault });
    const error = await failure(ask());
    expect(error).toMatchObject({ code: 'overloaded', partial: undefined });
  });

  it('is seen without an event line, where the SDK sees nothing', async () => {
    const fault = { kind: 'error', beforeEvent: 4, error: { type: 'overloaded_error' } } as const;
    context.server.reply({ events, omitEventLine: true, fault });
    expect(await failure(ask())).toMatchObject({ code: 'overloaded' });
  });

  it('is a lost connection when a frame is garbage, and what came before is kept', async () => {
    context.server.reply({ events, fault: { kind: 'garbage', beforeEvent: 4 } });
    const error = await failure(ask());
    expect(error).toMatchObject({ code: 'connection', retryable: true });
    expect(text(error)).toMatchObject({ text: 'Hello wi' });
  });
});

describe('what is unusual and no error', () => {
  it('passes unknown events, blocks, deltas and stop reasons on', async () => {
    const unknown = [
      { type: 'surprise', index: 7 },
      { type: 'content_block_start', index: 1, content_block: { type: 'connector_text' } },
      { type: 'content_block_delta', index: 1, delta: { type: 'connector_text_delta', a: 1 } },
      { type: 'content_block_stop', index: 1 },
      { type: 'message_delta', delta: { stop_reason: 'tired' }, usage: { output_tokens: 3 } },
    ] as unknown as StreamEvent[];
    const sent = [...events.slice(0, 7), ...unknown, events.at(-1)!];
    context.server.reply(sent);
    expect(await received(ask())).toEqual(sent);
  });

  it('passes pings on, and shows comments as pings', async () => {
    context.server.reply({
      events,
      faults: [
        { kind: 'ping', beforeEvent: 3 },
        { kind: 'comment', beforeEvent: 5 },
      ],
    });
    const types = (await received(ask())).map(({ type }) => type);
    expect(types.filter((type) => type === 'ping')).toHaveLength(2);
    expect(types[3]).toBe('ping');
  });

  it('takes a message_start that is sent twice once', async () => {
    const fault = { kind: 'duplicate_start', beforeEvent: 4 } as const;
    context.server.reply({ events, fault });
    const message = await lastValueFrom(ask().pipe(finalMessage()));
    expect(message.content).toEqual([{ type: 'text', text: 'Hello wide world', citations: null }]);
  });
});

describe('the end of a reply', () => {
  it('does not wait for the body to end, and lets a body that stays open go', async () => {
    context.server.reply({ events, keepOpen: true });
    expect(await received(ask())).toHaveLength(events.length);
    expect(context.server.requests[0]!.outcome).toBe('pending');
    expect(await context.server.requests[0]!.finished).toBe('client-left');
  });

  it('leaves the connection to be used again', async () => {
    for (let count = 0; count < 5; count++) {
      context.server.reply(events);
      await received(ask());
      await context.server.idle();
    }
    // Two, where a request is quicker than the end of the body before it.
    expect(context.server.socketsOpened).toBeLessThanOrEqual(2);
  });
});

describe('HTTP errors', () => {
  it.each([
    [400, 'invalid_request_error', 'request', false],
    [401, 'authentication_error', 'request', false],
    [413, 'request_too_large', 'request', false],
    [500, 'api_error', 'api', true],
    [529, 'overloaded_error', 'overloaded', true],
  ])('%s %s has the code %s', async (status, type, code, retryable) => {
    context.server.reply(httpError(status, { type, message: 'no' }));
    expect(await failure(ask())).toMatchObject({ status, errorType: type, code, retryable });
  });

  it('429 says how long to wait', async () => {
    context.server.reply(
      httpError(429, { type: 'rate_limit_error', message: 'no', retryAfter: 7 }),
    );
    expect(await failure(ask())).toMatchObject({ code: 'rate_limited', retryAfterMs: 7_000 });
  });

  it('are retried by the SDK up to the headers', async () => {
    const busy = httpError(529, { type: 'overloaded_error', message: 'no' });
    context.server.reply({ ...busy, headers: { 'retry-after-ms': '1' } }).reply(events);
    expect(await received(ask({ request: { maxRetries: 1 } }))).toEqual(events);
    expect(context.server.requests).toHaveLength(2);
  });

  it('are a lost connection when nobody listens', async () => {
    const client = new Anthropic({ apiKey: 'test', baseURL: 'http://127.0.0.1:9', maxRetries: 0 });
    expect(await failure(fromMessages(client, params))).toMatchObject({
      code: 'connection',
      retryable: true,
    });
  });

  it('are a timeout when the headers are later than the timeout of the SDK', async () => {
    context.server.reply({ events, delay: 5_000 });
    expect(await failure(ask({ request: { timeout: 30 } }))).toMatchObject({ code: 'timeout' });
  });
});

describe('a stall', () => {
  it('is ended by messageTimeout, which closes the socket', async () => {
    context.server.reply({ events, fault: { kind: 'stall', beforeEvent: 5 } });
    const error = await failure(ask().pipe(messageTimeout({ liveness: 50 })));
    expect(error).toMatchObject({ code: 'timeout', retryable: true });
    expect(text(error)).toMatchObject({ text: 'Hello wide w' });
    expect(await context.server.requests[0]!.finished).toBe('client-left');
  });
});

describe('leaving', () => {
  it('sends nothing when it happens at once', async () => {
    context.server.reply(events);
    ask().subscribe().unsubscribe();
    context.server.reply(events);
    await received(ask());
    // The first request was aborted before it had a connection, or is seen to have been left.
    for (const request of context.server.requests.slice(0, -1)) {
      expect(await request.finished).toBe('client-left');
    }
  });

  it('closes the socket while the server has not answered', async () => {
    context.server.reply({ events, delay: 60_000 });
    const subscription = ask().subscribe();
    await until(() => context.server.requests.length === 1);
    subscription.unsubscribe();
    expect(await context.server.requests[0]!.finished).toBe('client-left');
  });

  it('closes the socket during a stall', async () => {
    context.server.reply({ events, fault: { kind: 'stall', beforeEvent: 5 } });
    const seen: StreamEvent[] = [];
    const subscription = ask().subscribe((event) => seen.push(event));
    await until(() => seen.length === 5);
    subscription.unsubscribe();
    expect(await context.server.requests[0]!.finished).toBe('client-left');
    expect(seen).toHaveLength(5);
  });

  it('stops inside a burst at the next event', async () => {
    context.server.reply({ events, chunk: 'all' });
    const seen: StreamEvent[] = [];
    await new Promise<void>((resolve) => {
      const subscription = ask().subscribe((event) => {
        seen.push(event);
        if (seen.length < 3) return;
        subscription.unsubscribe();
        resolve();
      });
    });
    await context.server.idle();
    expect(seen).toEqual(events.slice(0, 3));
  });
});

describe('an AbortSignal', () => {
  it('ends the reply with its reason and what had arrived', async () => {
    context.server.reply({ events, fault: { kind: 'stall', beforeEvent: 5 } });
    const controller = new AbortController();
    const reason = new Error('the user pressed Stop');
    let count = 0;
    const reply$ = ask({ signal: controller.signal });
    const failed = new Promise<MessageStreamError>((resolve) => {
      reply$.subscribe({
        next: () => ++count === 5 && setTimeout(() => controller.abort(reason), 5),
        error: resolve,
      });
    });
    const error = await failed;
    expect(error).toMatchObject({ code: 'aborted', retryable: false, cause: reason });
    expect(text(error)).toMatchObject({ text: 'Hello wide w' });
    expect(await context.server.requests[0]!.finished).toBe('client-left');
  });

  it('that has fired already sends no request', async () => {
    const error = await failure(ask({ signal: AbortSignal.abort('too late') }));
    expect(error).toMatchObject({ code: 'aborted', cause: 'too late' });
    expect(context.server.requests).toHaveLength(0);
  });

  it('may be a timeout, whose reason is kept', async () => {
    context.server.reply({ events, fault: { kind: 'stall', beforeEvent: 5 } });
    const error = await failure(ask({ signal: AbortSignal.timeout(40) }));
    expect(error).toMatchObject({ code: 'aborted', cause: { name: 'TimeoutError' } });
  });

  it('is let go when the reply is over', async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args));
    signal.removeEventListener = (...args: Parameters<typeof remove>) => (
      listeners--,
      remove(...args)
    );
    context.server.reply(events);
    await received(ask({ signal }));
    expect(listeners).toBe(0);
  });
});
