import { MessageStreamError, type StreamEvent } from 'claude-rx';
import {
  takeUntilAborted,
  type TakeUntilAbortedConfig,
} from 'claude-rx/operators/takeUntilAborted';
import { concat, finalize, from, NEVER, type Observable, of, retry, Subject, take } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { drawn } from '../diagrams/drawn.ts';
import { testScheduler } from '../support/marbles.ts';
import { messageDelta, messageStart, ping, synchronous, text, textStart } from './events.ts';

const run = (test: Parameters<ReturnType<typeof testScheduler>['run']>[0]) => () =>
  testScheduler().run(test);

const reason = new Error('the user pressed Stop');
const aborted = new MessageStreamError('The reply was aborted: the user pressed Stop', {
  code: 'aborted',
  cause: reason,
});

/** A signal that counts who listens to it. */
function counted() {
  const controller = new AbortController();
  const { signal } = controller;
  const add = vi.spyOn(signal, 'addEventListener');
  const remove = vi.spyOn(signal, 'removeEventListener');
  return { controller, signal, listeners: () => add.mock.calls.length - remove.mock.calls.length };
}

describe('takeUntilAborted', () => {
  it(
    'errors when the signal aborts, and unsubscribes from the source',
    drawn(
      'takeUntilAborted',
      run(({ cold, hot, expectObservable, expectSubscriptions }) => {
        const stop = new AbortController();
        const source = cold(' --a--b--c--d--|');
        hot('                 -------x').subscribe(() => stop.abort(reason));
        const result = '      --a--b-#';
        const subscription = '^------!';
        expectObservable(source.pipe(takeUntilAborted(stop.signal))).toBe(
          result,
          undefined,
          aborted,
        );
        expectSubscriptions(source.subscriptions).toBe(subscription);
      }),
      { title: 'takeUntilAborted(signal)', inputs: ['source', 'signal'] },
    ),
  );

  it(
    'does not subscribe to the source when the signal has aborted',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a|');
      const signal = AbortSignal.abort(reason);
      expectObservable(source.pipe(takeUntilAborted(signal))).toBe('#', undefined, aborted);
      expectSubscriptions(source.subscriptions).toBe([]);
    }),
  );

  it(
    'looks at the signal at each subscription',
    run(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const stop = new AbortController();
      const source = cold('-a-b-c');
      hot('                ----x').subscribe(() => stop.abort(reason));
      const limited = source.pipe(takeUntilAborted(stop.signal));
      expectObservable(limited.pipe(retry(1))).toBe('-a-b#', undefined, aborted);
      expectObservable(limited, '--^').toBe('---a#', undefined, aborted);
      expectObservable(limited, '------^').toBe('------#', undefined, aborted);
      expectSubscriptions(source.subscriptions).toBe(['^---!', '--^-!']);
    }),
  );

  it(
    'passes a completion on and removes its listener',
    run(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const { controller, signal, listeners } = counted();
      const source = cold('-a-|');
      expectObservable(source.pipe(takeUntilAborted(signal))).toBe('-a-|');
      expectSubscriptions(source.subscriptions).toBe('^--!');
      flush();
      expect(listeners()).toBe(0);
      controller.abort(reason);
    }),
  );

  it(
    'passes an error on and removes its listener',
    run(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const { signal, listeners } = counted();
      const source = cold('-a-#', undefined, reason);
      expectObservable(source.pipe(takeUntilAborted(signal))).toBe('-a-#', undefined, reason);
      expectSubscriptions(source.subscriptions).toBe('^--!');
      flush();
      expect(listeners()).toBe(0);
    }),
  );

  it(
    'unsubscribes from the source and removes its listener',
    run(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const { signal, listeners } = counted();
      const source = cold('-a-b');
      expectObservable(source.pipe(takeUntilAborted(signal)), '--!').toBe('-a-');
      expectSubscriptions(source.subscriptions).toBe('^-!');
      flush();
      expect(listeners()).toBe(0);
    }),
  );

  it('removes its listener when the signal has aborted', () => {
    const { controller, signal, listeners } = counted();
    const errors: unknown[] = [];
    new Subject()
      .pipe(takeUntilAborted(signal))
      .subscribe({ error: (error) => errors.push(error) });
    expect(listeners()).toBe(1);
    controller.abort(reason);
    expect(listeners()).toBe(0);
    expect(errors).toHaveLength(1);
  });

  it('serves many streams with one signal', () => {
    const { controller, signal, listeners } = counted();
    const errors: unknown[] = [];
    for (let count = 0; count < 50; count++) of(count).pipe(takeUntilAborted(signal)).subscribe();
    expect(listeners()).toBe(0);
    for (let count = 0; count < 3; count++) {
      new Subject()
        .pipe(takeUntilAborted(signal))
        .subscribe({ error: (error) => errors.push(error) });
    }
    controller.abort(reason);
    expect(errors).toHaveLength(3);
  });
});

