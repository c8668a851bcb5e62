import type { BetaRawMessageStreamEvent } from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages/messages';
import { type StreamEvent, textOnly } from 'claude-rx';
import { requireMessageStop } from 'claude-rx/operators/requireMessageStop';
import { NEVER, type Observable, of } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

const source = <T>(): Observable<T> => NEVER;

it('gives what it is given, whichever events these are', () => {
  expectTypeOf(source<StreamEvent>().pipe(requireMessageStop())).toEqualTypeOf<
    Observable<StreamEvent>
  >();
  expectTypeOf(source<RawMessageStreamEvent>().pipe(requireMessageStop())).toEqualTypeOf<
    Observable<RawMessageStreamEvent>
  >();
  expectTypeOf(source<BetaRawMessageStreamEvent>().pipe(requireMessageStop())).toEqualTypeOf<
    Observable<BetaRawMessageStreamEvent>
  >();
});

it('goes before operators that select', () => {
  const text = source<StreamEvent>().pipe(requireMessageStop({ allowMissing: true }), textOnly());
  expectTypeOf(text).toEqualTypeOf<Observable<string>>();
});

it('refuses what is no event, and options that it does not have', () => {
  // @ts-expect-error: text is no event
  of('text').pipe(requireMessageStop());
  // @ts-expect-error: the option is called `allowMissing`
  requireMessageStop({ allow: true });
});
