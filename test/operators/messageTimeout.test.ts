import { MessageStreamError, Valve } from 'claude-rx';
import { messageTimeout, type MessageTimeoutConfig } from 'claude-rx/operators/messageTimeout';
import {
  Observable,
  of,
  retry,
  type SchedulerLike,
  Subject,
  take,
  VirtualTimeScheduler,
} from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { drawn } from '../diagrams/drawn.ts';
import { testScheduler } from '../support/marbles.ts';
import {
  messageDelta,
  messageStart,
  messageStop,
  ping,
  raw,
  resume,
  synchronous,
  text,
  textStart,
} from './events.ts';

const events = {
  m: messageStart(),
  t: text(0, 'Hello'),
  p: ping,
  u: raw({ type: 'vibe_check' }),
  r: resume(0),
  x: messageDelta(),
  S: messageStop,
};

const run = (test: Parameters<ReturnType<typeof testScheduler>['run']>[0]) => () =>
  testScheduler().run(test);

const timeout = (message: string) =>
  new MessageStreamError(`The reply timed out: ${message}`, { code: 'timeout' });

/** The errors by name and message; the rest of an error has tests of its own. */
const silence = {
  liveness: (limit: number, last: string) =>
    timeout(`nothing arrived, not even a ping, for ${limit} ms (liveness); ${last}`),
  progress: (limit: number, last: string) =>
    timeout(`no content arrived for ${limit} ms (progress); ${last}`),
  first: (limit: number) =>
    timeout(`no event arrived within ${limit} ms (first); nothing had arrived`),
  total: (limit: number, last: string) =>
    timeout(`message_stop had not arrived after ${limit} ms (total); ${last}`),
};
const last = (type: string, content?: string) =>
  `the last event was ${type}${content ? `, the last content ${content}` : ''}`;
const onlyPing = 'the last event was ping, and there was no content';

describe('messageTimeout', () => {
  it(
    'ends a reply when only pings arrive',
    drawn(
      'messageTimeout',
      run(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold(' -m--t--p--p--p--p--p-', events);
        const result = '      -m--t--p--p--p-#';
        const subscription = '^--------------!';
        const config = { liveness: 5, progress: 11 };
        const error = silence.progress(11, last('ping', 'content_block_delta'));
        expectObservable(source.pipe(messageTimeout(config))).toBe(result, events, error);
        expectSubscriptions(source.subscriptions).toBe(subscription);
      }),
      { title: 'messageTimeout({ liveness: 5, progress: 11 })' },
    ),
  );

  it(
    'ends a reply when nothing arrives any more',
    drawn(
      'messageTimeout-liveness',
      run(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold(' -m--t--p---------t---', events);
        const result = '      -m--t--p----#';
        const subscription = '^-----------!';
        const config = { liveness: 5, progress: 11 };
        const error = silence.liveness(5, last('ping', 'content_block_delta'));
        expectObservable(source.pipe(messageTimeout(config))).toBe(result, events, error);
        expectSubscriptions(source.subscriptions).toBe(subscription);
      }),
      { title: 'messageTimeout({ liveness: 5, progress: 11 })' },
    ),
  );

  it(
    'passes on a reply within the limits',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' ---m--p--t----t--x----S|', events);
      const result = '      ---m--p--t----t--x----S|';
      const subscription = '^----------------------!';
      const config = { first: 4, liveness: 6, progress: 7, total: 23 };
      expectObservable(source.pipe(messageTimeout(config))).toBe(result, events);
      expectSubscriptions(source.subscriptions).toBe(subscription);
    }),
  );

  it(
    'passes on an error of the source, and an unsubscribe',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const failing = cold('-m-#', events, new Error('lost'));
      const endless = cold('-m---', events);
      const config = { liveness: 5 };
      expectObservable(failing.pipe(messageTimeout(config))).toBe(
        '-m-#',
        events,
        new Error('lost'),
      );
      expectObservable(endless.pipe(messageTimeout(config)), '---!').toBe('-m-', events);
      expectSubscriptions(failing.subscriptions).toBe('^--!');
      expectSubscriptions(endless.subscriptions).toBe('^--!');
    }),
  );

  it(
    'has separate clocks for each subscription',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-m', events);
      const result = source.pipe(messageTimeout({ liveness: 3 }), retry(1));
      const error = silence.liveness(3, last('message_start'));
      expectObservable(result).toBe('-m---m--#', events, error);
      expectSubscriptions(source.subscriptions).toBe(['^---!', '----^---!']);
    }),
  );

  it('gives the message so far with its error, which can be retried', () => {
    const scheduler = new VirtualTimeScheduler();
    const errors: unknown[] = [];
    const source = new Subject<typeof events.m>();
    source
      .pipe(messageTimeout({ liveness: 1_000, scheduler }))
      .subscribe({ error: (error) => errors.push(error) });
    for (const event of [events.m, textStart(0), events.t, events.p]) source.next(event);
    scheduler.flush();
    const [error] = errors as [MessageStreamError];
    expect(error).toBeInstanceOf(MessageStreamError);
    expect(error).toMatchObject({ code: 'timeout', retryable: true });
    expect(error.partial?.content).toEqual([{ type: 'text', text: 'Hello', citations: null }]);
  });

  it('has no partial message if nothing arrived', () => {
    const scheduler = new VirtualTimeScheduler();
    const errors: MessageStreamError[] = [];
    new Observable<typeof events.m>()
      .pipe(messageTimeout({ first: 10, scheduler }))
      .subscribe({ error: (error) => errors.push(error) });
    scheduler.flush();
    expect(scheduler.frame).toBe(10);
    expect(errors[0]?.partial).toBeUndefined();
  });
});

