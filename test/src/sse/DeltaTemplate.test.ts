import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeltaTemplate } from '../../../src/sse/DeltaTemplate.ts';
import { differences, lines } from './fastPath.ts';
import { rounds } from '../../support/rounds.ts';

const line = (text: string, rest = '}}') =>
  `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"${text}"${rest}`;
const frame = (data: string) => `event: content_block_delta\ndata: ${data}\n\n`;
const delta = (text: string) => ({
  type: 'content_block_delta',
  index: 0,
  delta: { type: 'text_delta', text },
});

/** The template of a frame with this line. */
function learned(data = line('Hello')): DeltaTemplate | undefined {
  return DeltaTemplate.learn('content_block_delta', data, JSON.parse(data));
}

describe('DeltaTemplate takes a frame like the one before', () => {
  // oxfmt-ignore
  const cases: [title: string, data: string, event: object][] = [
    ['with another text', line('world'), delta('world')],
    ['without text', line(''), delta('')],
    ['with a text of any length', line('a longer text'.repeat(50)), delta('a longer text'.repeat(50))],
    ['with braces in its text', line('}}'), delta('}}')],
    ['with escapes', line('a\\n\\"b\\"\\\\\\u00e9\\ud83d\\ude00'), delta('a\n"b"\\é😀')],
    ['with white space at its end', line('a', '  } } '), delta('a')],
  ];
  it.each(cases)('%s', (_, data, event) => {
    const template = learned()!;
    const text = frame(data);
    expect(template.take(`x${text}y`, 1)).toStrictEqual(event);
    expect(template.end).toBe(1 + text.length);
  });
});

describe('DeltaTemplate leaves to JSON.parse', () => {
  // oxfmt-ignore
  const cases: [title: string, text: string][] = [
    ['a frame of another block', frame(line('a').replace('"index":0', '"index":1'))],
    ['another kind of delta', frame(line('a').replace('text_delta', 'late_delta'))],
    ['a key behind the text', frame(line('a', ',"x":1}}'))],
    ['a key behind a text with escapes', frame(line('\\n', ',"x":"y"}}'))],
    ['a key behind the delta', frame(line('a', '},"x":1}'))],
    ['an escape that JSON does not know', frame(line('\\x'))],
    ['a control character', frame(line('\t'))],
    ['a line that is cut', frame(line('a', '}'))],
    ['a string that is cut', frame(line('a').slice(0, -3))],
    ['a frame that is not all there', frame(line('a')).slice(0, -1)],
    ['a frame with another line', frame(`${line('a')}\nid: 1`)],
    ['another field', `id: 1\n${frame(line('a'))}`],
  ];
  it.each(cases)('%s', (_, text) => {
    expect(learned()!.take(text, 0)).toBeUndefined();
  });

  it('all, when what it saw is not as usual', () => {
    // oxfmt-ignore
    const unusual = [
      '{"index":0,"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}',
      '{"type":"content_block_delta","index":0,"x":1,"delta":{"type":"text_delta","text":"a"}}',
      '{"type":"content_block_delta","index":0,"delta":{"text":"a","type":"text_delta"}}',
      '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"text_delta","type":"text_delta"}}',
      '{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"a"}}',
      '{"type":"content_block_delta","index":0,"delta":{"type":"toString","text":"a"}}',
      '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":7}}',
      '{"type":"content_block_delta","index":"0","delta":{"type":"text_delta","text":"a"}}',
      '{"type":"content_block_delta","index":0,"delta":null}',
    ];
    for (const data of unusual) expect(learned(data)?.take(frame(data), 0)).toBeUndefined();
  });

  it('all, when what surrounds the text is endless', () => {
    const data = line('a').replace('"index"', `${' '.repeat(1_000)}"index"`);
    expect(learned(data)).toBeUndefined();
  });
});

describe('DeltaTemplate', () => {
  it('gives each event objects of its own', () => {
    const template = learned()!;
    const [one, other] = [template.take(frame(line('a')), 0), template.take(frame(line('a')), 0)];
    expect(one).toEqual(other);
    expect(one).not.toBe(other);
  });

  it('is learned for each block, and from each kind of delta', () => {
    const data =
      '{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{"}}';
    expect(learned(data)!.take(frame(data.replace('{"}}', '\\"a\\":"}}')), 0)).toStrictEqual({
      type: 'content_block_delta',
      index: 1,
      delta: { type: 'input_json_delta', partial_json: '"a":' },
    });
  });

  it('is learned from a text with quotes', () => {
    const template = learned(line('a \\"text\\": \\"b\\"'))!;
    expect(template.take(frame(line('a')), 0)).toStrictEqual(delta('a'));
  });

  it('is learned once by all replies, of which there may be any number of kinds', () => {
    expect(learned(line('a'))).toBe(learned(line('b')));
    for (let index = 0; index < 200; index++) {
      const data = line('a').replace('"index":0', `"index":${index}`);
      expect(learned(data)!.take(frame(data), 0)).toStrictEqual({ ...delta('a'), index });
    }
  });

  // A million of them: test/long/fastPath.test.ts.
  it('reads every line as JSON.parse does, or not at all', () => {
    let fast = 0;
    fc.assert(
      fc.property(lines, (some) => {
        const found = differences(some);
        fast += found.fast;
        expect(found.bad).toEqual([]);
      }),
      { numRuns: rounds(400) },
    );
    expect(fast).toBeGreaterThan(rounds(1_000));
  });
});
