import {
  type AnyStreamEvent,
  eventsOf,
  fromMessages,
  type MessageOf,
  MessageStreamError,
  type StreamEvent,
} from 'claude-rx';
import { finalText } from 'claude-rx/operators/finalText';
import { shareMessage } from 'claude-rx/operators/shareMessage';
import { messageEvents } from 'claude-rx/testing';
import fc from 'fast-check';
import {
  concat,
  defer,
  finalize,
  from,
  mergeMap,
  Subject,
  take,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { MessageBuilder } from '../../src/message/MessageBuilder.ts';
import { drawn } from '../diagrams/drawn.ts';
import { marbles } from '../support/marbles.ts';
import { params, received, until, useServer } from '../support/server.ts';
import { recordings, repliesOf } from '../support/recordings.ts';
import {
  callStart,
  delta,
  json,
  messageDelta,
  messageStart,
  messageStop,
  outcomeOf,
  ping,
  raw,
  reply,
  resume,
  start,
  stop,
  synchronous,
  text,
  textStart,
} from './events.ts';
import { rounds } from '../support/rounds.ts';

const events = {
  m: messageStart(),
  '[': textStart(0),
  a: text(0, 'a'),
  b: text(0, 'b'),
  c: text(0, 'c'),
  T: text(0, 'ab'),
  ']': stop(0),
  x: messageDelta(),
  S: messageStop,
} as Record<string, StreamEvent>;

/** Has a reader join after every `step`-th event, and compares all readers at every event. */
function joinEverywhere(all: readonly AnyStreamEvent[], step = 1): void {
  const source = new Subject<AnyStreamEvent>();
  const shared = source.pipe(shareMessage());
  const first = new MessageBuilder<AnyStreamEvent>();
  const late: MessageBuilder<AnyStreamEvent>[] = [];
  shared.subscribe((event) => first.push(event));
  for (const [index, event] of all.entries()) {
    source.next(event);
    if (index % step !== 0) continue;
    const builder = new MessageBuilder<AnyStreamEvent>();
    shared.subscribe((own) => builder.push(own));
    late.push(builder);
    expect(builder.message).toStrictEqual(first.message);
    expect(builder.stopped).toBe(first.stopped);
  }
  for (const builder of late) expect(builder.message).toStrictEqual(first.message);
}

/** The message that these events build. */
function messageOf(all: Iterable<StreamEvent>): MessageOf<StreamEvent> | undefined {
  const builder = new MessageBuilder();
  for (const event of all) builder.push(event);
  return builder.message;
}

const connection = new MessageStreamError('The connection was lost', { code: 'connection' });

describe('shareMessage', () => {
  it(
    'replays the reply so far to a late subscriber, in few events, then the rest',
    drawn(
      'shareMessage',
      marbles((m) => {
        const source = m.cold('m[ab------c]xS|', events);
        const joined = '       ----j';
        const late = '         ----(m[T)-c]xS|';
        const shared = source.pipe(shareMessage());
        m.expect(shared).toBeObservable('m[ab------c]xS|', events);
        m.expect(
          m.cold(joined).pipe(
            take(1),
            mergeMap(() => shared),
          ),
        ).toBeObservable(late, events);
        m.expect(source).toHaveSubscriptions(['^-------------!']);
      }),
      { inputs: ['source', ''], outputs: ['first', 'late'] },
    ),
  );

  it(
    'unsubscribes the source when the last subscriber leaves, and subscribes again for the next',
    marbles((m) => {
      const source = m.cold('m[a--b--c--]xS|', events);
      const shared = source.pipe(shareMessage());
      m.expect(shared, '     ^---!').toBeObservable('m[a--', events);
      m.expect(shared, '     ^-----!').toBeObservable('m[a--b-', events);
      m.expect(shared, '     --------^---!').toBeObservable('--------m[a--', events);
      m.expect(source).toHaveSubscriptions(['^-----!', '--------^---!']);
    }),
  );

  it(
    'lets the reply run to its end when resetOnRefCountZero is false',
    marbles((m) => {
      const source = m.cold('m[a--b------c--]xS|', events);
      const shared = source.pipe(shareMessage({ resetOnRefCountZero: false }));
      m.expect(shared, '     ^---!').toBeObservable('m[a--', events);
      m.expect(shared, '     ------^---!').toBeObservable('------(m[T)', events);
      m.expect(source).toHaveSubscriptions(['^-----------------!']);
    }),
  );

  it(
    'waits for another subscriber until the notifier emits',
    marbles((m) => {
      const source = m.cold('m[a--b--c--]xS|', events);
      const shared = source.pipe(shareMessage({ resetOnRefCountZero: () => timer(3) }));
      m.expect(shared, '     ^---!').toBeObservable('m[a--', events);
      m.expect(shared, '     ------^-!').toBeObservable('------(m[T)', events);
      m.expect(source).toHaveSubscriptions(['^----------!']);
    }),
  );

  it('replays the complete reply to a subscriber after the end', () => {
    const { source, taken } = synchronous([...messageEvents.text('Hello world').text('again')]);
    const shared = source.pipe(shareMessage());
    const first = outcomeOf(shared);
    const count = taken();
    const late = outcomeOf(shared);
    expect(late).toStrictEqual({ values: eventsOf(messageOf(first.values)!), completed: true });
    expect(late.values).toHaveLength(9);
    expect(taken()).toBe(count);
  });

  it('emits the same error to a subscriber after the error', () => {
    const begin = [events['m']!, events['[']!, events['a']!, events['b']!];
    const source = concat(
      from(begin),
      throwError(() => connection),
    );
    const shared = source.pipe(shareMessage());
    expect(outcomeOf(shared)).toMatchObject({ values: begin, error: connection });
    const late = outcomeOf(shared);
    expect(late.values).toStrictEqual([events['m'], events['['], events['T']]);
    expect(late.error).toBe(connection);
  });

  it('keeps the message of a source that failed without subscribers', () => {
    const source = new Subject<StreamEvent>();
    const shared = source.pipe(shareMessage({ resetOnRefCountZero: false }));
    shared.pipe(take(1)).subscribe();
    source.next(events['m']!);
    source.error(connection);
    expect(outcomeOf(shared)).toStrictEqual({
      values: [events['m']],
      completed: false,
      error: connection,
    });
  });

  it('does not replay pings, resume events and unknown events', () => {
    const source = new Subject<StreamEvent>();
    const shared = source.pipe(shareMessage());
    const first: StreamEvent[] = [];
    const late: StreamEvent[] = [];
    const unknown = raw({ type: 'vibe_check', index: 0 });
    shared.subscribe((event) => first.push(event));
    const before = [messageStart(), ping, textStart(0), unknown, text(0, 'a'), resume(1)];
    for (const event of before) source.next(event);
    shared.subscribe((event) => late.push(event));
    const after = [ping, unknown, resume(0)];
    for (const event of after) source.next(event);
    expect(first).toStrictEqual([...before, ...after]);
    expect(late).toStrictEqual([messageStart(), textStart(0), text(0, 'a'), ...after]);
  });

  it('does not replay blocks that a resume event has withdrawn', () => {
    const all = [
      messageStart(),
      textStart(0),
      text(0, 'Hello'),
      stop(0),
      callStart(1),
      json(1, '{"ci'),
      resume(1),
      callStart(1),
      json(1, '{"city":'),
      json(1, '"Paris"}'),
      stop(1),
      messageDelta('tool_use'),
      messageStop,
    ];
    joinEverywhere(all);
  });

  it('keeps the indices of a gateway that skips or repeats them', () => {
    const text2 = [start(2, { type: 'text', text: '' }), text(2, 'a'), text(2, 'b'), stop(2)];
    const text7 = [start(7, { type: 'text', text: '' }), text(7, 'c'), text(7, 'd'), stop(7)];
    joinEverywhere([messageStart(), ...text2, ...text7, ...text7, messageDelta(), messageStop]);
  });

  it('replays deltas of unknown types as events, which survive JSON', () => {
    const source = new Subject<StreamEvent>();
    const shared = source.pipe(shareMessage());
    shared.subscribe();
    const more = (piece: string) => delta(0, { type: 'connector_text_delta', text: piece });
    const all = [messageStart(), start(0, { type: 'connector_text' }), more('a'), more('b')];
    for (const event of all) source.next(event);
    const late = outcomeOf(shared.pipe(take(4))).values;
    expect(late).toStrictEqual(all);
    expect(JSON.parse(JSON.stringify(late))).toStrictEqual(late);
  });

  it('accumulates the same message for a subscriber at any position of any reply', () => {
    fc.assert(
      fc.property(reply, (all) => joinEverywhere(all)),
      { numRuns: rounds(300) },
    );
  });

  it('accumulates the same message for a subscriber at any position of several replies', () => {
    fc.assert(
      fc.property(reply, reply, (one, other) => {
        const second = other.map((event) =>
          event.type === 'message_start' ? messageStart('msg_2') : event,
        );
        joinEverywhere([...one, ...second]);
      }),
    );
  });

  it.each(recordings)('accumulates the same message at any position of $name', (recording) => {
    for (const all of repliesOf(recording)) {
      // Each position of a reply of thousands costs a reader for the rest of it.
      joinEverywhere(all, Math.ceil(all.length / Math.max(10, rounds(200))));
    }
  });

  it('emits each event once to a subscriber that subscribes inside the next of another', () => {
    const source = new Subject<StreamEvent>();
    const shared = source.pipe(shareMessage());
    const inner: StreamEvent[] = [];
    const after: StreamEvent[] = [];
    shared.subscribe((event) => {
      if (event === events['a']) shared.subscribe((own) => inner.push(own));
    });
    shared.subscribe((event) => after.push(event));
    for (const letter of 'm[abc') source.next(events[letter]!);
    expect(inner).toStrictEqual([...'m[abc'].map((letter) => events[letter]));
    expect(after).toStrictEqual(inner);
  });

  it('keeps the order for all when a subscriber makes the source emit', () => {
    const source = new Subject<StreamEvent>();
    const shared = source.pipe(shareMessage());
    const seen: StreamEvent[][] = [[], [], []];
    shared.subscribe((event) => {
      seen[0]!.push(event);
      if (event === events['a']) source.next(events['b']!);
    });
    shared.subscribe((event) => seen[1]!.push(event));
    for (const letter of 'm[a') source.next(events[letter]!);
    // In the middle of its own replay, too.
    let isFirst = true;
    shared.subscribe((event) => {
      seen[2]!.push(event);
      if (isFirst) source.next(events['c']!);
      isFirst = false;
    });
    expect(seen[0]).toStrictEqual([...'m[abc'].map((letter) => events[letter]));
    expect(seen[1]).toStrictEqual(seen[0]);
    expect(seen[2]).toStrictEqual([...'m[Tc'].map((letter) => events[letter]));
  });

  it('emits the end after the replay to a subscriber that makes the source end in it', () => {
    const source = new Subject<StreamEvent>();
    const shared = source.pipe(shareMessage());
    shared.subscribe();
    for (const letter of 'm[a') source.next(events[letter]!);
    const { values, completed } = outcomeOf(shared.pipe(tap(() => source.complete())));
    expect({ types: values.map(({ type }) => type), completed }).toStrictEqual({
      types: ['message_start', 'content_block_start', 'content_block_delta'],
      completed: true,
    });
  });

  it('stops for a subscriber that leaves inside its next, in the replay and after it', () => {
    const source = new Subject<StreamEvent>();
    let isLeft = false;
    const shared = source.pipe(
      finalize(() => (isLeft = true)),
      shareMessage(),
    );
    const first = shared.subscribe();
    for (const letter of 'm[ab') source.next(events[letter]!);
    const late = outcomeOf(shared.pipe(take(2)));
    expect(late.values).toStrictEqual([events['m'], events['[']]);
    const later = outcomeOf(shared.pipe(take(4)));
    source.next(events['c']!);
    source.next(events['x']!);
    expect(later.values).toStrictEqual([...'m[Tc'].map((letter) => events[letter]));
    expect(isLeft).toBe(false);
    first.unsubscribe();
    expect(isLeft).toBe(true);
  });

  it('stops a synchronous source when its only subscriber leaves', () => {
    const { source, taken } = synchronous([...messageEvents.text('Hello world', { chunk: 1 })]);
    expect(outcomeOf(source.pipe(shareMessage(), take(3))).values).toHaveLength(3);
    expect(taken()).toBe(3);
  });

  it('has separate state for each source, and for each request', () => {
    const operator = shareMessage<StreamEvent>();
    let requests = 0;
    const source = defer(() => from([messageStart(`msg_${++requests}`), textStart(0)]));
    const pending = (observable: typeof source) => concat(observable, new Subject<StreamEvent>());
    const shared = operator(pending(source));
    const other = operator(pending(source));
    const seen = (observable: typeof source) => outcomeOf(observable.pipe(take(1))).values;
    expect([seen(shared), seen(shared), seen(other)]).toStrictEqual([
      [messageStart('msg_1')],
      [messageStart('msg_2')],
      [messageStart('msg_3')],
    ]);
  });

  it('throws for an invalid resetOnRefCountZero, when called', () => {
    expect(() => shareMessage({ resetOnRefCountZero: 5_000 as never })).toThrow(TypeError);
    expect(() => shareMessage({ resetOnRefCountZero: null as never })).toThrow(/a boolean, or a/);
  });
});

describe('shareMessage over HTTP', () => {
  const context = useServer();
  const reply$ = () => fromMessages(context.client, params);

  it('sends one request for all subscribers', async () => {
    context.server.reply(messageEvents.text('Hello wide world'));
    const shared = reply$().pipe(shareMessage());
    const [texts, whole] = await Promise.all([
      received(shared.pipe(finalText())),
      received(shared),
    ]);
    expect(texts).toEqual(['Hello wide world']);
    expect(whole).toEqual([...messageEvents.text('Hello wide world')]);
    expect(await received(shared.pipe(finalText()))).toEqual(texts);
    expect(context.server.requests).toHaveLength(1);
  });

  it('aborts the request when the last subscriber leaves', async () => {
    const hello = messageEvents.text('Hello wide world');
    context.server.reply({ events: hello, fault: { kind: 'stall', beforeEvent: 4 } });
    const shared = reply$().pipe(shareMessage());
    let count = 0;
    const subscriptions = [shared.subscribe(() => count++), shared.subscribe()];
    await until(() => count === 4);
    subscriptions[0]!.unsubscribe();
    expect(context.server.requests[0]!.outcome).toBe('pending');
    subscriptions[1]!.unsubscribe();
    expect(await context.server.requests[0]!.finished).toBe('client-left');
  });
});
