import Anthropic from '@anthropic-ai/sdk';
import { MessageStreamError, type StreamEvent } from 'claude-rx';
import { requireMessageStop } from 'claude-rx/operators/requireMessageStop';
import { messageEvents } from 'claude-rx/testing';
import fc from 'fast-check';
import {
  concat,
  EMPTY,
  from,
  NEVER,
  type Observable,
  of,
  retry,
  Subject,
  take,
  throwError,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { drawn } from '../diagrams/drawn.ts';
import { testScheduler } from '../support/marbles.ts';
import {
  messageDelta,
  messageStart,
  messageStop,
  ping,
  raw,
  reply,
  synchronous,
  text,
  textStart,
} from './events.ts';

const events = {
  m: messageStart(),
  n: messageStart('msg_2'),
  '[': textStart(0),
  t: text(0, 'Hi'),
  p: ping,
  x: messageDelta(),
  y: messageDelta(null),
  S: messageStop,
};

const run = (test: Parameters<ReturnType<typeof testScheduler>['run']>[0]) => () =>
  testScheduler().run(test);

const truncated = new MessageStreamError(
  'The stream ended before message_stop: the reply may be cut off; what arrived is in `partial`',
  { code: 'truncated' },
);
const connection = new MessageStreamError('The connection was lost', { code: 'connection' });

/** How a stream ends that emits at once. */
function endOf(source: Observable<StreamEvent>, ...config: Parameters<typeof requireMessageStop>) {
  const seen: { types: string[]; error?: unknown; complete: boolean } = {
    types: [],
    complete: false,
  };
  source.pipe(requireMessageStop(...config)).subscribe({
    next: ({ type }) => seen.types.push(type),
    error: (error: unknown) => (seen.error = error),
    complete: () => (seen.complete = true),
  });
  return seen;
}

describe('requireMessageStop', () => {
  it(
    'completes at message_stop and unsubscribes from the source',
    drawn(
      'requireMessageStop',
      run(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold('--m--t--t--x--S-----', events);
        const result = '     --m--t--t--x--(S|)';
        expectObservable(source.pipe(requireMessageStop())).toBe(result, events);
        expectSubscriptions(source.subscriptions).toBe('^-------------!');
      }),
    ),
  );

  it(
    'errors for a completion before message_stop',
    drawn(
      'requireMessageStop-truncated',
      run(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold('--m--t--t--|', events);
        const result = '     --m--t--t--#';
        expectObservable(source.pipe(requireMessageStop())).toBe(result, events, truncated);
        expectSubscriptions(source.subscriptions).toBe('^----------!');
      }),
      { title: 'requireMessageStop()' },
    ),
  );

  it(
    'errors for a completion after a stop_reason, too',
    run(({ cold, expectObservable }) => {
      const source = cold('--m--t--x--|', events);
      const result = '     --m--t--x--#';
      expectObservable(source.pipe(requireMessageStop())).toBe(result, events, truncated);
    }),
  );

  it(
    'errors for a stream without events',
    run(({ cold, expectObservable }) => {
      expectObservable(cold('---|', events).pipe(requireMessageStop())).toBe(
        '---#',
        events,
        truncated,
      );
      expectObservable(EMPTY.pipe(requireMessageStop())).toBe('#', {}, truncated);
    }),
  );

  it(
    'passes on an error of the source, after the events before it',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('--m--t--#', events, connection);
      const result = '     --m--t--#';
      expectObservable(source.pipe(requireMessageStop())).toBe(result, events, connection);
      expectSubscriptions(source.subscriptions).toBe('^-------!');
    }),
  );

  it(
    'unsubscribes from the source',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('--m--t--t--', events);
      const leave = '      ------!';
      const result = '     --m--t-';
      expectObservable(source.pipe(requireMessageStop()), leave).toBe(result, events);
      expectSubscriptions(source.subscriptions).toBe('^-----!');
    }),
  );

  it(
    'has separate state for each subscription',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-m-t-|', events);
      const result = '     -m-t--m-t-#';
      const retried = source.pipe(requireMessageStop(), retry(1));
      expectObservable(retried).toBe(result, events, truncated);
      expectSubscriptions(source.subscriptions).toBe(['^----!', '-----^----!']);
    }),
  );

  it('passes every event on unchanged, also of unknown types', () => {
    const unknown = raw({ type: 'vibe_check' });
    const all = [...messageEvents.text('Hi').ping().event(unknown).toolUse('f', {})];
    const seen: StreamEvent[] = [];
    from(all)
      .pipe(requireMessageStop())
      .subscribe((event) => seen.push(event));
    seen.forEach((event, index) => expect(event).toBe(all[index]));
    expect(seen).toHaveLength(all.length);
  });

  it('ends any reply in one of the two ways', () => {
    fc.assert(
      fc.property(reply, (all) => {
        const { types, error, complete } = endOf(from(all));
        const isWhole = all.at(-1)?.type === 'message_stop';
        expect(complete).toBe(isWhole);
        expect(error instanceof MessageStreamError).toBe(!isWhole);
        expect(types).toEqual(all.map(({ type }) => type));
      }),
    );
  });
});

