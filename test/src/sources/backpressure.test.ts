import {
  coalesceMap,
  fromMessages,
  fromResponse,
  fromStream,
  messageTimeout,
  type MessageStreamError,
  type SourceOptions,
  type StreamEvent,
  textOnly,
  Valve,
} from 'claude-rx';
import { messageEvents, type MessagesServer } from 'claude-rx/testing';
import { BehaviorSubject, defer, filter, map, type Observable, Subject, take, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  messageDelta,
  messageStart,
  messageStop,
  stop,
  text,
  textStart,
} from '../../operators/events.ts';
import { failure, params, received, until, useServer } from '../../support/server.ts';

/** Far more than the buffers of the operating system take: 16 MB. */
const COUNT = 256;
const FILLER = 'x'.repeat(65_536);
const pieceOf = (index: number) => `${index} ${FILLER}`;

/** A reply in large events, each with its number. */
const large: readonly StreamEvent[] = [
  messageStart(),
  textStart(0),
  ...Array.from({ length: COUNT }, (_, index) => text(0, pieceOf(index))),
  stop(0),
  messageDelta(),
  messageStop,
];

const context = useServer();

const sources: Record<string, (options: SourceOptions) => Observable<StreamEvent>> = {
  fromMessages: (options) => fromMessages(context.client, params, options),
  fromResponse: (options) => fromResponse((signal) => post(context.server, signal), options),
  "fromStream of the SDK's Stream": (options) =>
    fromStream<StreamEvent>(
      (signal) => context.client.messages.create({ ...params, stream: true }, { signal }),
      options,
    ),
};

function post({ url }: MessagesServer, signal: AbortSignal): Promise<Response> {
  const body = JSON.stringify({ ...params, stream: true });
  return fetch(`${url}/v1/messages`, { method: 'POST', body, signal });
}

/** Work that goes on when `released` says so. */
function held() {
  const released = new BehaviorSubject(false);
  const work = <T>(value: T) =>
    released.pipe(
      filter(Boolean),
      take(1),
      map(() => value),
    );
  return { release: () => released.next(true), work };
}

/** How much the server has sent when it has not been able to send any more for a while. */
async function stalled(index = 0): Promise<number> {
  await until(() => (context.server.requests[index]?.bytesSent ?? 0) > 0);
  const { requests } = context.server;
  let sent = -1;
  for (let still = 0; still < 10; still++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const now = requests[index]!.bytesSent;
    if (now !== sent) still = 0;
    sent = now;
  }
  return sent;
}

const expectEmpty = (valve: Valve) =>
  expect({ depth: valve.depth, isOpen: valve.isOpen }).toEqual({ depth: 0, isOpen: true });

