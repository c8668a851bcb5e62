import type { BetaRawMessageStreamEvent } from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type { StreamEvent, StreamMeasurements as FromTheFace } from 'claude-rx';
import { measureStream, type StreamMeasurements } from 'claude-rx/operators/measureStream';
import { asyncScheduler, NEVER, type Observable, of } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

const source = <T>(): Observable<T> => NEVER;

it('gives what it is given, whichever events these are', () => {
  expectTypeOf(source<StreamEvent>().pipe(measureStream(() => {}))).toEqualTypeOf<
    Observable<StreamEvent>
  >();
  expectTypeOf(source<BetaRawMessageStreamEvent>().pipe(measureStream(() => {}))).toEqualTypeOf<
    Observable<BetaRawMessageStreamEvent>
  >();
});

it('gives the observer its measurements', () => {
  measureStream((measurements) => {
    expectTypeOf(measurements).toEqualTypeOf<StreamMeasurements>();
    expectTypeOf(measurements).toEqualTypeOf<FromTheFace>();
    expectTypeOf(measurements.outcome).toEqualTypeOf<
      'running' | 'complete' | 'error' | 'unsubscribed'
    >();
    expectTypeOf(measurements.error).toBeUnknown();
    expectTypeOf(measurements.timeToFirstText).toEqualTypeOf<number | undefined>();
    expectTypeOf(measurements.gaps?.p95).toEqualTypeOf<number | undefined>();
    expectTypeOf(measurements.stalls.total).toBeNumber();
    // @ts-expect-error: measurements are not changed
    measurements.events = 0;
  });
});

it('takes options, and needs an observer', () => {
  measureStream(() => {}, { every: 1_000, stallAfter: 2_000, scheduler: asyncScheduler });
  measureStream(console.log);
  // @ts-expect-error: an observer is needed
  expectTypeOf(measureStream).toBeCallableWith();
  // @ts-expect-error: the option is called `every`
  measureStream(() => {}, { interval: 1_000 });
});

it('refuses what is no event', () => {
  // @ts-expect-error: text is no event
  of('text').pipe(measureStream(() => {}));
});