describe('messageTimeout, liveness', () => {
  it.each(Object.entries(events).filter(([letter]) => letter !== 'S'))(
    'is fed by %s, as by every event',
    (letter) => {
      testScheduler().run(({ cold, expectObservable }) => {
        const source = cold(`m---${letter}-------`, events);
        const type = events[letter as keyof typeof events].type;
        const content = ['m', 'p', 'u'].includes(letter) ? 'message_start' : type;
        const error = silence.liveness(5, last(type, content === type ? undefined : content));
        expectObservable(source.pipe(messageTimeout({ liveness: 5 }))).toBe(
          `m---${letter}----#`,
          events,
          error,
        );
      });
    },
  );

  it(
    'does not run before the first event if another clock does',
    run(({ cold, expectObservable }) => {
      const source = cold('--------m----', events);
      const error = silence.liveness(3, last('message_start'));
      for (const other of [{ first: 10 }, { progress: 10 }]) {
        expectObservable(source.pipe(messageTimeout({ liveness: 3, ...other }))).toBe(
          '--------m--#',
          events,
          error,
        );
      }
    }),
  );
});

describe('messageTimeout, progress', () => {
  it.each(['m', 't', 'x', 'r'] as const)('is fed by %s', (letter) => {
    testScheduler().run(({ cold, expectObservable }) => {
      const source = cold(`m---${letter}-------`, events);
      const error = silence.progress(5, last(events[letter].type));
      const result = `m---${letter}----#`;
      expectObservable(source.pipe(messageTimeout({ progress: 5 }))).toBe(result, events, error);
    });
  });

  it.each(['p', 'u'] as const)('is not fed by %s', (letter) => {
    testScheduler().run(({ cold, expectObservable }) => {
      const source = cold(`m---${letter}-------`, events);
      const error = silence.progress(5, last(events[letter].type, 'message_start'));
      const result = `m---${letter}#`;
      expectObservable(source.pipe(messageTimeout({ progress: 5 }))).toBe(result, events, error);
    });
  });

  it(
    'runs from the subscription, through pings, without `first`',
    run(({ cold, expectObservable }) => {
      const source = cold('--p--p--p--', events);
      const error = silence.progress(7, onlyPing);
      expectObservable(source.pipe(messageTimeout({ progress: 7 }))).toBe(
        '--p--p-#',
        events,
        error,
      );
    }),
  );

  it(
    'begins with the first event where there is a `first`',
    run(({ cold, expectObservable }) => {
      const source = cold('--------p--p--p--', events);
      const error = silence.progress(5, onlyPing);
      const config = { first: 10, progress: 5 };
      expectObservable(source.pipe(messageTimeout(config))).toBe('--------p--p-#', events, error);
    }),
  );
});

