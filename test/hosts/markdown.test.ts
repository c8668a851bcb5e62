import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { closedMarkdown } from '../../examples/angular-chat/src/app/closed-markdown.ts';
import { MarkdownBlocks } from '../../examples/angular-chat/src/app/markdown-blocks.ts';
import { backpressure, flood } from '../../examples/nest-service/src/demo/scripts.ts';

const htmlOf = (blocks: readonly { html: string }[]) => blocks.map(({ html }) => html).join('');
const whole = (text: string) => htmlOf(new MarkdownBlocks().update(text, true));

const blocks = [
  '# A heading',
  'A paragraph with **bold** and `code`\nin two lines.',
  '- one\n- two\n\n- three, loose',
  '1. first\n2. second',
  '```ts\nconst a = 1;\n\n# no heading\n```',
  '| a | b |\n|---|---|\n| 1 | 2 |',
  '> quoted\n> again',
  '---',
  'Setext\n===',
  '<b>no HTML</b>',
  '&amp; a & b',
];
const markdown = fc
  .array(fc.constantFrom(...blocks), { minLength: 1, maxLength: 8 })
  .map((parts) => parts.join('\n\n'));

describe('MarkdownBlocks', () => {
  it('shows of a text that grows in any pieces what it shows of it whole', () => {
    fc.assert(
      fc.property(markdown, fc.array(fc.nat(200)), (text, cuts) => {
        const growing = new MarkdownBlocks();
        for (const cut of [...cuts.toSorted((one, other) => one - other), text.length]) {
          const shown = text.slice(0, cut);
          expect(htmlOf(growing.update(shown, false))).toBe(whole(shown));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('renders a link whose address comes at the end, when it is there', () => {
    const text = 'See [this][1].\n\ntwo\n\nthree\n\nfour\n\n[1]: https://example.com';
    const growing = new MarkdownBlocks();
    for (let end = 0; end < text.length; end += 5) growing.update(text.slice(0, end), false);
    expect(htmlOf(growing.update(text, false))).not.toContain('href');
    expect(htmlOf(growing.update(text, true))).toContain('href="https://example.com"');
  });

  it('shows of a reply that is being written what it shows of it whole', () => {
    const growing = new MarkdownBlocks();
    for (let end = 0; end < backpressure.text.length; end += 3) {
      const text = backpressure.text.slice(0, end);
      expect(htmlOf(growing.update(text, false))).toBe(whole(text));
    }
  });

  it('parses what can no longer change once', () => {
    const { text } = flood();
    const growing = new MarkdownBlocks();
    const first = growing.update(text.slice(0, 50_000), false);
    const second = growing.update(text.slice(0, 50_100), false);
    const same = first.filter((each, index) => each === second[index]);
    expect(same.length).toBe(first.length - 2);
  });

  it('begins anew with another text', () => {
    const blocks = new MarkdownBlocks();
    blocks.update('# One\n\ntwo\n\nthree\n\nfour', false);
    expect(htmlOf(blocks.update('Five', false))).toBe(whole('Five'));
  });
});

describe('closedMarkdown', () => {
  it.each([
    ['A **bold wo', 'A **bold wo**'],
    ['A **bold word*', 'A **bold word**'],
    ['A **', 'A'],
    ['***both', '***both***'],
    ['a `code', 'a `code`'],
    ['a `', 'a'],
    ['a **b `c', 'a **b `c`**'],
    ['a `b * c` d', 'a `b * c` d'],
    ['snake_case and 2 * 3', 'snake_case and 2 * 3'],
    ['- **one**\n- **two', '- **one**\n- **two**'],
    ['**not closed\n\n*next', '**not closed\n\n*next*'],
    ['See [the page](https://exam', 'See the page'],
    ['```ts\nconst a = `b', '```ts\nconst a = `b'],
    ['```\na ** b\n```\n\n*c', '```\na ** b\n```\n\n*c*'],
    ['\\*no emphasis', '\\*no emphasis'],
  ])('closes what is open in %j', (cut, closed) => {
    expect(closedMarkdown(cut)).toBe(closed);
  });

  it('shows no open mark, wherever a text is cut, and keeps a whole text', () => {
    const text =
      'Some **bold words**, *emphasis* and `code`.\n\n- **one** and ~~two~~\n- [x](https://a.example)';
    for (let end = 0; end <= text.length; end++) {
      expect(whole(closedMarkdown(text.slice(0, end)))).not.toMatch(/[*`~]/);
    }
    for (const block of blocks) expect(closedMarkdown(block)).toBe(block);
  });
});
