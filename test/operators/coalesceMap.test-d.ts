import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages/messages';
import { type BetaStreamEvent, type StreamEvent, textOnly } from 'claude-rx';
import { coalesceMap } from 'claude-rx/operators/coalesceMap';
import { NEVER, type Observable, of } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

const source = <T>(): Observable<T> => NEVER;

it('takes what the source gives and gives what the work gives', () => {
  const lengths = source<string>().pipe(
    coalesceMap((text, index) => {
      expectTypeOf(text).toEqualTypeOf<string>();
      expectTypeOf(index).toEqualTypeOf<number>();
      return Promise.resolve(text.length);
    }),
  );
  expectTypeOf(lengths).toEqualTypeOf<Observable<number>>();
  const events = source<StreamEvent>().pipe(
    coalesceMap((event) => {
      expectTypeOf(event).toEqualTypeOf<StreamEvent>();
      return of(event);
    }),
  );
  expectTypeOf(events).toEqualTypeOf<Observable<StreamEvent>>();
});

it('takes a function that is declared elsewhere', () => {
  const send = (_: string): Promise<void> => Promise.resolve();
  expectTypeOf(source<StreamEvent>().pipe(textOnly(), coalesceMap(send))).toEqualTypeOf<
    Observable<void>
  >();
  const store = (_: { type: string }): Promise<void> => Promise.resolve();
  expectTypeOf(source<BetaStreamEvent>().pipe(coalesceMap(store))).toEqualTypeOf<
    Observable<void>
  >();
});

it("takes the SDK's own events, and those of others", () => {
  source<RawMessageStreamEvent>().pipe(coalesceMap((event) => of(event.type)));
  source<{ type: 'mine'; n: number }>().pipe(coalesceMap(({ n }) => of(n)));
});

it('takes other values where it is told how two are merged', () => {
  const sums = source<number>().pipe(
    coalesceMap(
      (sum) => of(String(sum)),
      (one, other) => one + other,
    ),
  );
  expectTypeOf(sums).toEqualTypeOf<Observable<string>>();
  const batches = source<Uint8Array[]>().pipe(
    coalesceMap(
      (batch) => of(batch.length),
      (one, other) => (one.length < 8 ? [...one, ...other] : undefined),
    ),
  );
  expectTypeOf(batches).toEqualTypeOf<Observable<number>>();
});

it('refuses other values where it is not', () => {
  // @ts-expect-error: numbers need a `merge`
  source<number>().pipe(coalesceMap((value: number) => of(value)));
  const send = (text: string) => of(text);
  // @ts-expect-error: two texts are one text
  coalesceMap(send, () => 5);
  // @ts-expect-error: work gives something to subscribe to
  coalesceMap((text: string) => text.length);
});
