import { describe, expect, it } from 'vitest';
import { filesBelow, read } from './support/examples.ts';

/** Phrases that readers had to puzzle over, and what to write instead. */
const RIDDLES: readonly (readonly [phrase: RegExp, instead: string])[] = [
  [/\bwho comes late\b/i, 'late subscribers'],
  [/\bconnection lives\b/i, 'the connection is alive'],
  [/\bways out\b/i, 'sinks'],
  [/\bone sees\b/i, 'observability, visible, shows'],
  [/(?<!there )\b(is|are) none\b(?! (of )?(left|there))/i, 'is not a valid X: expected Y, got Z'],
  [/\bmakes? no sense\b/i, 'is not valid: expected Y, got Z'],
  [/\bhow an? \w+ stands\b/i, 'the status of'],
  [/\bis another one\b/i, 'differs, changes'],
  [/\bwhoever\b/i, 'every reader who, a reader that'],
  [/\bis no failure\b/i, 'is not an error'],
  [/\bof the \w+ is the time between\b/i, 'subject first: heartbeats are sent every ...'],
  [/^#+ .*\bwhile (it|they) (is|are) written\b/im, 'streaming'],
];

/** Where the rules themselves stand, or somebody else's words. */
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'llms.txt',
  ...filesBelow('docs', /\.md$/).filter((file) => !file.startsWith('docs/api/')),
  ...filesBelow('examples', /^((?!node_modules).)*\.md$/),
];

/** Comments, texts in quotes and titles of tests: what people read of a program. */
function proseOf(source: string): string {
  return [
    ...source.matchAll(/^\s*(?:\/\*\*|\*|\/\/)(.*)/gm),
    ...source.matchAll(/(?<=\W)(['"`])(.*?)\1/g),
  ]
    .map(([, first = '', second]) => second ?? first)
    .join('\n');
}

const files = [
  ...documents.map((file) => [file, (text: string) => text] as const),
  ...['src', 'operators', 'examples', 'test'].flatMap((folder) =>
    filesBelow(folder, /^((?!node_modules|dist|\.angular).)*\.ts$/)
      .filter((file) => file !== 'test/prose.test.ts')
      .map((file) => [file, proseOf] as const),
  ),
];

describe('plain English', () => {
  it('has no phrases that readers had to puzzle over', () => {
    const found = files.flatMap(([file, prose]) => {
      const text = prose(read(file)).replace(/\n\s*(\*|\/\/)? ?/g, '\n');
      return RIDDLES.flatMap(([phrase, instead]) => {
        const [match] = phrase.exec(text) ?? [];
        return match === undefined ? [] : [`${file}: "${match}"; write: ${instead}`];
      });
    });
    expect(found).toEqual([]);
  });

  it('finds such phrases in comments, errors and titles', () => {
    const source = `
      /** How a reply stands. */
      throw new TypeError(\`\${name} makes no sense\`); // whoever
      it('serves who comes late', () => {});`;
    const prose = proseOf(source);
    expect(RIDDLES.filter(([phrase]) => phrase.test(prose))).toHaveLength(3);
  });
});
