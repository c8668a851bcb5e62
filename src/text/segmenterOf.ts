/**
 * A segmenter of the platform. Made at first use, so that one without `Intl.Segmenter` can load the
 * rest of the package.
 *
 * @throws Error that says what is missing, where it is missing
 */
export function segmenterOf(
  granularity: Intl.SegmenterOptions['granularity'],
  locale?: string | string[],
): Intl.Segmenter {
  if (typeof Intl?.Segmenter !== 'function') {
    throw new Error(
      'This platform has no Intl.Segmenter, which finds the ends of characters, words and ' +
        'sentences: load a polyfill before, such as @formatjs/intl-segmenter/polyfill.js',
    );
  }
  return new Intl.Segmenter(locale, { granularity });
}