describe('messageTimeout before the first event', () => {
  const nothing = 'nothing had arrived';
  it.each<[string, MessageTimeoutConfig, number, MessageStreamError]>([
    ['`first`', { first: 6, progress: 4, liveness: 2 }, 6, silence.first(6)],
    ['else `progress`', { progress: 4, liveness: 2 }, 4, silence.progress(4, nothing)],
    ['else `liveness`', { liveness: 2 }, 2, silence.liveness(2, nothing)],
    [
      '`liveness` where `progress` is off',
      { progress: Infinity, liveness: 2 },
      2,
      silence.liveness(2, nothing),
    ],
    ['`total`, when that is less', { first: 6, total: 5 }, 5, silence.total(5, nothing)],
  ])('is limited by %s', (_, config, limit, error) => {
    testScheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('----------m', events);
      const result = `${'-'.repeat(limit)}#`;
      expectObservable(source.pipe(messageTimeout(config))).toBe(result, events, error);
      expectSubscriptions(source.subscriptions).toBe(`^${'-'.repeat(limit - 1)}!`);
    });
  });

  it(
    'is not limited when `first` is off',
    run(({ cold, expectObservable }) => {
      const source = cold('----------m--', events);
      const error = silence.liveness(2, last('message_start'));
      const config = { first: Infinity, liveness: 2 };
      expectObservable(source.pipe(messageTimeout(config))).toBe('----------m-#', events, error);
    }),
  );

  it(
    'ends with any event, a ping or an unknown one too',
    run(({ cold, expectObservable }) => {
      const error = silence.total(9, 'the last event was vibe_check, and there was no content');
      const source = cold('--u----------', events);
      expectObservable(source.pipe(messageTimeout({ first: 4, total: 9 }))).toBe(
        '--u------#',
        events,
        error,
      );
    }),
  );
});

describe('messageTimeout, total', () => {
  it(
    'ends a reply with frequent events',
    run(({ cold, expectObservable }) => {
      const source = cold('m-t-p-t-p-t-p-t', events);
      const error = silence.total(9, last('ping', 'content_block_delta'));
      const config = { liveness: 3, progress: 5, total: 9 };
      expectObservable(source.pipe(messageTimeout(config))).toBe('m-t-p-t-p#', events, error);
    }),
  );
});

describe('messageTimeout after message_stop', () => {
  it(
    'lets the source take its time to complete',
    run(({ cold, expectObservable }) => {
      const source = cold('mtS 60m |', events);
      const config = { first: 5, liveness: 5, progress: 5, total: 5 };
      expectObservable(source.pipe(messageTimeout(config))).toBe('mtS 60m |', events);
    }),
  );

  it(
    'is not started by a ping, but by the next message',
    run(({ cold, expectObservable }) => {
      const source = cold('mtS-----p-----u-----m--t------', events);
      const result = '     mtS-----p-----u-----m--t---#';
      const error = silence.liveness(4, last('content_block_delta'));
      expectObservable(source.pipe(messageTimeout({ liveness: 4 }))).toBe(result, events, error);
    }),
  );
});

