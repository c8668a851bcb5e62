import { Marked, type Token, type TokensList } from 'marked';
import { coloredCode } from './code-colors.js';

/** A paragraph, list, table ... of a text, as HTML. It is not sanitised. */
export interface MarkdownBlock {
  html: string;
}

const escaped = (text: string) =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** The fence at the end of a block of code. */
const CLOSED = /\n {0,3}(`{3,}|~{3,})\s*$/;

const marked = new Marked({
  gfm: true,
  renderer: {
    // What a model writes is text, and an image would be loaded without asking, with whatever a
    // prompt made the model put into its address.
    html: ({ text }) => escaped(text),
    image: ({ href, text }) => `<a href="${escaped(href)}">${escaped(text || href)}</a>`,
    table(token) {
      const cells = (row: typeof token.header, tag: string) =>
        row.map((cell) => `<${tag}>${this.parser.parseInline(cell.tokens)}</${tag}>`).join('');
      const rows = token.rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('');
      return `<div class="table" tabindex="0" role="group" aria-label="Table"><table><thead><tr>${cells(token.header, 'th')}</tr></thead><tbody>${rows}</tbody></table></div>`;
    },
    code: ({ text, lang = '', raw }) => {
      // A block that is still being written has no colours: each frame would color all of it.
      const isClosed = CLOSED.test(raw);
      const html = (isClosed ? coloredCode(text, lang) : undefined) ?? escaped(text);
      return `<pre tabindex="0" aria-label="${escaped(lang || 'Code')}"><code>${html}</code></pre>`;
    },
  },
});

/**
 * Renders Markdown that grows. What can no longer change is parsed once, so that a frame costs as
 * much as the last two blocks, and not as much as the text.
 */
export class MarkdownBlocks {
  #settled: MarkdownBlock[] = [];
  /** How much of the text the settled blocks are. */
  #length = 0;
  #text = '';

  /** The blocks of `text`, which should begin as the one before; else all is parsed anew. */
  update(text: string, isWhole: boolean): MarkdownBlock[] {
    if (isWhole || !text.startsWith(this.#text)) {
      // What refers to a link that is defined further down is known only now.
      this.#settled = [];
      this.#length = 0;
    }
    this.#text = text;
    const tokens = marked.lexer(text.slice(this.#length));
    // The block before the last may still change: `2` is a paragraph, and `2. x` goes on with a list.
    const settles = tokens.filter(({ type }) => type !== 'space').length - 2;
    const blocks: MarkdownBlock[] = [];
    let count = 0;
    for (const token of tokens) {
      if (token.type !== 'space') count++;
      if (isWhole || count > settles) {
        if (token.type !== 'space') blocks.push({ html: htmlOf(token, tokens) });
        continue;
      }
      this.#length += token.raw.length;
      if (token.type !== 'space') this.#settled.push({ html: htmlOf(token, tokens) });
    }
    return [...this.#settled, ...blocks];
  }
}

function htmlOf(token: Token, { links }: TokensList): string {
  return marked.parser(Object.assign([token], { links }));
}