describe('requireMessageStop and its error', () => {
  it('has the message so far', () => {
    const { error } = endOf(of(events.m, events['['], events.t));
    expect(error).toBeInstanceOf(MessageStreamError);
    expect(error).toMatchObject({ code: 'truncated', retryable: true });
    expect((error as MessageStreamError).partial).toMatchObject({
      id: 'msg_1',
      content: [{ type: 'text', text: 'Hi' }],
      stop_reason: null,
    });
  });

  it('has no message if nothing had arrived', () => {
    expect(endOf(of(events.p)).error).toMatchObject({ code: 'truncated', partial: undefined });
  });

  it('is a MessageStreamError whatever the source failed with', () => {
    const reset = Object.assign(new TypeError('terminated'), {
      cause: Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }),
    });
    const overloaded = new Anthropic.APIError(
      undefined,
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
      undefined,
      new Headers({ 'request-id': 'req_1' }),
    );
    expect(endOf(throwError(() => reset)).error).toMatchObject({
      code: 'connection',
      cause: reset,
    });
    expect(endOf(throwError(() => overloaded)).error).toMatchObject({
      code: 'overloaded',
      cause: overloaded,
    });
    expect(endOf(throwError(() => 'lost')).error).toMatchObject({ code: 'unknown', cause: 'lost' });
  });

  it('gives an error of the source the message so far, unless it has one', () => {
    const source = (error: unknown) =>
      concat(
        of(events.m, events['['], events.t),
        throwError(() => error),
      );
    expect(endOf(source(connection)).error).toMatchObject({
      code: 'connection',
      partial: { content: [{ text: 'Hi' }] },
    });
    const partial = { ...messageOf(events.m), content: [] };
    const withPartial = new MessageStreamError('cut', { code: 'truncated', partial });
    expect(endOf(source(withPartial)).error).toBe(withPartial);
  });
});

function messageOf(event: StreamEvent) {
  if (event.type !== 'message_start') throw new Error('no message_start');
  return event.message;
}

describe('requireMessageStop with a source that does not wait', () => {
  it('reads nothing after message_stop, and no more than is taken', () => {
    const all = [events.m, events.t, events.S, events.n, events.t];
    const whole = synchronous(all);
    expect(endOf(whole.source)).toMatchObject({ complete: true, types: { length: 3 } });
    expect(whole.taken()).toBe(3);
    const { source, taken } = synchronous(all);
    source.pipe(requireMessageStop(), take(1)).subscribe();
    expect(taken()).toBe(1);
  });

  it('works when an event causes message_stop', () => {
    const source = new Subject<StreamEvent>();
    const seen: string[] = [];
    source.pipe(requireMessageStop()).subscribe({
      next: ({ type }) => {
        seen.push(type);
        if (type === 'message_start') source.next(events.S);
      },
      complete: () => seen.push('complete'),
    });
    source.next(events.m);
    expect(seen).toEqual(['message_start', 'message_stop', 'complete']);
    expect(source.observed).toBe(false);
  });

  it('completes at a message_stop whose message_start it has not seen', () => {
    expect(endOf(of(events.t, events.S))).toEqual({
      types: ['content_block_delta', 'message_stop'],
      complete: true,
    });
  });
});

describe('requireMessageStop with `allowMissing`', () => {
  const config = { allowMissing: true };

  it(
    'adds the message_stop that is missing after a stop_reason',
    run(({ cold, expectObservable }) => {
      const source = cold('--m--t--x--|', events);
      const result = '     --m--t--x--(S|)';
      expectObservable(source.pipe(requireMessageStop(config))).toBe(result, events);
    }),
  );

  it(
    'adds no second message_stop',
    run(({ cold, expectObservable }) => {
      const source = cold('--m--x--S--|', events);
      const result = '     --m--x--(S|)';
      expectObservable(source.pipe(requireMessageStop(config))).toBe(result, events);
    }),
  );

  it(
    'allows an unsubscribe at the added message_stop',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('--m--x--|', events);
      const result = '     --m--x--(S|)';
      expectObservable(source.pipe(requireMessageStop(config), take(3))).toBe(result, events);
      expectSubscriptions(source.subscriptions).toBe('^-------!');
    }),
  );

  it(
    'errors for a completion without a stop_reason',
    run(({ cold, expectObservable }) => {
      for (const diagram of ['--m--t--', '--m--y--', '---']) {
        expectObservable(cold(`${diagram}|`, events).pipe(requireMessageStop(config))).toBe(
          `${diagram}#`,
          events,
          truncated,
        );
      }
    }),
  );

  it(
    'adds nothing to a reply that errors, or that goes on',
    run(({ cold, expectObservable }) => {
      expectObservable(cold('--m--x--#', events, connection).pipe(requireMessageStop(config))).toBe(
        '--m--x--#',
        events,
        connection,
      );
      expectObservable(NEVER.pipe(requireMessageStop(config))).toBe('-');
    }),
  );
});

describe('requireMessageStop with `keepContent: false`', () => {
  const config = { keepContent: false };
  const message = { id: 'msg_1', content: [], stop_reason: 'end_turn' };

  it('errors with the message without its content', () => {
    const all = [events.m, events['['], events.t, events.x];
    const { error, types } = endOf(from(all), config);
    expect(types).toEqual(all.map(({ type }) => type));
    expect(error).toMatchObject({ code: 'truncated', partial: message });
    const failed = concat(
      from(all),
      throwError(() => connection),
    );
    expect(endOf(failed, config).error).toMatchObject({ code: 'connection', partial: message });
  });

  it('still knows of a stop_reason', () => {
    const source = of(events.m, events['['], events.t, events.x);
    const { types, complete } = endOf(source, { ...config, allowMissing: true });
    expect({ last: types.at(-1), complete }).toEqual({ last: 'message_stop', complete: true });
  });

  it('ends any reply as it does with the content', () => {
    fc.assert(
      fc.property(reply, fc.boolean(), (all, allowMissing) => {
        const without = endOf(from(all), { keepContent: false, allowMissing });
        const { error, ...others } = endOf(from(all), { allowMissing });
        expect(without).toMatchObject(others);
        expect(without.error instanceof MessageStreamError).toBe(error !== undefined);
      }),
    );
  });
});