describe('messageTimeout and its timer', () => {
  it('is a single timer, which events do not reset', () => {
    const scheduler = new VirtualTimeScheduler();
    const schedule = vi.spyOn(scheduler, 'schedule');
    const source = new Subject<typeof events.m>();
    const config = { first: 9_000, liveness: 1_000, progress: 2_000, total: 9_000, scheduler };
    const subscription = source.pipe(messageTimeout(config)).subscribe();
    source.next(events.m);
    expect(timers(scheduler)).toBe(1);
    schedule.mockClear();
    for (let count = 0; count < 1_000; count++) source.next(count % 2 ? events.t : events.p);
    expect(schedule).not.toHaveBeenCalled();
    expect(timers(scheduler)).toBe(1);
    subscription.unsubscribe();
    expect(timers(scheduler)).toBe(0);
  });

  it.each<[string, (source: Subject<typeof events.m>) => void]>([
    ['message_stop', (source) => source.next(events.S)],
    ['completion', (source) => source.complete()],
    ['an error', (source) => source.error(new Error('lost'))],
  ])('is gone after %s', (_, end) => {
    const scheduler = new VirtualTimeScheduler();
    const source = new Subject<typeof events.m>();
    const config = { first: 10, liveness: 20, progress: 30, total: 40, scheduler };
    source.pipe(messageTimeout(config)).subscribe({ error: () => {} });
    source.next(events.m);
    end(source);
    expect(timers(scheduler)).toBe(0);
  });

  it('is gone after a timeout, and so is the source', () => {
    const scheduler = new VirtualTimeScheduler();
    const source = new Subject<typeof events.m>();
    const errors: unknown[] = [];
    source
      .pipe(messageTimeout({ liveness: 10, scheduler }))
      .subscribe({ error: (error) => errors.push(error) });
    scheduler.flush();
    expect(errors).toHaveLength(1);
    expect(source.observed).toBe(false);
    expect(timers(scheduler)).toBe(0);
  });

  it('is gone when the consumer unsubscribes within an event', () => {
    const scheduler = new VirtualTimeScheduler();
    const source = new Subject<typeof events.m>();
    source.pipe(messageTimeout({ liveness: 10, scheduler }), take(1)).subscribe();
    source.next(events.m);
    expect(timers(scheduler)).toBe(0);
  });

  it('is not needed if all limits are off', () => {
    const scheduler = new VirtualTimeScheduler();
    const schedule = vi.spyOn(scheduler, 'schedule');
    new Subject<typeof events.m>()
      .pipe(messageTimeout({ progress: Infinity, scheduler }))
      .subscribe();
    expect(schedule).not.toHaveBeenCalled();
  });

  it('works with a synchronous source', () => {
    const scheduler = new VirtualTimeScheduler();
    const config = { liveness: 10, scheduler };
    const seen: unknown[] = [];
    of(events.m, events.t, events.S)
      .pipe(messageTimeout(config))
      .subscribe({ next: (event) => seen.push(event.type), complete: () => seen.push('end') });
    expect(seen).toEqual(['message_start', 'content_block_delta', 'message_stop', 'end']);
    expect(timers(scheduler)).toBe(0);

    const { source, taken } = synchronous([events.m, events.t, events.t, events.t]);
    source.pipe(messageTimeout(config), take(2)).subscribe();
    expect(taken()).toBe(2);
    expect(timers(scheduler)).toBe(0);
  });

  it('works when an event causes another event', () => {
    const scheduler = new VirtualTimeScheduler();
    const source = new Subject<typeof events.m>();
    const seen: string[] = [];
    source.pipe(messageTimeout({ liveness: 10, scheduler })).subscribe(({ type }) => {
      seen.push(type);
      if (type === 'message_start') source.next(events.S);
    });
    source.next(events.m);
    expect(seen).toEqual(['message_start', 'message_stop']);
    expect(timers(scheduler)).toBe(0);
  });
});

