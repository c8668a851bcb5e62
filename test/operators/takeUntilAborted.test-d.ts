import { type BetaStreamEvent, type StreamEvent, textOnly } from 'claude-rx';
import { takeUntilAborted } from 'claude-rx/operators/takeUntilAborted';
import { NEVER, type Observable } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

const source = <T>(): Observable<T> => NEVER;
const { signal } = new AbortController();

it('gives what it is given, events or not', () => {
  expectTypeOf(source<StreamEvent>().pipe(takeUntilAborted(signal))).toEqualTypeOf<
    Observable<StreamEvent>
  >();
  expectTypeOf(source<BetaStreamEvent>().pipe(takeUntilAborted(signal))).toEqualTypeOf<
    Observable<BetaStreamEvent>
  >();
  expectTypeOf(source<number>().pipe(takeUntilAborted(signal))).toEqualTypeOf<Observable<number>>();
});

it('goes before and behind other operators', () => {
  const events = source<StreamEvent>();
  expectTypeOf(events.pipe(takeUntilAborted(signal), textOnly())).toEqualTypeOf<
    Observable<string>
  >();
  expectTypeOf(events.pipe(textOnly(), takeUntilAborted(signal))).toEqualTypeOf<
    Observable<string>
  >();
});

it('refuses what is no signal', () => {
  // @ts-expect-error: a controller is no signal
  takeUntilAborted(new AbortController());
  // @ts-expect-error: a signal is needed
  expectTypeOf(takeUntilAborted).toBeCallableWith();
});
