import type { StreamEvent } from 'claude-rx';
import { messageTimeout } from 'claude-rx/operators/messageTimeout';
import {
  measureStream,
  type MeasureStreamConfig,
  type StreamMeasurements,
} from 'claude-rx/operators/measureStream';
import { requireMessageStop } from 'claude-rx/operators/requireMessageStop';
import { messageEvents } from 'claude-rx/testing';
import fc from 'fast-check';
import {
  from,
  Observable,
  of,
  retry,
  Subject,
  take,
  UnsubscriptionError,
  VirtualTimeScheduler,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { deepFreeze } from '../support/deepFreeze.ts';
import { drawn } from '../diagrams/drawn.ts';
import { testScheduler } from '../support/marbles.ts';
import {
  callStart,
  delta,
  json,
  messageDelta,
  messageStart,
  messageStop,
  ping,
  raw,
  reply,
  resume,
  start,
  stop,
  synchronous,
  text,
  textStart,
  thinking,
  thinkingStart,
} from './events.ts';

const events = {
  m: messageStart(),
  '[': textStart(0),
  t: text(0, 'Hi'),
  ']': stop(0),
  p: ping,
  u: raw({ type: 'vibe_check' }),
  r: resume(0),
  x: messageDelta('end_turn', 15),
  S: messageStop,
};

const run = (test: Parameters<ReturnType<typeof testScheduler>['run']>[0]) => () =>
  testScheduler().run(test);

/** Plays the diagram in virtual time, with a millisecond to the character. */
function measure(diagram: string, config?: MeasureStreamConfig, leaveAt?: number) {
  const reports: StreamMeasurements[] = [];
  testScheduler().run(({ cold, expectObservable, flush }) => {
    const measured = cold(diagram, events, lost).pipe(
      measureStream((measurements) => reports.push(measurements), config),
    );
    if (leaveAt === undefined) expectObservable(measured).toBe(diagram, events, lost);
    else expectObservable(measured, `${leaveAt}ms !`);
    flush();
  });
  return reports;
}

/** What a list of events, a millisecond apart, comes to. */
function measureAll(all: Iterable<StreamEvent>): StreamMeasurements {
  const scheduler = new VirtualTimeScheduler();
  const reports: StreamMeasurements[] = [];
  new Observable<StreamEvent>((subscriber) => {
    for (const event of all) {
      scheduler.frame++;
      subscriber.next(event);
    }
    subscriber.complete();
  })
    .pipe(measureStream((measurements) => reports.push(measurements), { scheduler }))
    .subscribe();
  expect(reports).toHaveLength(1);
  return reports[0]!;
}

const lost = new Error('lost');

describe('measureStream', () => {
  it(
    'passes the events through and reports once, when the reply is complete',
    drawn(
      'measureStream',
      run(({ cold, expectObservable, expectSubscriptions }) => {
        const observer = new Subject<StreamMeasurements>();
        const source = cold(' -m--[t-p-t-]x--(S|)', events);
        const result = '      -m--[t-p-t-]x--(S|)';
        const reports = '     ---------------M';
        const subscription = '^--------------!';
        const measured = source.pipe(measureStream((measurements) => observer.next(measurements)));
        expectObservable(measured).toBe(result, events);
        expectSubscriptions(source.subscriptions).toBe(subscription);
        expectObservable(observer).toBe(reports, {
          M: {
            outcome: 'complete',
            error: undefined,
            timeToFirstEvent: 1,
            timeToFirstText: 5,
            duration: 15,
            events: 8,
            pings: 1,
            seams: 0,
            gaps: { p50: 2, p95: 4, max: 4 },
            stalls: { count: 0, total: 0 },
            characters: 4,
            bytes: 4,
            inputTokens: 25,
            outputTokens: 15,
            // 15 tokens in the 14 ms from `m` to `S`.
            tokensPerSecond: 15 / 0.014,
            stopReason: 'end_turn',
            model: 'claude-opus-5-5',
          },
        });
      }),
      { title: 'measureStream(observer)', outputs: ['result', 'observer'] },
    ),
  );

  it('reports on an error, before that is passed on', () => {
    const order: unknown[] = [];
    const source = new Subject<StreamEvent>();
    source
      .pipe(measureStream(({ outcome, error }) => order.push(outcome, error)))
      .subscribe({ error: () => order.push('passed on') });
    source.error(lost);
    expect(order).toEqual(['error', lost, 'passed on']);
  });

  it('reports on completion, before that is passed on', () => {
    const order: unknown[] = [];
    const source = new Subject<StreamEvent>();
    source
      .pipe(measureStream(({ outcome }) => order.push(outcome)))
      .subscribe({ complete: () => order.push('passed on') });
    source.complete();
    expect(order).toEqual(['complete', 'passed on']);
  });

  it('reports on unsubscribe, after the source is unsubscribed', () => {
    const order: unknown[] = [];
    new Observable<StreamEvent>(() => () => order.push('let go'))
      .pipe(measureStream(({ outcome }) => order.push(outcome)))
      .subscribe()
      .unsubscribe();
    expect(order).toEqual(['let go', 'unsubscribed']);
  });

  it('measures the received part of a reply that failed or was unsubscribed', () => {
    const arrived = { events: 3, timeToFirstText: 3, characters: 2, duration: 6 };
    expect(measure('-m[t--#')).toEqual([
      expect.objectContaining({ ...arrived, outcome: 'error', error: lost }),
    ]);
    expect(measure('-m[t-----', undefined, 6)).toEqual([
      expect.objectContaining({ ...arrived, outcome: 'unsubscribed', error: undefined }),
    ]);
  });

  it(
    'measures each subscription by itself',
    run(({ cold, expectObservable, flush }) => {
      const reports: StreamMeasurements[] = [];
      const source = cold('-m-#', events, lost);
      const measured = source.pipe(measureStream((measurements) => reports.push(measurements)));
      expectObservable(measured.pipe(retry(1))).toBe('-m--m-#', events, lost);
      flush();
      expect(reports).toHaveLength(2);
      expect(reports[1]).toEqual(reports[0]);
    }),
  );

  it(
    'reports the error of an operator before it',
    run(({ cold, expectObservable, flush }) => {
      const reports: StreamMeasurements[] = [];
      const measured = cold('-m', events).pipe(
        messageTimeout({ liveness: 3 }),
        measureStream((measurements) => reports.push(measurements)),
      );
      expectObservable(measured);
      flush();
      expect(reports).toEqual([
        expect.objectContaining({
          outcome: 'error',
          error: expect.objectContaining({ code: 'timeout' }),
        }),
      ]);
    }),
  );

  it('reports complete for an unsubscribe after message_stop', () => {
    const reports: StreamMeasurements[] = [];
    from(messageEvents.text('Hello'))
      .pipe(
        measureStream((measurements) => reports.push(measurements)),
        requireMessageStop(),
      )
      .subscribe();
    expect(reports.map(({ outcome }) => outcome)).toEqual(['complete']);
    expect(measure('mtSm-', undefined, 4)[0]?.outcome).toBe('unsubscribed');
    expect(measure('mtSr-', undefined, 4)[0]?.outcome).toBe('unsubscribed');
  });

  it('asks a synchronous source for no more than is taken', () => {
    const reports: StreamMeasurements[] = [];
    const { source, taken } = synchronous([events.m, events.t, events.t, events.t]);
    source
      .pipe(
        measureStream((measurements) => reports.push(measurements)),
        take(2),
      )
      .subscribe();
    expect(taken()).toBe(2);
    expect(reports).toEqual([expect.objectContaining({ outcome: 'unsubscribed', events: 2 })]);
  });

  it('does not touch the events', () => {
    const all = deepFreeze([...messageEvents.thinking('Hm').text('Hello').toolUse('f', { a: 1 })]);
    const seen: StreamEvent[] = [];
    from(all)
      .pipe(measureStream(() => {}))
      .subscribe((event) => seen.push(event));
    seen.forEach((event, index) => expect(event).toBe(all[index]));
    expect(seen).toHaveLength(all.length);
  });

  it('takes malformed events', () => {
    const odd = [
      raw({ type: 'message_start' }),
      raw({ type: 'message_start', message: { usage: null } }),
      raw({ type: 'content_block_start', index: 0 }),
      raw({ type: 'content_block_delta', index: 0 }),
      delta(0, { type: 'text_delta', text: null }),
      raw({ type: 'message_delta' }),
      raw({ type: 'message_delta', delta: null, usage: null }),
    ];
    expect(measureAll(odd)).toMatchObject({ events: odd.length, characters: 0, model: undefined });
  });
});

describe('measureStream, times', () => {
  it('are unknown without events', () => {
    expect(measure('----|')).toEqual([
      expect.objectContaining({
        timeToFirstEvent: undefined,
        timeToFirstText: undefined,
        duration: 4,
        events: 0,
        gaps: undefined,
        stalls: { count: 0, total: 0 },
        tokensPerSecond: undefined,
        outputTokens: undefined,
      }),
    ]);
  });

  it('have a first event of any kind, and a first text that is not empty', () => {
    expect(measure('--p-m-[---t-|')[0]).toMatchObject({ timeToFirstEvent: 2, timeToFirstText: 10 });
    expect(measureAll([textStart(0), text(0, ''), textStart(1, 'Hi')]).timeToFirstText).toBe(3);
    const silent = [thinkingStart(0), thinking(0, 'Hm'), callStart(1), json(1, '{"text":"no"}')];
    expect(measureAll(silent).timeToFirstText).toBeUndefined();
  });

  it('have gaps between events with content, whatever comes between them', () => {
    expect(measure('m---t-p-u--t----|')[0]?.gaps).toEqual({ p50: 4, p95: 7, max: 7 });
    expect(measure('--m--|')[0]?.gaps).toBeUndefined();
  });

  it('have percentiles by nearest rank', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300), { minLength: 1, maxLength: 60 }), (gaps) => {
        const diagram = `m${gaps.map((gap) => `${gap > 0 ? ` ${gap}ms ` : ''}t`).join('')}|`;
        // An event takes a millisecond itself.
        const sorted = gaps.map((gap) => gap + 1).toSorted((one, other) => one - other);
        const rank = (percent: number) => sorted[Math.ceil((percent / 100) * sorted.length) - 1];
        expect(measure(diagram)[0]?.gaps).toEqual({
          p50: rank(50),
          p95: rank(95),
          max: sorted.at(-1),
        });
      }),
    );
  });

  it('have stalls: gaps longer than the limit, and the silence at the end', () => {
    const stallAfter = 5;
    expect(measure('m----t|', { stallAfter })[0]?.stalls).toEqual({ count: 0, total: 0 });
    expect(measure('m-----t--t------p-t|', { stallAfter })[0]?.stalls).toEqual({
      count: 2,
      total: 15,
    });
    expect(measure('m-----t-------p-#', { stallAfter })[0]).toMatchObject({
      stalls: { count: 2, total: 16 },
      gaps: { max: 6 },
    });
    expect(measure('m-----S----------|', { stallAfter })[0]?.stalls).toEqual({
      count: 1,
      total: 6,
    });
    expect(measure('-----------|', { stallAfter })[0]?.stalls).toEqual({ count: 0, total: 0 });
    expect(measure('m 4999ms t 5000ms t |')[0]?.stalls).toEqual({ count: 1, total: 5_001 });
  });

  it('have no negative gap when the clock is set back', () => {
    const scheduler = new VirtualTimeScheduler();
    const reports: StreamMeasurements[] = [];
    const source = new Subject<StreamEvent>();
    source
      .pipe(measureStream((measurements) => reports.push(measurements), { scheduler }))
      .subscribe();
    scheduler.frame = 5_000;
    source.next(events.m);
    scheduler.frame = 1_000;
    source.next(events.t);
    source.complete();
    expect(reports[0]?.gaps).toEqual({ p50: 0, p95: 0, max: 0 });
  });
});

