import { fromRecording, MessageStreamError, type StreamEvent } from 'claude-rx';
import { letters, messageEvents, record, toMarbles } from 'claude-rx/testing';
import fc from 'fast-check';
import { type Observable, take, throwError, toArray, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { testScheduler } from '../../support/marbles.ts';

const hello = messageEvents.text('Hi');
const values = letters(hello);
const PLAIN = [...hello].map((event) => JSON.stringify(event)).join('\n');

const lineAt = (at: number, event: StreamEvent) => JSON.stringify({ at, event });
const timed = (...times: number[]) =>
  times.map((at, index) => lineAt(at, [...hello][index]!)).join('\n');

/** What a synchronous source emits, and how it ends. */
function seen(source: Observable<StreamEvent>) {
  const events: StreamEvent[] = [];
  let end: unknown = 'still open';
  source.subscribe({
    next: (event) => events.push(event),
    error: (error: unknown) => (end = error),
    complete: () => (end = 'complete'),
  });
  return { events, end, error: end as MessageStreamError };
}

function linesOf(source: Observable<StreamEvent>): string[] {
  const lines: string[] = [];
  source
    .pipe(record({ scheduler: new VirtualTimeScheduler() }))
    .subscribe((line) => lines.push(line));
  return lines;
}

describe('fromRecording', () => {
  it('plays with the timing of the recording', () => {
    testScheduler().run(({ expectObservable }) => {
      const lines = timed(0, 2, 4, 5, 105, 105);
      expectObservable(fromRecording(lines)).toBe('a-b-cd 99ms (ef|)', values);
    });
  });

  it('plays faster or slower', () => {
    testScheduler().run(({ expectObservable }) => {
      const lines = timed(0, 2, 4, 6, 8, 10);
      expectObservable(fromRecording(lines, { speed: 2 })).toBe('abcde(f|)', values);
      expectObservable(fromRecording(lines, { speed: 0.5 })).toBe(
        'a---b---c---d---e---(f|)',
        values,
      );
    });
  });

  it('plays from the beginning for each subscriber, also when the lines run only once', () => {
    testScheduler().run(({ expectObservable }) => {
      const lines = (function* () {
        yield* timed(0, 1, 2, 3, 4, 5).split('\n');
      })();
      const source = fromRecording(lines);
      expectObservable(source).toBe('abcde(f|)', values);
      expectObservable(source, '--^').toBe('--abcde(f|)', values);
    });
  });

  it('plays on the scheduler it is given', () => {
    const scheduler = new VirtualTimeScheduler();
    const times: number[] = [];
    const source = fromRecording(timed(3, 3, 10, 20, 30, 1000), { scheduler });
    source.subscribe(() => times.push(scheduler.now()));
    expect(times).toEqual([]);
    scheduler.flush();
    expect(times).toEqual([3, 3, 10, 20, 30, 1000]);
  });

  it('has one timer at a time, and none after unsubscribing', () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const subscription = fromRecording(timed(3, 4, 5, 6, 7, 8)).subscribe();
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(5);
    expect(vi.getTimerCount()).toBe(1);
    subscription.unsubscribe();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('plays synchronously at infinite speed', () => {
    const { events, end } = seen(fromRecording(timed(0, 10, 20, 30, 40, 50), { speed: Infinity }));
    expect(events).toStrictEqual([...hello]);
    expect(end).toBe('complete');
  });

  it('reads no further than it is wanted in a synchronous run', () => {
    let read = 0;
    const lines = [...hello].map((event) => ({
      at: 0,
      get event() {
        read++;
        return event;
      },
    }));
    const { events } = seen(fromRecording(lines, { speed: Infinity }).pipe(take(2)));
    expect(events).toHaveLength(2);
    expect(read).toBe(2);
  });

  it.each<[string, string | Iterable<string | object>]>([
    ['a text of plain events', PLAIN],
    [
      'a text with CRLF, empty lines and a byte order mark',
      `\uFEFF${PLAIN.replaceAll('\n', '\r\n\r\n')}\n`,
    ],
    ['lines with their ends', PLAIN.split('\n').map((line) => `${line}\n`)],
    ['parsed events', [...hello]],
    ['parsed lines with times', [...hello].map((event) => ({ at: 0, event }))],
    [
      'plain and timed lines in one',
      [...hello].map((event, i) => (i % 2 ? event : { at: 0, event })),
    ],
    ['lines in blocks', [PLAIN.slice(0, PLAIN.indexOf('\n')), PLAIN.slice(PLAIN.indexOf('\n'))]],
  ])('takes %s', (_, lines) => {
    const { events, end } = seen(fromRecording(lines));
    expect(events).toStrictEqual([...hello]);
    expect(end).toBe('complete');
  });

  it('completes at message_stop, whatever comes after it', () => {
    expect(seen(fromRecording(`${PLAIN}\n{}`)).end).toBe('complete');
  });

  it('ends with a recorded error, at its time and with what had arrived', () => {
    const error = {
      code: 'overloaded' as const,
      message: 'Busy',
      retryable: true,
      requestId: 'req_1',
      retryAfterMs: 300,
      errorType: 'overloaded_error',
    };
    const scheduler = new VirtualTimeScheduler();
    const lines = `${timed(0, 1, 2)}\n${JSON.stringify({ at: 500, error })}`;
    const result: MessageStreamError[] = [];
    fromRecording(lines, { scheduler }).subscribe({ error: (failure) => result.push(failure) });
    scheduler.flush();
    expect(scheduler.now()).toBe(500);
    expect(result).toHaveLength(1);
    expect(result[0]).toBeInstanceOf(MessageStreamError);
    expect(result[0]).toMatchObject(error);
    expect(result[0]?.partial?.content).toEqual([{ type: 'text', text: 'Hi', citations: null }]);
  });

  it('takes an error event for the error that it is', () => {
    const frame = { type: 'error', error: { type: 'overloaded_error', message: 'Busy' } };
    const { events, error } = seen(fromRecording([...[...hello].slice(0, 3), frame]));
    expect(events).toHaveLength(3);
    expect(error).toMatchObject({ code: 'overloaded', errorType: 'overloaded_error' });
    const timedFrame = { at: 0, event: frame };
    expect(seen(fromRecording([timedFrame])).error).toMatchObject({ code: 'overloaded' });
  });

  it('is truncated where the recording is', () => {
    const lines = PLAIN.split('\n');
    for (const [count] of lines.entries()) {
      const { events, error } = seen(fromRecording(lines.slice(0, count)));
      expect(events).toHaveLength(count);
      expect(error).toMatchObject({ code: 'truncated' });
    }
  });

  it('allows a missing message_stop where it is told to', () => {
    const lines = PLAIN.split('\n').slice(0, -1);
    const { events, end } = seen(fromRecording(lines, { allowMissingMessageStop: true }));
    expect(end).toBe('complete');
    expect(events).toStrictEqual([...hello]);
  });

  it.each<[string, string | object]>([
    ['half a line', '{"type":"pi'],
    ['no object', '42'],
    ['null', 'null'],
    ['no event', '{"a":1}'],
    ['no time', '{"event":{"type":"ping"}}'],
    ['a negative time', '{"at":-1,"event":{"type":"ping"}}'],
    ['an invalid event', '{"at":1,"event":"ping"}'],
    ['an event without a type', '{"at":1,"event":{}}'],
    ['an error without a code', '{"at":1,"error":{"message":"x"}}'],
    ['an invalid error', '{"at":1,"error":"x"}'],
    ['an object that is no line', { at: '1', event: {} }],
  ])('names the line that holds %s', (_, line) => {
    const [first] = hello;
    const { events, error } = seen(fromRecording([first!, '', line, { type: 'ping' }]));
    expect(events).toStrictEqual([first]);
    expect(error).toMatchObject({ code: 'protocol', retryable: false });
    expect(error.message).toContain('Line 3 ');
    const text = typeof line === 'string' ? line : JSON.stringify(line);
    expect(error.message).toContain(JSON.stringify(text));
    expect(error.partial?.id).toBe('msg_1');
  });

  it('shows only how a long line begins', () => {
    const { error } = seen(fromRecording('x'.repeat(10_000)));
    expect(error.message.length).toBeLessThan(300);
  });

  it('refuses a line that is longer than it may be, before it is parsed', () => {
    const lines = PLAIN.split('\n');
    const longest = Math.max(...lines.map(({ length }) => length));
    expect(seen(fromRecording(PLAIN, { speed: Infinity, maxFrameLength: longest })).end).toBe(
      'complete',
    );
    const long = JSON.stringify({ type: 'ping', padding: 'x'.repeat(longest) });
    const parse = vi.spyOn(JSON, 'parse');
    onTestFinished(() => parse.mockRestore());
    const { events, error } = seen(
      fromRecording([lines[0]!, long, ...lines], { maxFrameLength: longest }),
    );
    expect(events).toHaveLength(1);
    expect(parse).not.toHaveBeenCalledWith(long);
    expect(error).toMatchObject({ code: 'protocol', retryable: false });
    expect(error.message).toMatch(/^Line 2 .*longer than \d+ characters, `maxFrameLength`/);
    expect(error.partial?.id).toBe('msg_1');
  });

  it('ends when it is aborted', () => {
    testScheduler().run(({ cold, expectObservable }) => {
      const controller = new AbortController();
      cold('--x').subscribe(() => controller.abort(new Error('enough')));
      const cause = new Error('enough');
      const error = new MessageStreamError('The reply was aborted: enough', {
        code: 'aborted',
        cause,
      });
      const source = fromRecording(timed(0, 1, 5, 6, 7, 8), { signal: controller.signal });
      expectObservable(source).toBe('ab#', values, error);
    });
  });

  it.each([0, -1, Number.NaN, '2'])('refuses the speed %s', (speed) => {
    expect(() => fromRecording('', { speed: speed as number })).toThrow(TypeError);
  });

  it.each([null, undefined, 42, {}])('refuses %s for lines', (lines) => {
    expect(() => fromRecording(lines as never)).toThrow(/text of a recording/);
  });
});

describe('record', () => {
  it('writes each event with its time, and completes', () => {
    testScheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a--b(c|)', values);
      expectObservable(source.pipe(record())).toBe('a--b(c|)', {
        a: lineAt(0, values['a']!),
        b: lineAt(3, values['b']!),
        c: lineAt(4, values['c']!),
      });
      expectSubscriptions(source.subscriptions).toBe('^---!');
    });
  });

  it('writes an error as its last line', () => {
    testScheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const error = new MessageStreamError('Busy', {
        code: 'overloaded',
        errorType: 'overloaded_error',
      });
      const source = cold('a--#', values, error);
      expectObservable(source.pipe(record())).toBe('a--(e|)', {
        a: lineAt(0, values['a']!),
        e: JSON.stringify({ at: 3, error }),
      });
      expectSubscriptions(source.subscriptions).toBe('^--!');
    });
  });

  it('writes down all of an error but its cause and its partial message', () => {
    const init = {
      code: 'rate_limited',
      retryAfterMs: 3,
      status: 429,
      requestId: 'req_1',
    } as const;
    const error = new MessageStreamError('Slow', { ...init, cause: 'x', errorType: 'novel_error' });
    const [line] = linesOf(throwError(() => error));
    expect(JSON.parse(line!)).toStrictEqual({
      at: 0,
      error: {
        name: 'MessageStreamError',
        message: 'Slow',
        ...init,
        retryable: true,
        errorType: 'novel_error',
      },
    });
    const [other] = linesOf(throwError(() => new TypeError('terminated')));
    expect(JSON.parse(other!)).toMatchObject({ error: { code: 'connection' } });
  });

  it('lets go of its source, and counts anew for each subscriber', () => {
    testScheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a--b--c|', values);
      const lines = source.pipe(record());
      const expected = { a: lineAt(0, values['a']!), b: lineAt(3, values['b']!) };
      expectObservable(lines, '^---!').toBe('a--b', expected);
      expectObservable(lines, '-----^---!').toBe('-----a--b', expected);
      expectSubscriptions(source.subscriptions).toBe(['^---!', '-----^---!']);
    });
  });

  it('gives what fromRecording plays: the same events, at the same distances', () => {
    const error = new MessageStreamError('lost', { code: 'connection', requestId: 'req_1' });
    const event: fc.Arbitrary<StreamEvent> = fc.oneof(
      fc.constant({ type: 'ping' as const }),
      fc.string({ unit: 'binary' }).map((text) => ({
        type: 'content_block_delta' as const,
        index: 0,
        delta: { type: 'text_delta' as const, text },
      })),
      fc.nat(4).map((keep) => ({ type: 'resume' as const, attempt: 2, keep, error })),
    );
    const steps = fc.array(fc.tuple(event, fc.nat(2_000)), { maxLength: 40 });
    const ending = fc.constantFrom('stop', 'error', 'cut');
    fc.assert(
      fc.property(steps, ending, (gaps, end) => {
        let at = 0;
        const [start] = hello;
        const original: { at: number; event: StreamEvent }[] = [{ at, event: start! }];
        for (const [next, gap] of gaps) original.push({ at: (at += gap), event: next });
        if (end === 'stop') original.push({ at, event: { type: 'message_stop' } });
        const late = { at, error: { code: 'timeout', message: 'late', retryable: true } };
        const lines = end === 'error' ? [...original, late] : original;

        const scheduler = new VirtualTimeScheduler();
        const played: { at: number; event: StreamEvent }[] = [];
        let recorded: string[] = [];
        let failure: MessageStreamError | undefined;
        fromRecording(lines, { scheduler })
          .pipe(record({ scheduler }), toArray())
          .subscribe((all) => (recorded = all));
        fromRecording(lines, { scheduler }).subscribe({
          next: (next) => played.push({ at: scheduler.now(), event: next }),
          error: (reason: MessageStreamError) => (failure = reason),
        });
        scheduler.flush();
        expect(played).toStrictEqual(original);
        expect(failure?.code).toBe({ stop: undefined, error: 'timeout', cut: 'truncated' }[end]);

        const again = new VirtualTimeScheduler();
        const replayed: typeof played = [];
        let secondFailure: MessageStreamError | undefined;
        fromRecording(recorded, { scheduler: again }).subscribe({
          next: (next) => replayed.push({ at: again.now(), event: next }),
          error: (reason: MessageStreamError) => (secondFailure = reason),
        });
        again.flush();
        expect(replayed).toEqual(original);
        expect(secondFailure?.code).toBe(failure?.code);
        for (const { event: next } of replayed) {
          if (next.type !== 'resume') continue;
          expect(next.error).toBeInstanceOf(MessageStreamError);
          expect(next.error).toMatchObject({
            message: 'lost',
            code: 'connection',
            requestId: 'req_1',
          });
        }
      }),
    );
  });

  it('is played as it was drawn', () => {
    const { diagram, values: drawn } = toMarbles(hello, { every: 7 });
    let lines: string[] = [];
    testScheduler().run(({ cold }) => {
      const recording = cold(diagram, drawn).pipe(record(), toArray());
      recording.subscribe((all) => (lines = all));
    });
    testScheduler().run(({ expectObservable }) => {
      expectObservable(fromRecording(lines)).toBe(diagram.replace('f------|', '(f|)'), drawn);
    });
  });
});
