import { describe, expect, it } from 'vitest';
import { errorContent, toolContent } from '../../../src/tools/toolContent.ts';

const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA' } };
const text = { type: 'text', text: 'See:' };

describe('toolContent', () => {
  it.each<[string, unknown, unknown]>([
    ['text', 'Sunny', 'Sunny'],
    ['no text', '', ''],
    ['nothing', undefined, undefined],
    ['a number', 42, '42'],
    ['null', null, 'null'],
    ['an object', { city: 'Paris', days: [1, 2] }, '{"city":"Paris","days":[1,2]}'],
    ['a list', ['a', 'b'], '["a","b"]'],
    ['an empty list', [], '[]'],
    ['a date, by its toJSON', new Date(0), '"1970-01-01T00:00:00.000Z"'],
    ['a block', image, [image]],
    ['blocks', [text, image], [text, image]],
    ['blocks, without empty text', [{ ...text, text: '' }, image], [image]],
    ['nothing but empty text', [{ type: 'text', text: '' }], undefined],
    ['half a character', 'a\ud83d', 'a\ufffd'],
    [
      'half a character in a block',
      [{ type: 'text', text: '\ude00' }],
      [{ type: 'text', text: '\ufffd' }],
    ],
    ['a whole character', '\ud83d\ude00', '\ud83d\ude00'],
  ])('accepts %s', (_, value, content) => {
    expect(toolContent(value)).toEqual(content);
  });

  it.each<[string, unknown]>([
    ['a text with more to it', { type: 'text', text: 'a', id: 7 }],
    ['an image by its name', [{ type: 'image', source: 'cat.png' }]],
    ['a document of a database', { type: 'document', title: 'Report', source: null }],
    ['blocks and others', [text, 'more']],
    ['an unknown type', [{ type: 'user', text: 'a' }]],
  ])('sends data as JSON: %s', (_, value) => {
    expect(toolContent(value)).toBe(JSON.stringify(value));
  });

  it.each<[string, unknown]>([
    [
      'search results',
      { type: 'search_result', source: 'https://a.example', title: 'A', content: [text] },
    ],
    ['a document', { type: 'document', source: { type: 'url', url: 'https://a.example/a.pdf' } }],
    ['a reference to a tool', { type: 'tool_reference', tool_name: 'a' }],
    ['the state of a browser', { type: 'browser_state', tabs: [] }],
  ])('sends content blocks as blocks: %s', (_, block) => {
    expect(toolContent(block)).toEqual([block]);
  });

  it('keeps valid blocks as the same objects', () => {
    const blocks = [text, image];
    const content = toolContent(blocks) as unknown[];
    expect(content[1]).toBe(image);
  });

  it('throws for values that JSON cannot express', () => {
    const loop: unknown[] = [];
    loop.push(loop);
    expect(() => toolContent(loop)).toThrow(TypeError);
    expect(() => toolContent({ n: 1n })).toThrow(TypeError);
    expect(() => toolContent(() => 'a')).toThrow('a function cannot be sent as a result');
  });

  it('throws no RangeError for values that are nested deep', () => {
    let deep: unknown = 0;
    for (let level = 0; level < 100_000; level++) deep = [deep];
    // Node.js 26 writes JSON of any depth.
    expect(() => toolContent(deep)).not.toThrow(RangeError);
    const block = { type: 'text', text: 'a', citations: deep };
    expect(() => toolContent(block)).toThrow('content that is nested so deep cannot be sent');
  });
});

describe('errorContent', () => {
  it.each<[string, unknown, unknown]>([
    ['its message', new RangeError('too far'), 'Error: too far'],
    ['what was thrown', 'no', 'Error: no'],
    ['what was thrown', undefined, 'Error: undefined'],
    ['that there is no message', new Error(''), 'Error: the tool failed and did not say why'],
    ['the content of a ToolError', { name: 'ToolError', content: [image] }, [image]],
    ['the text of a ToolError', { name: 'ToolError', content: 'gone' }, 'gone'],
    [
      'that a ToolError has none',
      Object.assign(new Error(''), { name: 'ToolError', content: [] }),
      'Error: the tool failed and did not say why',
    ],
    ['no half character', new Error('a\ud83d'), 'Error: a\ufffd'],
  ])('sends %s', (_, error, content) => {
    expect(errorContent(error)).toEqual(content);
  });
});