describe('measureStream, sizes', () => {
  it('counts text, thinking and tool input', () => {
    const pieces = [
      textStart(0, 'a'),
      text(0, 'bc'),
      thinkingStart(1, 'd'),
      thinking(1, 'ef'),
      callStart(2),
      json(2, '{"g":1}'),
    ];
    expect(measureAll(pieces)).toMatchObject({ characters: 13, bytes: 13 });
  });

  it('does not count events without content', () => {
    const others = [
      ping,
      raw({ type: 'vibe_check', delta: { type: 'text_delta', text: 'no' } }),
      delta(0, { type: 'connector_text_delta', text: 'no' }),
      delta(0, { type: 'signature_delta', signature: 'no' }),
      start(0, { type: 'redacted_thinking', data: 'no' }),
    ];
    expect(measureAll(others)).toMatchObject({ characters: 0, bytes: 0, events: 5, pings: 1 });
  });

  it('counts the bytes that the text has in UTF-8, wherever it is cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(), (whole, position) => {
        const cut = position % (whole.length + 1);
        const pieces = [text(0, whole.slice(0, cut)), text(0, whole.slice(cut))];
        expect(measureAll(pieces)).toMatchObject({
          characters: whole.length,
          bytes: new TextEncoder().encode(whole).length,
        });
      }),
    );
  });

  it('counts every event of any reply', () => {
    fc.assert(
      fc.property(reply, (all) => {
        expect(measureAll(all)).toMatchObject({
          events: all.length,
          pings: all.filter(({ type }) => type === 'ping').length,
        });
      }),
    );
  });

  it('counts the resume events', () => {
    expect(measure('mtrtrS|')[0]).toMatchObject({ seams: 2, events: 6 });
  });
});