describe.each(Object.entries(sources))('%s with a valve', (_, from) => {
  it('does not read while the step is behind, so that the server stalls, and loses nothing', async () => {
    context.server.reply(large);
    const valve = new Valve({ highWaterMark: 8 });
    const { release, work } = held();
    let most = 0;
    valve.depth$.subscribe((depth) => (most = Math.max(most, depth)));
    const seen: string[] = [];
    const done = received(
      from({ valve, keepContent: false }).pipe(
        textOnly(),
        valve.concatMap(work),
        map((piece) => seen.push(piece)),
      ),
    );
    const total = COUNT * FILLER.length;
    expect(await stalled()).toBeLessThan(total / 2);
    expect(context.server.requests[0]!.outcome).toBe('pending');
    expect(valve.isOpen).toBe(false);
    expect(seen).toEqual([]);

    release();
    await done;
    expect(await context.server.requests[0]!.finished).toBe('complete');
    expect(context.server.requests[0]!.bytesSent).toBeGreaterThan(total);
    expect(seen.length).toBe(COUNT);
    expect(seen.every((piece, index) => piece === pieceOf(index))).toBe(true);
    // A network chunk holds no more than two such events.
    expect(most).toBeLessThanOrEqual(9);
    expectEmpty(valve);
  });

  it('lets the connection go at once when it is left while the valve is closed', async () => {
    context.server.reply(large);
    const valve = new Valve({ highWaterMark: 2 });
    const subscription = from({ valve }).pipe(valve.concatMap(held().work)).subscribe();
    await stalled();
    expect(valve.isOpen).toBe(false);
    subscription.unsubscribe();
    expectEmpty(valve);
    expect(await context.server.requests[0]!.finished).toBe('client-left');
    expect(context.server.requests).toHaveLength(1);
  });

  it('lets the connection go at once when the step fails while the valve is closed', async () => {
    context.server.reply(large);
    const valve = new Valve({ highWaterMark: 2 });
    const lost = new Error('disk full');
    const fail = new Subject<void>();
    const errors: unknown[] = [];
    from({ valve })
      .pipe(valve.concatMap(() => fail))
      .subscribe({ error: (error) => errors.push(error) });
    await stalled();
    fail.error(lost);
    expect(errors).toEqual([lost]);
    expectEmpty(valve);
    expect(await context.server.requests[0]!.finished).toBe('client-left');
  });

  it('lets the connection go at once when the signal aborts, and ends when all is done', async () => {
    context.server.reply(large);
    const valve = new Valve({ highWaterMark: 2 });
    const stopping = new AbortController();
    const { release, work } = held();
    const errors: MessageStreamError[] = [];
    const seen: StreamEvent[] = [];
    from({ valve, signal: stopping.signal })
      .pipe(valve.concatMap(work))
      .subscribe({ next: (event) => seen.push(event), error: (error) => errors.push(error) });
    await stalled();
    stopping.abort(new Error('the user pressed Stop'));
    expect(await context.server.requests[0]!.finished).toBe('client-left');
    // What had come before it is not lost.
    expect(errors).toEqual([]);
    const { depth } = valve;
    release();
    expect(seen).toEqual(large.slice(0, depth));
    expect(errors).toMatchObject([{ code: 'aborted' }]);
    expectEmpty(valve);
  });

  it('reads nothing of the body while another pipeline holds the valve closed', async () => {
    context.server.reply(large);
    const valve = new Valve({ highWaterMark: 1 });
    const other = new Subject<string>();
    const holding = other.pipe(valve.concatMap(held().work)).subscribe();
    other.next('slow');
    const seen: StreamEvent[] = [];
    const subscription = from({ valve }).subscribe((event) => seen.push(event));
    await stalled();
    expect(seen).toEqual([]);
    holding.unsubscribe();
    await until(() => seen.length === large.length);
    expect(seen).toEqual(large);
    subscription.unsubscribe();
  });
});

describe('fromStream of a generator with a valve', () => {
  function counted() {
    const state = { asked: 0, ended: false };
    async function* events(): AsyncGenerator<StreamEvent> {
      try {
        for (const event of messageEvents.text('word '.repeat(50), { chunk: 5 })) {
          state.asked++;
          yield event;
        }
      } finally {
        state.ended = true;
      }
    }
    return { state, events };
  }
  const turns = () => new Promise((resolve) => setTimeout(resolve, 20));

  it('asks for no more than the high mark', async () => {
    const { state, events } = counted();
    const valve = new Valve({ highWaterMark: 5 });
    const { release, work } = held();
    const done = received(fromStream(events, { valve }).pipe(valve.concatMap(work)));
    await turns();
    expect(state).toEqual({ asked: 5, ended: false });
    release();
    expect(await done).toEqual([...messageEvents.text('word '.repeat(50), { chunk: 5 })]);
    expectEmpty(valve);
  });

  it('tells it to return when it is left while the valve is closed', async () => {
    const { state, events } = counted();
    const valve = new Valve({ highWaterMark: 5 });
    const subscription = fromStream(events, { valve })
      .pipe(valve.concatMap(held().work))
      .subscribe();
    await turns();
    subscription.unsubscribe();
    await turns();
    expect(state).toEqual({ asked: 5, ended: true });
    expectEmpty(valve);
  });
});

