import { fromMessages, fromResponse, fromStream, messageTimeout, textOnly, Valve } from 'claude-rx';
import type { MessagesClient, StreamEvent, ValveConfig } from 'claude-rx';
import { NEVER, type Observable, of } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

const source = <T>(): Observable<T> => NEVER;
const valve = new Valve();

it('takes the values of the source and emits the results of the work', () => {
  const saved = source<StreamEvent>().pipe(
    valve.concatMap((event) => {
      expectTypeOf(event).toEqualTypeOf<StreamEvent>();
      return Promise.resolve(event.type.length);
    }),
  );
  expectTypeOf(saved).toEqualTypeOf<Observable<number>>();
  const either = source<string>().pipe(
    textual(),
    valve.mergeMap((text, index) => {
      expectTypeOf(index).toEqualTypeOf<number>();
      return text ? of(1) : [text];
    }, 4),
  );
  expectTypeOf(either).toEqualTypeOf<Observable<string | number>>();
});

it('takes a function that is declared elsewhere', () => {
  const save = (_: string): Promise<void> => Promise.resolve();
  expectTypeOf(source<StreamEvent>().pipe(textOnly(), valve.concatMap(save))).toEqualTypeOf<
    Observable<void>
  >();
});

it('has a read-only state', () => {
  expectTypeOf(valve.depth$).toEqualTypeOf<Observable<number>>();
  expectTypeOf(valve.open$).toEqualTypeOf<Observable<boolean>>();
  expectTypeOf(valve.depth).toEqualTypeOf<number>();
  expectTypeOf(valve.isOpen).toEqualTypeOf<boolean>();
  // @ts-expect-error: it is read only
  valve.depth = 1;
});

it('is an option of the sources and of messageTimeout', () => {
  const client = {} as MessagesClient;
  const params = { model: 'claude-opus-5-5', max_tokens: 1, messages: [] };
  const options = { valve, keepContent: false };
  expectTypeOf(fromMessages(client, params, options)).toEqualTypeOf<Observable<StreamEvent>>();
  expectTypeOf(fromResponse(new Response(), options)).toEqualTypeOf<Observable<StreamEvent>>();
  const stream = {} as AsyncIterable<StreamEvent>;
  expectTypeOf(fromStream(stream, options)).toEqualTypeOf<Observable<StreamEvent>>();
  messageTimeout({ liveness: 1, valve, keepContent: false });
  messageTimeout({ liveness: 1, valve: { open$: of(true) } });
  // @ts-expect-error: one valve, not whether there is one
  fromResponse(new Response(), { valve: true });
});

it('takes its optional marks', () => {
  expectTypeOf<ValveConfig>().toEqualTypeOf<{ highWaterMark?: number; lowWaterMark?: number }>();
  // @ts-expect-error: a number is no config
  expectTypeOf(Valve).toBeConstructibleWith(8);
  // @ts-expect-error: work gives something to subscribe to
  valve.concatMap((text: string) => text.length);
});

/** Text as it is. */
function textual() {
  return (text$: Observable<string>): Observable<string> => text$;
}