describe('measureStream, tokens', () => {
  it('are the last totals that were known', () => {
    const updates = [
      messageStart(),
      raw({ type: 'message_delta', delta: {}, usage: { input_tokens: 40, output_tokens: 10 } }),
      raw({ type: 'message_delta', delta: {}, usage: { input_tokens: null, output_tokens: 12 } }),
      raw({ type: 'message_delta', delta: {}, usage: {} }),
    ];
    expect(measureAll(updates)).toMatchObject({ inputTokens: 40, outputTokens: 12 });
  });

  it('have no rate before message_delta, or if no time has passed', () => {
    expect(measure('m--t--t#')[0]).toMatchObject({ outputTokens: 1, tokensPerSecond: undefined });
    const reports: StreamMeasurements[] = [];
    of(events.m, events.x, events.S)
      .pipe(
        measureStream((measurements) => reports.push(measurements), {
          scheduler: new VirtualTimeScheduler(),
        }),
      )
      .subscribe();
    expect(reports[0]).toMatchObject({ outputTokens: 15, tokensPerSecond: undefined });
  });

  it('have a rate from the first content to the last', () => {
    expect(measure('-p- 96ms m 499ms t 498ms x S - |')[0]).toMatchObject({
      outputTokens: 15,
      tokensPerSecond: 15,
    });
  });

  it('come with the stop reason and the model, which a fallback changes', () => {
    const fallback = { type: 'fallback', from: { model: 'a' }, to: { model: 'claude-opus-4-8' } };
    const all = [messageStart(), start(0, fallback), messageDelta('some_new_reason'), messageStop];
    expect(measureAll(all)).toMatchObject({
      model: 'claude-opus-4-8',
      stopReason: 'some_new_reason',
    });
  });
});