describe('messageTimeout behind a source with a valve', () => {
  const events = [...messageEvents.text('Hello wide world', { chunk: 4 })];
  const LIVENESS = 250;
  const slow = <T>(valve: Valve) =>
    valve.concatMap((value: T) => timer(150).pipe(map(() => value)));

  it('does not blame the server for our own pauses', async () => {
    context.server.reply(events);
    const valve = new Valve({ highWaterMark: 4, lowWaterMark: 0 });
    const timed = fromMessages(context.client, params, { valve }).pipe(
      messageTimeout({ liveness: LIVENESS, valve }),
    );
    // The pauses are of 600 ms.
    expect(await received(timed.pipe(slow(valve)))).toEqual(events);
  });

  it('blames it when it stalls after one', async () => {
    context.server.reply({ events, fault: { kind: 'stall', beforeEvent: 5 } });
    const valve = new Valve({ highWaterMark: 4, lowWaterMark: 0 });
    const timed = fromMessages(context.client, params, { valve }).pipe(
      messageTimeout({ liveness: LIVENESS, valve }),
    );
    const error = await failure(timed.pipe(slow(valve)));
    expect(error).toMatchObject({ code: 'timeout', message: expect.stringContaining('liveness') });
    expect(error.partial?.content).toMatchObject([{ text: 'Hello wide w' }]);
    expect(await context.server.requests[0]!.finished).toBe('client-left');
  });
});

describe('`keepContent: false`', () => {
  const events = [...messageEvents.text('Hello wide world', { chunk: 4 })];

  it.each(Object.entries(sources))('leaves the content out of the error of %s', async (_, from) => {
    context.server.reply({ events, fault: { kind: 'end', beforeEvent: 8 } });
    const error = await failure(from({ keepContent: false }));
    const { message } = events[0] as Extract<StreamEvent, { type: 'message_start' }>;
    expect(error).toMatchObject({ code: 'truncated', partial: { id: message.id, content: [] } });
    expect(error.partial?.stop_reason).toBe('end_turn');
  });

  it('leaves it out of the error of an abort', async () => {
    context.server.reply({ events, fault: { kind: 'stall', beforeEvent: 5 } });
    const stopping = new AbortController();
    const options = { keepContent: false, signal: stopping.signal };
    let count = 0;
    const reply = fromMessages(context.client, params, options).pipe(
      map(() => ++count === 5 && stopping.abort()),
    );
    const error = await failure(reply);
    expect(error).toMatchObject({ code: 'aborted', partial: { content: [] } });
  });
});

describe('coalesceMap behind a source', () => {
  it('writes all of the text, in the order in which it came', async () => {
    const words = Array.from({ length: 2_000 }, (_, index) => `${index} `).join('');
    context.server.reply(messageEvents.text(words, { chunk: 3 }));
    const writes: string[] = [];
    let active = 0;
    const write = (piece: string) =>
      defer(() => {
        expect(++active).toBe(1);
        writes.push(piece);
        return timer(5).pipe(map(() => active--));
      });
    await received(fromMessages(context.client, params).pipe(textOnly(), coalesceMap(write)));
    expect(writes.join('')).toBe(words);
    expect(writes.length).toBeLessThan(500);
  });

  it('writes what had come before the reply failed', async () => {
    const events = [...messageEvents.text('Hello wide world', { chunk: 4 })];
    context.server.reply({ events, fault: { kind: 'error', beforeEvent: 5 } });
    const writes: string[] = [];
    const write = (piece: string) => {
      writes.push(piece);
      return timer(20);
    };
    const reply = fromMessages(context.client, params).pipe(textOnly(), coalesceMap(write));
    expect(await failure(reply)).toMatchObject({ code: 'overloaded' });
    expect(writes.join('')).toBe('Hello wide w');
  });
});
