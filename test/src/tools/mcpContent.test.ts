import { describe, expect, it } from 'vitest';
import { mcpContent } from '../../../src/tools/mcpContent.ts';

const text = (value: string) => ({ type: 'text', text: value });
const written = (data: string, title?: string) => ({
  type: 'document',
  source: { type: 'text', media_type: 'text/plain', data },
  ...(title && { title }),
});
const image = (media_type: string) => ({
  type: 'image',
  source: { type: 'base64', media_type, data: 'AAAA' },
});
const resource = (fields: object) => ({ type: 'resource', resource: { uri: 'x:a', ...fields } });
const shown = (parts: string) => text(`[${parts}: content of this kind cannot be shown to you]`);
const base64 = (value: string) => Buffer.from(value).toString('base64');

describe('mcpContent', () => {
  it.each<[string, object, object]>([
    ['a text', text('a'), text('a')],
    ['half a surrogate', text('a\ud800'), text('a\ufffd')],
    [
      'an annotated text',
      { ...text('a'), annotations: { audience: ['user'] }, _meta: {} },
      text('a'),
    ],
    ['a text without text', { type: 'text' }, []],
    [
      'an image with parameters in its type',
      { type: 'image', data: 'AAAA', mimeType: 'Image/PNG; q=1' },
      image('image/png'),
    ],
    ['image/jpg', { type: 'image', data: 'AAAA', mimeType: 'image/jpg' }, image('image/jpeg')],
    [
      'an image that the API does not take',
      { type: 'image', data: 'AAAA', mimeType: 'image/tiff' },
      shown('image, image/tiff, 3 bytes'),
    ],
    ['an image without data', { type: 'image' }, shown('image')],
    [
      'audio',
      { type: 'audio', data: 'AA==', mimeType: 'audio/mpeg' },
      shown('audio, audio/mpeg, 1 bytes'),
    ],
    ['a new kind', { type: 'hologram', data: 'AAA=' }, shown('hologram, 2 bytes')],
    ['no block', null as never, shown('undefined')],
    [
      'a resource of text',
      resource({ text: '{}', mimeType: 'application/json' }),
      written('{}', 'x:a'),
    ],
    ['an empty resource', resource({ text: '' }), text('[resource, x:a: empty]')],
    [
      'text in Base64',
      resource({ blob: base64('{"é":1}'), mimeType: 'application/ld+json' }),
      written('{"é":1}', 'x:a'),
    ],
    [
      'text in Base64 that is not UTF-8',
      resource({ blob: '/w==', mimeType: 'text/csv' }),
      shown('resource, x:a, text/csv, 1 bytes'),
    ],
    [
      'what is not Base64',
      resource({ blob: '%', mimeType: 'text/csv' }),
      shown('resource, x:a, text/csv, 0 bytes'),
    ],
    [
      'an image as a resource',
      resource({ blob: 'AAAA', mimeType: 'image/gif' }),
      image('image/gif'),
    ],
    [
      'a PDF',
      resource({ blob: 'AAAA', mimeType: 'application/pdf' }),
      {
        type: 'document',
        source: { type: 'base64', media_type: 'application/pdf', data: 'AAAA' },
        title: 'x:a',
      },
    ],
    [
      'another resource',
      resource({ blob: 'AAAA', mimeType: 'application/zip' }),
      shown('resource, x:a, application/zip, 3 bytes'),
    ],
    ['a resource that is nothing', { type: 'resource' }, shown('resource')],
    [
      'a link',
      { type: 'resource_link', uri: 'x:a', name: 'a', title: 'A', size: 3, icons: [] },
      text('{"type":"resource_link","uri":"x:a","name":"a","title":"A","size":3}'),
    ],
  ])('converts %s for the API', (_, block, expected) => {
    const given = mcpContent({ content: [block as { type: string }] });
    expect(given ?? []).toEqual(Array.isArray(expected) ? expected : [expected]);
  });

  it('keeps the order of the blocks', () => {
    const content = [
      text('one'),
      { type: 'image', data: 'AAAA', mimeType: 'image/png' },
      text('two'),
    ];
    expect(mcpContent({ content })).toEqual([text('one'), image('image/png'), text('two')]);
  });

  it('sends structured content if there is no text', () => {
    const structuredContent = { degrees: 21 };
    expect(mcpContent({ content: [text('21 °C')], structuredContent })).toEqual([text('21 °C')]);
    expect(mcpContent({ content: [], structuredContent })).toEqual([text('{"degrees":21}')]);
    expect(mcpContent({ structuredContent: null })).toEqual([text('null')]);
    for (const blank of ['', ' ']) {
      expect(mcpContent({ content: [text(blank)], structuredContent })).toContainEqual(
        text('{"degrees":21}'),
      );
    }
    const absent = { content: null, structuredContent } as never;
    expect(mcpContent(absent)).toEqual([text('{"degrees":21}')]);
    const picture = [{ type: 'image', data: 'AAAA', mimeType: 'image/png' }];
    expect(mcpContent({ content: picture, structuredContent })).toEqual([
      image('image/png'),
      text('{"degrees":21}'),
    ]);
  });

  it('returns nothing for no content, and JSON for a result of the protocol of 2024', () => {
    expect(mcpContent({ content: [] })).toBe(undefined);
    expect(mcpContent({ toolResult: { degrees: 21 } })).toBe('{"degrees":21}');
  });
});