describe('measureStream with `every`', () => {
  it('reports also while the stream runs', () => {
    const reports = measure('m--t-----|', { every: 4, stallAfter: 3 });
    expect(
      reports.map(({ outcome, duration, events: count, stalls }) => [
        outcome,
        duration,
        count,
        stalls,
      ]),
    ).toEqual([
      ['running', 4, 2, { count: 0, total: 0 }],
      ['running', 8, 2, { count: 1, total: 5 }],
      ['complete', 9, 2, { count: 1, total: 6 }],
    ]);
  });

  it('leaves no timer behind, and has none without it', () => {
    const scheduler = new VirtualTimeScheduler();
    const source = new Subject<StreamEvent>();
    const measured = (every?: number) =>
      source.pipe(
        measureStream(() => {}, every === undefined ? { scheduler } : { scheduler, every }),
      );
    const subscription = measured(10).subscribe();
    expect(scheduler.actions).toHaveLength(1);
    subscription.unsubscribe();
    expect(scheduler.actions).toHaveLength(0);
    measured().subscribe();
    measured(Number.MAX_SAFE_INTEGER).subscribe();
    expect(scheduler.actions).toHaveLength(0);
    measured(10).subscribe();
    source.complete();
    expect(scheduler.actions).toHaveLength(0);
  });

  it('reports the end to an observer that leaves within a report', () => {
    const scheduler = new VirtualTimeScheduler();
    const outcomes: string[] = [];
    const subscription = new Subject<StreamEvent>()
      .pipe(
        measureStream(
          ({ outcome }) => {
            outcomes.push(outcome);
            if (outcome === 'running') subscription.unsubscribe();
          },
          { every: 10, scheduler },
        ),
      )
      .subscribe();
    scheduler.flush();
    expect(outcomes).toEqual(['running', 'unsubscribed']);
  });
});

