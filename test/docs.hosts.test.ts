import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesBelow, read } from './support/examples.ts';

/** A ```mts block: a part of a file that is compiled elsewhere, with its framework. */
interface Excerpt {
  code: string;
  /** The file that the text before it links to. */
  file: string;
}

function excerptsOf(document: string): Excerpt[] {
  const excerpts: Excerpt[] = [];
  let file = '';
  let lines: string[] | undefined;
  for (const line of read(document).split('\n')) {
    if (line.startsWith('```mts')) {
      lines = [];
    } else if (lines && line.startsWith('```')) {
      excerpts.push({ code: lines.join('\n'), file });
      lines = undefined;
    } else if (lines) {
      lines.push(line);
    } else {
      const link = /\]\(((?:\.\.\/)*(?:examples|test\/recipes)\/[^)]+\.ts)\)/.exec(line)?.[1];
      if (link !== undefined) file = join(dirname(document), link);
    }
  }
  return excerpts;
}

const excerpts = filesBelow('docs', /\.md$/).flatMap((document) =>
  excerptsOf(document).map((excerpt, index) => ({ document, number: index + 1, ...excerpt })),
);

describe('excerpts', () => {
  it('are found', () => {
    expect(new Set(excerpts.map(({ document }) => document))).toEqual(
      new Set(['docs/angular.md', 'docs/node.md', 'docs/recipes.md']),
    );
  });

  it.each(excerpts)('$document, $number: is as it stands in $file', ({ code, file }) => {
    expect(read(file)).toContain(code);
  });
});
