/**
 * Breaks lines of a text at `columns`, between words and never within one. It is called with one piece
 * after the other, each of whole words with the white space before them: `segmentText('word')`.
 */
export function wrapWords(columns: number): (piece: string) => string {
  let column = 0;
  const wrap = (word: string) => {
    const letters = word.trimStart();
    const space = word.slice(0, word.length - letters.length);
    const indent = space.length - space.lastIndexOf('\n') - 1;
    column = space.includes('\n') ? indent : column + space.length;
    const width = widthOf(letters);
    // What touches the word before it, such as the second half of a long one, stays with it.
    const isBroken = space !== '' && letters !== '' && column + width > columns;
    column = isBroken ? width : column + width;
    return isBroken ? `\n${letters}` : word;
  };
  return (piece) => piece.replace(/\s*\S+|\s+$/g, wrap);
}

/** Chinese, Japanese, Korean and full-width letters take two columns, as do emoji. */
const WIDE = /[\u1100-\u115f\u2e80-\u9fff\uac00-\ud7a3\uff00-\uff60]/g;

/** The columns that a text takes in a terminal. */
function widthOf(text: string): number {
  return text.length + (text.match(WIDE)?.length ?? 0);
}