describe('measureStream and an observer that throws', () => {
  const broken = new Error('broken observer');
  const observed = (config?: MeasureStreamConfig) => {
    const seen = { calls: 0, notifications: [] as unknown[] };
    const source = new Subject<StreamEvent>();
    const measured = source.pipe(
      measureStream(() => {
        seen.calls++;
        throw broken;
      }, config),
    );
    const subscription = measured.subscribe({
      error: (error) => seen.notifications.push(error),
      complete: () => seen.notifications.push('complete'),
    });
    return { source, seen, subscription };
  };

  it('becomes the error of the result', () => {
    const completing = observed();
    completing.source.complete();
    expect(completing.seen).toEqual({ calls: 1, notifications: [broken] });
    const failing = observed();
    failing.source.error(lost);
    expect(failing.seen).toEqual({ calls: 1, notifications: [broken] });
  });

  it('throws from unsubscribe, after the source is unsubscribed', () => {
    const { source, seen, subscription } = observed();
    expect(() => subscription.unsubscribe()).toThrow(UnsubscriptionError);
    expect(source.observed).toBe(false);
    expect(seen).toEqual({ calls: 1, notifications: [] });
  });

  it('is not called again after it has thrown while the stream ran', () => {
    const scheduler = new VirtualTimeScheduler();
    const { source, seen } = observed({ every: 10, scheduler });
    scheduler.flush();
    expect(seen).toEqual({ calls: 1, notifications: [broken] });
    expect(source.observed).toBe(false);
  });
});

describe('measureStream and its arguments', () => {
  it('throws for invalid arguments, when called', () => {
    expect(() => measureStream(undefined as never)).toThrow(/must be a function/);
    expect(() => measureStream({ next: () => {} } as never)).toThrow(TypeError);
    expect(() => measureStream(() => {}, { every: 0 })).toThrow(/`every` .* not 0/);
    expect(() => measureStream(() => {}, { every: Number.NaN })).toThrow(TypeError);
    expect(() => measureStream(() => {}, { stallAfter: -1 })).toThrow(/`stallAfter` .* not -1/);
    expect(() => measureStream(() => {}, { stallAfter: 0 })).not.toThrow();
  });
});
