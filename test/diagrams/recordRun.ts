import { defer, finalize, type Observable, type Subscriber, tap, type TeardownLogic } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';

/** Something that happened in a marble run, in milliseconds of virtual time. */
type Happening =
  | { at: number; kind: 'next'; value: unknown }
  | { at: number; kind: 'error'; error: unknown }
  | { at: number; kind: 'complete' };

/** What one Observable did while somebody was subscribed to it. */
export interface Line {
  from: number;
  /** When it ended or was unsubscribed; `undefined` when neither happened. */
  to: number | undefined;
  happenings: readonly Happening[];
}

type Hot = ReturnType<TestScheduler['createHotObservable']>;
type Cold = ReturnType<TestScheduler['createColdObservable']>;

/**
 * Runs a marble test and gives what happened in it: what its sources emitted while they were
 * subscribed to, in the order in which they were made, then what it expected something of. It works
 * for a test with rxjs' `TestScheduler` and for one with rxjs-marbles, because both make their
 * Observables here.
 */
export function recordRun(test: () => unknown): Line[] {
  const inputs: (() => readonly Line[])[] = [];
  const outputs: Line[] = [];
  const { createColdObservable, createHotObservable, expectObservable } = TestScheduler.prototype;
  Object.assign(TestScheduler.prototype, {
    createColdObservable(this: TestScheduler, ...given: Parameters<typeof createColdObservable>) {
      const cold = createColdObservable.apply(this, given);
      const lines: Line[] = [];
      inputs.push(() => distinct(lines));
      observeCold(cold, () => this.frame, lines);
      return cold;
    },
    createHotObservable(this: TestScheduler, ...given: Parameters<typeof createHotObservable>) {
      const hot = createHotObservable.apply(this, given);
      inputs.push(() => distinct(linesOf(hot)));
      return hot;
    },
    expectObservable(this: TestScheduler, source: Observable<unknown>, marbles?: string | null) {
      const observed = observe(source, () => this.frame, outputs);
      return expectObservable.call(this, observed, marbles);
    },
  });
  try {
    test();
  } finally {
    Object.assign(TestScheduler.prototype, {
      createColdObservable,
      createHotObservable,
      expectObservable,
    });
  }
  return [...inputs.flatMap((lines) => lines()), ...outputs];
}

/** One line for all who listened at the same time. */
function distinct(lines: readonly Line[]): readonly Line[] {
  return lines.filter(
    (line, index) =>
      lines.findIndex(({ from, to }) => from === line.from && to === line.to) === index,
  );
}

/** Has a cold Observable write down what it gives to each subscriber. */
function observeCold(cold: Cold, now: () => number, lines: Line[]): void {
  const { scheduleMessages } = cold;
  cold.scheduleMessages = (subscriber) => {
    const happenings: Happening[] = [];
    const line: Line = { from: now(), to: undefined, happenings };
    lines.push(line);
    subscriber.add(() => (line.to = now()));
    const add = (happening: Happening) => {
      if (!subscriber.closed) happenings.push(happening);
    };
    scheduleMessages.call(cold, {
      add: (teardown: TeardownLogic) => subscriber.add(teardown),
      next: (value: unknown) => {
        add({ at: now(), kind: 'next', value });
        subscriber.next(value);
      },
      error: (error: unknown) => {
        add({ at: now(), kind: 'error', error });
        subscriber.error(error);
      },
      complete: () => {
        add({ at: now(), kind: 'complete' });
        subscriber.complete();
      },
    } as Subscriber<unknown>);
  };
}

/** A hot Observable emits with and without subscribers. */
function linesOf({ messages, subscriptions }: Hot): Line[] {
  return subscriptions.map(({ subscribedFrame: from, unsubscribedFrame }) => {
    const to = unsubscribedFrame === Infinity ? undefined : unsubscribedFrame;
    const happenings = messages
      .map(({ frame, notification }) => happening(frame, notification))
      .filter(({ at }) => at >= from && at <= unsubscribedFrame);
    return { from, to, happenings };
  });
}

function happening(at: number, notification: Hot['messages'][number]['notification']): Happening {
  if (notification.kind === 'N') return { at, kind: 'next', value: notification.value };
  if (notification.kind === 'E') return { at, kind: 'error', error: notification.error };
  return { at, kind: 'complete' };
}

/** The same Observable, which writes down what it does. */
function observe<T>(source: Observable<T>, now: () => number, lines: Line[]): Observable<T> {
  const happenings: Happening[] = [];
  const line: Line = { from: 0, to: undefined, happenings };
  lines.push(line);
  return defer(() => {
    line.from = now();
    return source.pipe(
      tap({
        next: (value) => happenings.push({ at: now(), kind: 'next', value }),
        error: (error: unknown) => happenings.push({ at: now(), kind: 'error', error }),
        complete: () => happenings.push({ at: now(), kind: 'complete' }),
      }),
      finalize(() => (line.to = now())),
    );
  });
}
