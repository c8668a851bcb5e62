import { segmentText } from 'claude-rx';
import { lastValueFrom, of, toArray } from 'rxjs';
import { expect, it, vi } from 'vitest';
import { segmenterOf } from '../../../src/text/segmenterOf.ts';

it('says what is missing where the platform has no Intl.Segmenter', async () => {
  vi.stubGlobal('Intl', Object.create(Intl, { Segmenter: { value: undefined } }));
  expect(() => segmenterOf('grapheme')).toThrow(
    /^This platform has no Intl.Segmenter.*@formatjs\/intl-segmenter/,
  );
  const cut = (unit: 'word' | 'line') =>
    lastValueFrom(of('a b\nc').pipe(segmentText(unit), toArray()));
  await expect(cut('word')).rejects.toThrow('no Intl.Segmenter');
  expect(await cut('line')).toEqual(['a b\n', 'c']);
});
