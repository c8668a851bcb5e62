import { fromResponse, textOnly } from 'claude-rx';
import { bufferText, type BufferTextConfig } from 'claude-rx/operators/bufferText';
import {
  type MonoTypeOperatorFunction,
  type Observable,
  of,
  Subject,
  VirtualTimeScheduler,
} from 'rxjs';
import { expectTypeOf, it } from 'vitest';

it('takes text and gives text', () => {
  const text = fromResponse(() => fetch('/')).pipe(textOnly(), bufferText(50));
  expectTypeOf(text).toEqualTypeOf<Observable<string>>();
});

it('takes an interval, a config, or nothing', () => {
  expectTypeOf(bufferText).parameters.toEqualTypeOf<[(number | BufferTextConfig | undefined)?]>();
  expectTypeOf(bufferText).returns.toEqualTypeOf<MonoTypeOperatorFunction<string>>();
  bufferText({});
  bufferText({
    every: 50,
    frame: true,
    maxLength: 80,
    until: new Subject<void>(),
    settle: 500,
    scheduler: new VirtualTimeScheduler(),
  });
  bufferText({ until: Promise.resolve(1) });
});

it('refuses what is no text, and options that it does not have', () => {
  // @ts-expect-error: numbers are no text
  of(1).pipe(bufferText(50));
  // @ts-expect-error: the option is called `every`
  bufferText({ interval: 50 });
  // @ts-expect-error: a function is no notifier
  bufferText({ until: () => {} });
});
