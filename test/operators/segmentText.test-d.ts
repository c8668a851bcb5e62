import { fromResponse, textOnly } from 'claude-rx';
import {
  segmentText,
  type SegmentTextConfig,
  type TextUnit,
} from 'claude-rx/operators/segmentText';
import { type MonoTypeOperatorFunction, type Observable, of, VirtualTimeScheduler } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

it('takes text and gives text', () => {
  const text = fromResponse(() => fetch('/')).pipe(textOnly(), segmentText('sentence'));
  expectTypeOf(text).toEqualTypeOf<Observable<string>>();
});

it('takes a granularity, and a config if wanted', () => {
  expectTypeOf(segmentText).parameters.toEqualTypeOf<
    [TextUnit, (SegmentTextConfig | undefined)?]
  >();
  expectTypeOf(segmentText).returns.toEqualTypeOf<MonoTypeOperatorFunction<string>>();
  segmentText('word', { locale: 'th', settle: 500, scheduler: new VirtualTimeScheduler() });
  segmentText('line', { locale: ['de-CH', 'de'] });
});

it('refuses what is no granularity, option or text', () => {
  // @ts-expect-error a granularity of Intl.Segmenter's, or lines
  segmentText('character');
  // @ts-expect-error there is no such option
  segmentText('word', { delay: 5 });
  // @ts-expect-error there is no other segmenter to be taken
  segmentText('word', { locale: new Intl.Locale('de') });
  // @ts-expect-error text only
  of(1).pipe(segmentText('word'));
});
