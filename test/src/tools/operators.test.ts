import {
  accumulateMessage,
  accumulateText,
  accumulateUsage,
  type AnyStreamEvent,
  coalesceMap,
  contentBlocks,
  encodeEvent,
  eventsOfType,
  finalMessage,
  finalText,
  fromResponse,
  fromStream,
  measureStream,
  MessageBuilder,
  messageState,
  messageTimeout,
  requireMessageStop,
  shareMessage,
  type StreamEvent,
  takeUntilAborted,
  textOnly,
  toAsyncIterable,
  toReadableStream,
  toSse,
  toSseResponse,
  toolUses,
} from 'claude-rx';
import { messageEvents, record } from 'claude-rx/testing';
import { runTools, type ToolEvent } from 'claude-rx/tools';
import {
  concat,
  delay,
  from,
  map,
  type MonoTypeOperatorFunction,
  type Observable,
  of,
  type OperatorFunction,
  take,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { failure, params, received } from '../../support/server.ts';
import { isOurs, tool } from './turns.ts';

type Event = StreamEvent | ToolEvent;

const first = messageEvents.text('Let me look. ').toolUse('a', { n: 1 }).with({ id: 'msg_a' });
const second = messageEvents.text('It is one.').with({ id: 'msg_b' });

const loop = (): Observable<Event> =>
  runTools((_, { turn }): Iterable<StreamEvent> => (turn === 1 ? first : second), params, {
    tools: [tool('a', () => concat(of('half'), of({ result: 1 }).pipe(delay(1))))],
  });

const through = <T>(operator: OperatorFunction<Event, T>): Promise<T[]> =>
  received(loop().pipe(operator));

function omit<T extends object>(object: T, field: keyof T): T {
  const { [field]: _, ...rest } = object;
  return rest as T;
}

/** What is the same in each run. */
const known = await received(loop());

describe('the events of runTools', () => {
  it('are emitted between those of the replies', () => {
    expect(known.filter(isOurs).map(({ type }) => type)).toEqual([
      'tool_start',
      'tool_progress',
      'tool_result',
      'turn_end',
      'turn_end',
    ]);
  });

  const mirrors: Record<string, MonoTypeOperatorFunction<Event>> = {
    requireMessageStop: requireMessageStop(),
    messageTimeout: messageTimeout({ liveness: 10_000, progress: 10_000, total: 10_000 }),
    shareMessage: shareMessage(),
    takeUntilAborted: takeUntilAborted(new AbortController().signal),
    measureStream: measureStream(() => {}),
  };
  it.each(Object.entries(mirrors))('pass through %s unharmed', async (_, operator) => {
    const passed = await through(operator);
    expect(passed).toEqual(known);
  });

  it('pass through coalesceMap with merging, and keep their order', async () => {
    const passed = await through(coalesceMap((event) => of(event)));
    expect(passed.filter(isOurs)).toEqual(known.filter(isOurs));
  });

  it('do not change the output of operators for the replies', async () => {
    const replies = [...first, ...second];
    const same = async <T>(operator: () => OperatorFunction<AnyStreamEvent, T>) =>
      expect(await through(operator())).toEqual(
        await received(from(replies as AnyStreamEvent[]).pipe(operator())),
      );
    await same(textOnly);
    await same(accumulateText);
    await same(accumulateMessage);
    await same(accumulateUsage);
    await same(contentBlocks);
    await same(toolUses);
    expect((await through(textOnly())).join('')).toBe('Let me look. It is one.');
  });

  it('end operators that end with a reply at the end of the loop, not of its first reply', async () => {
    expect(await through(finalMessage())).toMatchObject([{ id: 'msg_b' }]);
    expect(await through(finalText())).toEqual(['It is one.']);
    const states = await through(messageState());
    expect(states.filter(({ status }) => status === 'complete')).toHaveLength(1);
    expect(states.at(-1)).toMatchObject({ status: 'complete', text: 'It is one.' });
    const cut = await received(from(known.slice(0, -1)).pipe(messageState()));
    expect(cut.at(-1)).toMatchObject({ status: 'error', error: { code: 'truncated' } });
  });

  it('change nothing in a message', () => {
    const builder = new MessageBuilder<AnyStreamEvent>();
    for (const event of first) builder.push(event);
    const { message } = builder;
    for (const event of known.filter(isOurs)) builder.push(event);
    expect(builder.message).toBe(message);
  });

  it('can be filtered by their type', async () => {
    const results = await through(eventsOfType('tool_result'));
    expect(results.map(({ name, value }) => [name, value])).toEqual([['a', { result: 1 }]]);
  });

  it('are recorded', async () => {
    const lines = await through(record());
    expect(lines.filter((line) => line.includes('"tool_result"'))).not.toHaveLength(0);
  });

  it('are replayed to a late subscriber of a shared loop', async () => {
    const shared = loop().pipe(shareMessage());
    const early = received(shared);
    await received(shared.pipe(take(1)));
    const late = await received(shared);
    expect(late.filter(isOurs).map(({ type }) => type)).toContain('turn_end');
    expect(await early).toEqual(known);
  });
});

describe('a loop that is sent to a reader', () => {
  // What a tool gave is not for the reader: the result is what the model is told.
  const sent = known.map((event) => (event.type === 'tool_result' ? omit(event, 'value') : event));

  it('is read unchanged from SSE frames: the browser ends after the last turn', async () => {
    const response = toSseResponse(loop());
    expect(await received(fromResponse(response))).toEqual(sent);
    const frames = await through(toSse({ id: false }));
    expect(frames.join('')).toBe(sent.map((event) => encodeEvent(event)).join(''));
  });

  it('marks each message_start with its turn, in a form that survives spread and JSON', async () => {
    const starts = known.filter(({ type }) => type === 'message_start');
    expect(starts.map((start) => (start as { turn?: unknown }).turn)).toEqual([1, 2]);
    const copied = from(known.map((event) => JSON.parse(JSON.stringify({ ...event })) as Event));
    expect(await received(copied.pipe(requireMessageStop()))).toHaveLength(known.length);
    expect(await received(fromStream(() => toAsyncIterable(loop())))).toEqual(known);
  });

  it('is an error with code truncated if it is cut between two turns', async () => {
    const at = known.findIndex(({ type }) => type === 'turn_end');
    for (const length of [at, at + 1]) {
      const error = await failure(fromResponse(toSseResponse(loop().pipe(take(length)))));
      expect(error).toMatchObject({ code: 'truncated', retryable: true, partial: { id: 'msg_a' } });
    }
  });

  it('is an error with code truncated if the last turn is missing', async () => {
    const part = toSseResponse(loop().pipe(take(known.length - 1)));
    const error = await failure(fromResponse(part));
    expect(error).toMatchObject({ code: 'truncated', partial: { id: 'msg_b' } });
    const cut = await failure(
      from(known.slice(0, -1)).pipe(requireMessageStop({ allowMissing: true })),
    );
    expect(cut.code).toBe('truncated');
  });

  it('contains no errors of a tool except the result for the model', async () => {
    const secret = Object.assign(new Error('no network'), { password: 'hunter2' });
    const failing = runTools(
      (_, { turn }): Iterable<StreamEvent> => (turn === 1 ? first : second),
      params,
      { tools: [tool('a', () => Promise.reject(secret))] },
    );
    const seen: unknown[] = [];
    const text = await toSseResponse(
      failing.pipe(
        map((event) => {
          if (event.type === 'tool_result') seen.push(event.error);
          return { ...event };
        }),
      ),
    ).text();
    expect(seen).toEqual([secret]);
    expect(text).toContain('no network');
    expect(text).not.toContain('hunter2');
  });

  it('is a stream, and can be iterated', async () => {
    const text = await new Response(toReadableStream(loop())).text();
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(sent);
    const iterated: Event[] = [];
    for await (const event of toAsyncIterable(loop())) iterated.push(event);
    expect(iterated).toEqual(known);
  });
});