describe('messageTimeout with a valve', () => {
  const o = { y: true, n: false };
  const content = last('content_block_delta');

  it(
    'does not count a pause of the reader as silence',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' m--t----------t-----------', events);
      const open = '        y--n---------y------------';
      const result = '      m--t----------t----#';
      const subscription = '^------------------!';
      const valve = { open$: cold(open, o) };
      const error = silence.liveness(5, content);
      const timed = source.pipe(messageTimeout({ liveness: 5, valve }));
      expectObservable(timed).toBe(result, events, error);
      expectSubscriptions(source.subscriptions).toBe(subscription);
      expectSubscriptions(valve.open$.subscriptions).toBe(subscription);
    }),
  );

  it(
    'ends a reply that is silent after the pause',
    run(({ cold, expectObservable }) => {
      const source = cold('m--t----------------------', events);
      const open = '       y--n---------y------------';
      const result = '     m--t--------------#';
      const valve = { open$: cold(open, o) };
      for (const [config, error] of [
        [{ liveness: 5 }, silence.liveness(5, content)],
        [{ progress: 5 }, silence.progress(5, content)],
        [{ liveness: 5, progress: 5, total: 50 }, silence.liveness(5, content)],
      ] as const) {
        const timed = source.pipe(messageTimeout({ ...config, valve }));
        expectObservable(timed).toBe(result, events, error);
      }
    }),
  );

  it(
    'continues a limit after a pause, so that pauses hide no silence',
    run(({ cold, expectObservable }) => {
      const source = cold('m----------------------', events);
      // Another step closes it now and then: 2, 2 and 2 of silence are 6.
      const open = '       y-n---y-n---y---n---y--';
      const result = '     m-------------#';
      const valve = { open$: cold(open, o) };
      const error = silence.liveness(6, last('message_start'));
      expectObservable(source.pipe(messageTimeout({ liveness: 6, valve }))).toBe(
        result,
        events,
        error,
      );
    }),
  );

  it(
    'handles events that were on their way when the valve closed',
    run(({ cold, expectObservable }) => {
      const source = cold('m--p------------------', events);
      const open = '       y-n-------y-----------';
      const result = '     m--p-----------#';
      const valve = { open$: cold(open, o) };
      const error = silence.liveness(5, last('ping', 'message_start'));
      expectObservable(source.pipe(messageTimeout({ liveness: 5, valve }))).toBe(
        result,
        events,
        error,
      );
    }),
  );

  it(
    'counts pings as no progress, and does not count the pause',
    run(({ cold, expectObservable }) => {
      const source = cold('m--p------p-----p--', events);
      const open = '       y---n----y---------';
      const result = '     m--p------p--#';
      const valve = { open$: cold(open, o) };
      // 4 before the pause, and 4 after it.
      const error = silence.progress(8, last('ping', 'message_start'));
      expectObservable(source.pipe(messageTimeout({ progress: 8, valve }))).toBe(
        result,
        events,
        error,
      );
    }),
  );

  it(
    'waits for the first event while another step has closed the valve',
    run(({ cold, expectObservable }) => {
      const source = cold('------------------', events);
      const open = '       n---------y-------';
      const valve = { open$: cold(open, o) };
      for (const [config, error] of [
        [{ first: 4 }, silence.first(4)],
        [{ liveness: 4 }, silence.liveness(4, 'nothing had arrived')],
      ] as const) {
        expectObservable(source.pipe(messageTimeout({ ...config, valve }))).toBe(
          '--------------#',
          events,
          error,
        );
      }
    }),
  );

  it(
    'continues `total` in the pause',
    run(({ cold, expectObservable }) => {
      const source = cold('m--t------------------', events);
      const open = '       y--n------------------';
      const valve = { open$: cold(open, o) };
      const error = silence.total(9, content);
      const config = { liveness: 5, total: 9, valve };
      expectObservable(source.pipe(messageTimeout(config))).toBe('m--t-----#', events, error);
      const again = { ...config, valve: { open$: cold('y--n--y---------------', o) } };
      expectObservable(source.pipe(messageTimeout(again))).toBe('m--t-----#', events, error);
    }),
  );

  it(
    'does not time out because of a step that is slower than the limit',
    run(({ cold, expectObservable }) => {
      const valve = new Valve({ highWaterMark: 1 });
      const source = cold('m|', events);
      const slow = valve.concatMap(() => cold('---------(x|)'));
      const timed = source.pipe(messageTimeout({ liveness: 3, valve }), slow);
      expectObservable(timed).toBe('---------(x|)');
    }),
  );

  it('runs no timer in a pause, and leaves none', () => {
    const scheduler = new VirtualTimeScheduler();
    const valve = new Valve({ highWaterMark: 1 });
    const source = new Subject<typeof events.m>();
    const subscription = source
      .pipe(
        messageTimeout({ liveness: 10, scheduler, valve }),
        valve.concatMap(() => new Subject()),
      )
      .subscribe();
    expect(timers(scheduler)).toBe(1);
    source.next(events.m);
    expect(valve.isOpen).toBe(false);
    expect(timers(scheduler)).toBe(0);
    subscription.unsubscribe();
    expect(valve.isOpen).toBe(true);
    expect(timers(scheduler)).toBe(0);
  });
});

describe('messageTimeout with `keepContent: false`', () => {
  it('errors with the message without its content', () => {
    const scheduler = new VirtualTimeScheduler();
    const errors: MessageStreamError[] = [];
    const source = new Subject<typeof events.m>();
    source
      .pipe(messageTimeout({ liveness: 10, keepContent: false, scheduler }))
      .subscribe({ error: (error) => errors.push(error) });
    for (const event of [events.m, textStart(0), events.t, events.x]) source.next(event);
    scheduler.flush();
    expect(errors[0]).toMatchObject({
      code: 'timeout',
      partial: { id: 'msg_1', content: [], stop_reason: 'end_turn' },
    });
    expect(errors[0]?.message).toContain('message_delta');
  });
});

