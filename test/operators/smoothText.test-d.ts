import { fromResponse, textOnly } from 'claude-rx';
import { smoothText, type SmoothTextConfig } from 'claude-rx/operators/smoothText';
import { type MonoTypeOperatorFunction, type Observable, of, VirtualTimeScheduler } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

it('takes text and gives text', () => {
  const text = fromResponse(() => fetch('/')).pipe(textOnly(), smoothText());
  expectTypeOf(text).toEqualTypeOf<Observable<string>>();
});

it('takes a config, or nothing', () => {
  expectTypeOf(smoothText).parameters.toEqualTypeOf<[(SmoothTextConfig | undefined)?]>();
  expectTypeOf(smoothText).returns.toEqualTypeOf<MonoTypeOperatorFunction<string>>();
  smoothText({
    unit: 'word',
    rate: 30,
    maxLatency: 300,
    frame: 33,
    settle: 200,
    endAtOnce: true,
    locale: 'ja',
    scheduler: new VirtualTimeScheduler(),
  });
  smoothText({ rate: 'adaptive' });
});

it('refuses what is no option or text', () => {
  // @ts-expect-error sentences are not typed
  smoothText({ unit: 'sentence' });
  // @ts-expect-error there is no such rate
  smoothText({ rate: 'fast' });
  // @ts-expect-error text only
  of(1).pipe(smoothText());
});
