import { blockProblem } from './blockProblem.ts';
import { isBlankText } from '../history/blankText.ts';
import { type AnyBlock, textOf as textOfBlock } from '../history/blocks.ts';

/**
 * Converts the content of a user message to blocks. Blank text is left out, since the API refuses it.
 *
 * @throws TypeError for content that is neither text nor blocks, and for empty content
 */
export function userContent(content: string | readonly object[], caller: string): AnyBlock[] {
  if (typeof content !== 'string' && !Array.isArray(content)) {
    throw new TypeError(`${caller}: pass text or a list of content blocks, not ${typeof content}`);
  }
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  blocks.forEach((block, index) => {
    const problem = blockProblem(block, 'user');
    if (problem) throw new TypeError(`${caller}: content[${index}]${problem}`);
  });
  const said = (blocks as AnyBlock[]).filter((block) => !isBlankText(block));
  if (said.length === 0) {
    throw new TypeError(`${caller}: the content is empty: the API refuses an empty message`);
  }
  return said;
}

/** The text of all text blocks, joined with nothing in between. */
export function textOf(blocks: readonly { type: string; text?: unknown }[]): string {
  let joined = '';
  for (const block of blocks) joined += textOfBlock(block);
  return joined;
}
