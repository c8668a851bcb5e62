import type { BetaRawMessageStreamEvent } from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages/messages';
import type {
  AnyStreamEvent,
  BetaStreamEvent,
  InputOf,
  InvalidJsonError,
  OutputOf,
  SourceMustEmitStreamEvents,
  StreamEvent,
} from 'claude-rx';
import { type ToolInput, toolInput } from 'claude-rx/operators/toolInput';
import { merge, type Observable, of } from 'rxjs';
import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';

declare const raw: Observable<RawMessageStreamEvent>;
declare const events: Observable<StreamEvent>;
declare const betaRaw: Observable<BetaRawMessageStreamEvent>;
declare const betaEvents: Observable<BetaStreamEvent>;
declare const anyEvents: Observable<AnyStreamEvent>;

const Booking = z.object({
  city: z.string(),
  board: z.enum(['none', 'half', 'full']).default('none'),
  from: z.string().transform((text) => new Date(text)),
});
interface Written {
  readonly city?: string;
  readonly board?: string | undefined;
  readonly from?: string;
}
interface Whole {
  city: string;
  board: 'none' | 'half' | 'full';
  from: Date;
}
type Book = ToolInput<InputOf<typeof Booking>, OutputOf<typeof Booking>, 'book'>;

test('toolInput infers the partial and the final type from a zod schema, through pipe', () => {
  events.pipe(toolInput('book', Booking)).subscribe((input) => {
    expectTypeOf(input.id).toEqualTypeOf<string>();
    expectTypeOf(input.name).toEqualTypeOf<'book'>();
    switch (input.status) {
      case 'streaming':
        expectTypeOf(input.value).toEqualTypeOf<Written | undefined>();
        return;
      case 'complete':
        expectTypeOf(input.value).toEqualTypeOf<Whole>();
        return;
      case 'invalid':
        expectTypeOf(input.value).toEqualTypeOf<Written | undefined>();
        expectTypeOf(input.error).toEqualTypeOf<InvalidJsonError>();
        return;
      case 'withdrawn':
        expectTypeOf(input.value).toEqualTypeOf<undefined>();
        return;
      default:
        expectTypeOf(input).toEqualTypeOf<never>();
    }
  });
});

test('toolInput takes events of each kind', () => {
  expectTypeOf(raw.pipe(toolInput('book', Booking))).toEqualTypeOf<Observable<Book>>();
  expectTypeOf(events.pipe(toolInput('book', Booking))).toEqualTypeOf<Observable<Book>>();
  expectTypeOf(betaRaw.pipe(toolInput('book', Booking))).toEqualTypeOf<Observable<Book>>();
  expectTypeOf(betaEvents.pipe(toolInput('book', Booking))).toEqualTypeOf<Observable<Book>>();
  expectTypeOf(anyEvents.pipe(toolInput('book', Booking))).toEqualTypeOf<Observable<Book>>();
});

test('toolInput takes the schema in a config', () => {
  expectTypeOf(events.pipe(toolInput('book', { schema: Booking }))).toEqualTypeOf<
    Observable<Book>
  >();
  expectTypeOf(events.pipe(toolInput('book', { schema: Booking, invalid: 'throw' }))).toEqualTypeOf<
    Observable<Book>
  >();
});

test('toolInput without a schema gives unknown inputs', () => {
  type Any = Observable<ToolInput<unknown, unknown, 'book'>>;
  expectTypeOf(events.pipe(toolInput('book'))).toEqualTypeOf<Any>();
  expectTypeOf(events.pipe(toolInput('book', { invalid: 'throw' }))).toEqualTypeOf<Any>();
  events.pipe(toolInput('book')).subscribe(({ value }) => {
    expectTypeOf(value).toEqualTypeOf<unknown>();
  });
});

test('the calls of several tools are told apart by name', () => {
  const Cancelling = z.object({ reference: z.string() });
  merge(
    events.pipe(toolInput('book', Booking)),
    events.pipe(toolInput('cancel', Cancelling)),
  ).subscribe((input) => {
    if (input.status !== 'complete') return;
    if (input.name === 'book') expectTypeOf(input.value).toEqualTypeOf<Whole>();
    else expectTypeOf(input.value).toEqualTypeOf<{ reference: string }>();
  });
  const name: string = 'book';
  events.pipe(toolInput(name)).subscribe((input) => {
    expectTypeOf(input.name).toEqualTypeOf<string>();
  });
});

test('toolInput refuses what is no schema, and what is no event', () => {
  // @ts-expect-error: a JSON Schema is no Standard Schema.
  toolInput('book', { type: 'object' });
  // @ts-expect-error: there is no such mode.
  toolInput('book', { invalid: 'ignore' });
  // @ts-expect-error: a string is no event.
  of('{}').pipe(toolInput('book'));
});

test('stopReasons are those that cut no call, and null', () => {
  events.pipe(toolInput('book', { schema: Booking, stopReasons: ['end_turn', null] }));
  // @ts-expect-error a list is wanted
  toolInput('book', { stopReasons: 'end_turn' });
});

test('toolInput names the mistake where the source is typed too loosely', () => {
  type Source = Parameters<
    ReturnType<typeof toolInput<typeof Booking, 'book', { type: string }>>
  >[0];
  expectTypeOf<Source>().toExtend<Observable<SourceMustEmitStreamEvents>>();
  // @ts-expect-error: any object with a type.
  of({ type: 'ping' as string }).pipe(toolInput('book', Booking));
  // @ts-expect-error: what JSON.parse gives in strict code.
  of({} as unknown).pipe(toolInput('book', { schema: Booking }));
  expectTypeOf(of({} as any).pipe(toolInput('book', Booking))).toEqualTypeOf<Observable<Book>>();
});