describe('takeUntilAborted and its error', () => {
  it('has the reason of the signal, and is not retryable', () => {
    const error = errorOf(new Subject(), reason);
    expect(error).toBeInstanceOf(MessageStreamError);
    expect(error).toMatchObject({ code: 'aborted', retryable: false, cause: reason });
    expect(errorOf(new Subject(), 'enough').message).toBe('The reply was aborted: enough');
    expect(errorOf(new Subject())).toMatchObject({
      code: 'aborted',
      cause: expect.objectContaining({ name: 'AbortError' }),
    });
  });

  it('has the message so far if the values are events', () => {
    const events = [messageStart(), textStart(0), ping, text(0, 'Hel'), text(0, 'lo')];
    expect(errorOf(endless(events), reason).partial).toMatchObject({
      id: 'msg_1',
      content: [{ type: 'text', text: 'Hello' }],
    });
    const others = ['text', '', 0, 1n, null, undefined, Symbol('s'), {}, [], { type: 'other' }];
    for (const keepContent of [true, false]) {
      expect(errorOf(endless(others), reason, { keepContent })).toMatchObject({
        code: 'aborted',
        partial: undefined,
      });
    }
  });

  it('has the message without its content with `keepContent: false`', () => {
    const events = [messageStart(), textStart(0), text(0, 'Hello'), messageDelta()];
    const error = errorOf(endless(events), reason, { keepContent: false });
    expect(error).toMatchObject({ code: 'aborted', cause: reason });
    expect(error.partial).toMatchObject({ id: 'msg_1', content: [], usage: { output_tokens: 15 } });
  });
});

describe('takeUntilAborted with a source that does not wait', () => {
  it('reads no more than is taken', () => {
    const { source, taken } = synchronous([1, 2, 3, 4]);
    const { signal, listeners } = counted();
    source.pipe(takeUntilAborted(signal), take(2)).subscribe();
    expect(taken()).toBe(2);
    expect(listeners()).toBe(0);
  });

  it('stops at once when a value causes the abort', () => {
    const { source, taken } = synchronous([1, 2, 3, 4]);
    const stop = new AbortController();
    const seen: unknown[] = [];
    source.pipe(takeUntilAborted(stop.signal)).subscribe({
      next: (value) => {
        seen.push(value);
        if (value === 2) stop.abort(reason);
      },
      error: (error: MessageStreamError) => seen.push(error.code),
    });
    expect(seen).toEqual([1, 2, 'aborted']);
    expect(taken()).toBe(2);
  });

  it('errors once when the unsubscribe aborts the signal', () => {
    const stop = new AbortController();
    const seen: unknown[] = [];
    of(messageStart() as StreamEvent)
      .pipe(
        finalize(() => stop.abort(reason)),
        takeUntilAborted(stop.signal),
      )
      .subscribe({ error: (error) => seen.push(error), complete: () => seen.push('complete') });
    expect(seen).toEqual(['complete']);
  });
});

describe('takeUntilAborted and its argument', () => {
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a controller', new AbortController()],
    ['a function', () => {}],
  ])('refuses %s when it is called', (_, argument) => {
    expect(() => takeUntilAborted(argument as never)).toThrow(TypeError);
    expect(() => takeUntilAborted(argument as never)).toThrow(/must be an AbortSignal/);
  });
});

/** The error of a source that is aborted after all it emits at once. */
function errorOf(
  source: Observable<unknown>,
  abortWith?: unknown,
  config?: TakeUntilAbortedConfig,
): MessageStreamError {
  const stop = new AbortController();
  const errors: unknown[] = [];
  source
    .pipe(takeUntilAborted(stop.signal, config))
    .subscribe({ error: (error) => errors.push(error) });
  stop.abort(abortWith);
  expect(errors).toHaveLength(1);
  return errors[0] as MessageStreamError;
}

/** Emits the values at once and does not complete. */
function endless(values: unknown[]): Observable<unknown> {
  return concat(from(values), NEVER);
}
