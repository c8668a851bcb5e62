import type Anthropic from '@anthropic-ai/sdk';
import { finalMessage, fromStream, type StreamEvent } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { lastValueFrom, take } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { failure, params, received, until, useServer } from '../../support/server.ts';

type SdkEvent = Anthropic.RawMessageStreamEvent;
const reply = messageEvents
  .text('Hello wide world', { chunk: 4 })
  .toolUse('get_weather', { city: 'Paris' }, { chunk: 3 });
const events = [...reply] as SdkEvent[];

const context = useServer();
const messageStream = (signal?: AbortSignal) =>
  context.client.messages.stream(params, signal ? { signal } : {});
const rawStream = (signal?: AbortSignal) =>
  context.client.messages.create({ ...params, stream: true }, signal ? { signal } : {});

describe.each([
  ["the SDK's Stream", rawStream],
  ["the SDK's MessageStream", messageStream],
])('fromStream of %s', (_, open) => {
  // A union of the two is what `it.each` makes of them; both are a StreamInput.
  const source = open as typeof messageStream;

  it('gives its events', async () => {
    context.server.reply(events);
    expect(await received(fromStream(source))).toEqual(events);
  });

  it('opens one for each subscription when given a function', async () => {
    context.server.reply(events).reply(events);
    const reply$ = fromStream(source);
    expect(context.server.requests).toHaveLength(0);
    expect(await received(reply$)).toEqual(events);
    expect(await received(reply$)).toEqual(events);
  });

  it('says how to subscribe twice when it has been used', async () => {
    context.server.reply(events);
    const reply$ = fromStream(source());
    await received(reply$);
    expect(await failure(reply$)).toMatchObject({
      code: 'request',
      message: expect.stringContaining('pass a function'),
    });
  });

  it('reports an end before message_stop, which the SDK takes for a good one', async () => {
    context.server.reply({ events, fault: { kind: 'end', beforeEvent: 4 } });
    const error = await failure(fromStream(source));
    expect(error).toMatchObject({ code: 'truncated', retryable: true });
    expect(error.partial?.content[0]).toMatchObject({ text: 'Hello wi' });
  });

  it.each(['fin', 'rst'] as const)('reports a lost connection after a %s', async (kind) => {
    context.server.reply({ events, pace: 5, fault: { kind, beforeEvent: 4 } });
    const error = await failure(fromStream(source));
    expect(error).toMatchObject({ code: 'connection', retryable: true });
    expect(error.partial?.content[0]).toMatchObject({ text: 'Hello wi' });
  });

  it('reports an error in the stream', async () => {
    const fault = { kind: 'error', beforeEvent: 4, error: { type: 'overloaded_error' } } as const;
    context.server.reply({ events, fault });
    const error = await failure(fromStream(source));
    expect(error).toMatchObject({ code: 'overloaded', errorType: 'overloaded_error' });
    expect(error.partial?.content[0]).toMatchObject({ text: 'Hello wi' });
  });

  it('reports a frame that is garbage', async () => {
    context.server.reply({ events, fault: { kind: 'garbage', beforeEvent: 4 } });
    // The SDK prints such a frame.
    const print = vi.spyOn(console, 'error').mockReturnValue();
    expect(await failure(fromStream(source))).toMatchObject({ code: 'protocol' });
    print.mockRestore();
  });

  it('completes at message_stop, and lets a body that stays open go', async () => {
    context.server.reply({ events, keepOpen: true });
    expect(await received(fromStream(source))).toHaveLength(events.length);
    expect(await context.server.requests[0]!.finished).toBe('client-left');
  });

  it('leaves the connection to be used again', async () => {
    for (let count = 0; count < 5; count++) {
      context.server.reply(events);
      await received(fromStream(source));
      await context.server.idle();
    }
    // Two, where a request is quicker than the end of the body before it.
    expect(context.server.socketsOpened).toBeLessThanOrEqual(2);
  });

  it('aborts at once when the subscriber leaves during a stall', async () => {
    context.server.reply({ events, fault: { kind: 'stall', beforeEvent: 4 } });
    const seen: StreamEvent[] = [];
    const subscription = fromStream(source).subscribe((event) => seen.push(event));
    await until(() => seen.length === 4);
    subscription.unsubscribe();
    expect(await context.server.requests[0]!.finished).toBe('client-left');
  });

  it('aborts when the subscriber leaves before the headers', async () => {
    context.server.reply({ events, delay: 60_000 });
    const subscription = fromStream(source).subscribe();
    await until(() => context.server.requests.length === 1);
    subscription.unsubscribe();
    expect(await context.server.requests[0]!.finished).toBe('client-left');
  });

  it('emits nothing more inside a burst after the subscriber has left', async () => {
    context.server.reply({ events, chunk: 'all' });
    expect(await received(fromStream(source).pipe(take(3)))).toEqual(events.slice(0, 3));
  });

  it('reports that somebody else aborted it', async () => {
    context.server.reply({ events, fault: { kind: 'stall', beforeEvent: 4 } });
    const stream = await source();
    const failed = failure(fromStream(stream));
    await until(() => (context.server.requests[0]?.eventsSent ?? 0) === 4);
    setTimeout(() => stream.controller.abort(), 10);
    expect(await failed).toMatchObject({ code: 'aborted' });
  });
});

