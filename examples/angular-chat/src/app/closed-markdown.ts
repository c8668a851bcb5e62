const DELIMITERS = /\\.|`+|\*\*|\*|__|_|~~?/gs;
/** Where the inline text begins that is cut: behind a blank line, or in a line of a list or table. */
const LAST_PART = /[^]*(?:\n[ \t]*\n|\n(?=[ \t]*(?:[-*+>|#]|\d+[.)])))/;
const FENCE = /^ {0,3}(`{3,}|~{3,})/gm;

/**
 * A Markdown text that was cut off, with its open emphasis and code closed, so that no `**` or
 * backtick of it is shown. A link without its whole address becomes its text.
 */
export function closedMarkdown(text: string): string {
  const code = codeEnd(text);
  // An open block of code reaches to the end of the text in any case.
  if (code === undefined) return text;
  const start = Math.max(code, LAST_PART.exec(text)?.[0].length ?? 0);
  return text.slice(0, start) + closedInline(text.slice(start));
}

/** Where the last block of code ends, 0 without one; `undefined` where it is open. */
function codeEnd(text: string): number | undefined {
  let open: string | undefined;
  let end = 0;
  for (const { 0: line, 1: fence = '', index } of text.matchAll(FENCE)) {
    if (open === undefined) open = fence;
    else if (fence.startsWith(open)) {
      open = undefined;
      end = index + line.length;
    }
  }
  return open === undefined ? end : undefined;
}

function closedInline(whole: string): string {
  const text = whole.replace(/!?\[([^\]\n]*)\]\([^)\n]*$/, '$1').trimEnd();
  const open: string[] = [];
  for (const { 0: mark, index } of text.matchAll(DELIMITERS)) {
    if (mark.startsWith('\\')) continue;
    const isCode = open.at(-1)?.startsWith('`') ?? false;
    if (isCode && !mark.startsWith('`')) continue;
    const [before = ' ', after = ' '] = [text[index - 1], text[index + mark.length]];
    if (mark.startsWith('_') && /\w/.test(before) && /\w/.test(after)) continue;
    const at = isCode ? (open.at(-1) === mark ? open.length - 1 : -1) : open.lastIndexOf(mark);
    if (at >= 0 && (isCode || /\S/.test(before))) {
      open.length = at;
    } else if (index + mark.length === text.length) {
      // It has opened nothing, or is half of a mark that closes.
      const isHalf = open.some((other) => other.startsWith(mark[0]!));
      if (isHalf || /\s/.test(before) || mark.startsWith('`')) {
        return closedInline(text.slice(0, index));
      }
    } else if (!isCode && (mark.startsWith('`') || /\S/.test(after))) {
      open.push(mark);
    }
  }
  return text + open.toReversed().join('');
}