describe('messageTimeout and clocks that are not ideal', () => {
  it('handles waiting events first when the timer is late', () => {
    const { scheduler, virtual, shift } = shiftable();
    const source = new Subject<typeof events.m>();
    const errors: MessageStreamError[] = [];
    source
      .pipe(messageTimeout({ liveness: 100, scheduler }))
      .subscribe({ error: (error) => errors.push(error) });
    source.next(events.m);
    // At 50 the program is busy for 500. The timer is called before the socket is read.
    virtual.schedule(() => shift(500), 50);
    virtual.schedule(() => source.next(events.t), 100);
    virtual.flush();
    expect(errors.map(({ message }) => message)).toEqual([
      silence.liveness(100, last('content_block_delta')).message,
    ]);
    expect(virtual.frame).toBe(200);
  });

  it('ends the reply all the same when nothing was waiting', () => {
    const { scheduler, virtual, shift } = shiftable();
    const errors: unknown[] = [];
    new Subject<typeof events.m>()
      .pipe(messageTimeout({ liveness: 100, scheduler }))
      .subscribe({ error: (error) => errors.push(error) });
    virtual.schedule(() => shift(500), 50);
    virtual.flush();
    expect(errors).toHaveLength(1);
    expect(virtual.frame).toBe(100);
  });

  it('does not wait for an hour because the clock was set back by one', () => {
    const { scheduler, virtual, shift } = shiftable();
    const errors: unknown[] = [];
    const source = new Subject<typeof events.m>();
    source
      .pipe(messageTimeout({ liveness: 100, progress: 150, scheduler }))
      .subscribe({ error: (error) => errors.push(error) });
    source.next(events.m);
    shift(-3_600_000);
    virtual.flush();
    expect(errors).toHaveLength(1);
    expect(virtual.frame).toBeLessThanOrEqual(200);
  });

  it('keeps a limit that is longer than a timer of the platform can be', () => {
    const scheduler = new VirtualTimeScheduler();
    const schedule = vi.spyOn(scheduler, 'schedule');
    const errors: unknown[] = [];
    const limit = 2 ** 31 + 10_000;
    new Subject<typeof events.m>()
      .pipe(messageTimeout({ total: limit, scheduler }))
      .subscribe({ error: (error) => errors.push(error) });
    scheduler.flush();
    expect(errors).toHaveLength(1);
    expect(scheduler.frame).toBe(limit);
    for (const [, delay] of schedule.mock.calls) expect(delay).toBeLessThan(2 ** 31);
  });
});

describe('messageTimeout and its arguments', () => {
  it.each<[string, MessageTimeoutConfig, RegExp]>([
    ['no limit', {}, /at least one of first, liveness, progress and total/],
    ['limits that are undefined', { total: undefined as never }, /at least one/],
    ['a limit of 0', { liveness: 0 }, /`liveness` .* above 0, not 0/],
    ['a negative limit', { progress: -1 }, /`progress` .* not -1/],
    ['a limit that is no number', { first: Number.NaN }, /`first` .* not NaN/],
    ['a limit that is a string', { total: '30s' as never }, /`total` .* not '30s'/],
  ])('refuses %s when it is called', (_, config, message) => {
    expect(() => messageTimeout(config)).toThrow(TypeError);
    expect(() => messageTimeout(config)).toThrow(message);
  });
});

/** How many timers run. */
function timers(scheduler: VirtualTimeScheduler): number {
  return scheduler.actions.length;
}

/** A virtual scheduler whose clock can be put forward, as a busy program does, or back. */
function shiftable(): {
  scheduler: SchedulerLike;
  virtual: VirtualTimeScheduler;
  shift(by: number): void;
} {
  const virtual = new VirtualTimeScheduler();
  let offset = 0;
  const scheduler: SchedulerLike = {
    now: () => virtual.frame + offset,
    schedule: (...args: Parameters<SchedulerLike['schedule']>) => virtual.schedule(...args),
  };
  return { scheduler, virtual, shift: (by) => (offset += by) };
}