describe('fromStream of a MessageStream that is not new', () => {
  it('catches up with one that is under way, wherever it is', async () => {
    for (let at = 1; at < events.length; at++) {
      context.server.reply({ events, fault: { kind: 'stall', beforeEvent: at, ms: 40 } });
      const stream = messageStream();
      const request = () => context.server.requests.at(-1);
      await until(() => request()?.eventsSent === at && request()?.outcome === 'pending');
      await until(() => stream.currentMessage !== undefined);
      const message = await lastValueFrom(fromStream(stream).pipe(finalMessage()));
      expect(message.content).toMatchObject([
        { type: 'text', text: 'Hello wide world' },
        { type: 'tool_use', input: { city: 'Paris' } },
      ]);
      expect(await stream.finalMessage()).toMatchObject(message);
    }
  });

  it('gives one that is over as a whole', async () => {
    context.server.reply(events);
    const stream = messageStream();
    const message = await stream.finalMessage();
    expect(await lastValueFrom(fromStream(stream).pipe(finalMessage()))).toEqual(message);
  });

  it('gives the error of one that has failed', async () => {
    context.server.reply({ events, fault: { kind: 'rst', beforeEvent: 3 }, pace: 5 });
    const stream = messageStream();
    await stream.done().catch(() => {});
    expect(await failure(fromStream(stream))).toMatchObject({ code: 'connection' });
  });

  it('does not let the SDK change an event that was emitted', async () => {
    context.server.reply(events);
    const all = await received(fromStream(() => messageStream()));
    expect(all[0]).toEqual(events[0]);
  });
});

describe('fromStream of an async iterable', () => {
  async function* generate(values: readonly StreamEvent[]): AsyncGenerator<StreamEvent> {
    yield* values;
  }

  it('gives its values', async () => {
    expect(await received(fromStream(() => generate(events)))).toEqual(events);
  });

  it('reports one that ends early', async () => {
    const error = await failure(fromStream(generate(events.slice(0, 4))));
    expect(error).toMatchObject({ code: 'truncated' });
  });

  it('keeps the error it throws as the cause', async () => {
    const mine = new RangeError('mine');
    async function* broken(): AsyncGenerator<StreamEvent> {
      yield* events.slice(0, 4);
      throw mine;
    }
    const error = await failure(fromStream(() => broken()));
    expect(error).toMatchObject({ code: 'unknown', retryable: false, cause: mine });
    expect(error.partial?.content).toHaveLength(1);
  });

  it('tells a generator to return, and gives it a signal to heed', async () => {
    const log: string[] = [];
    async function* heedful(signal: AbortSignal): AsyncGenerator<StreamEvent> {
      try {
        yield* events.slice(0, 2);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        log.push('aborted');
      } finally {
        log.push('returned');
      }
    }
    let seen = 0;
    const subscription = fromStream(heedful).subscribe(() => seen++);
    await until(() => seen === 2);
    subscription.unsubscribe();
    await until(() => log.length === 2);
    expect(log).toEqual(['aborted', 'returned']);
  });

  it('gives an error event as an error', async () => {
    const values = [
      ...events.slice(0, 3),
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
    ] as unknown as StreamEvent[];
    expect(await failure(fromStream(generate(values)))).toMatchObject({ code: 'overloaded' });
  });

  it.each<[string, unknown]>([
    ['a promise of nothing', async () => null],
    ['a value that is no event', () => generate([null as never])],
    [
      'a result that is no result',
      () => ({ [Symbol.asyncIterator]: () => ({ next: async () => null }) }),
    ],
  ])('ends with an error for %s', async (_, input) => {
    expect(await failure(fromStream(input as never))).toMatchObject({ code: 'unknown' });
  });

  it('does not fail with an iterator that fails to return', async () => {
    const fails = (): never => {
      throw new Error('It cannot return');
    };
    const [...values] = events;
    const next = async () => ({ done: false, value: values.shift()! });
    const input = { [Symbol.asyncIterator]: () => ({ next, return: fails }) };
    expect(await received(fromStream(input as never))).toEqual([...events]);
  });

  it('refuses what is no stream, when it is called', () => {
    expect(() => fromStream(undefined as never)).toThrow(TypeError);
    expect(() => fromStream([1, 2] as never)).toThrow(/async iterable/);
  });
});
