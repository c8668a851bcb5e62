import { blockProblem } from './blockProblem.ts';
import { isBlankText } from '../history/blankText.ts';
import type { AnyBlock } from '../history/blocks.ts';

/**
 * What a user says, as blocks; blank text beside others is left out, as the API refuses it.
 *
 * @throws TypeError for what is neither text nor blocks, and where nothing is said
 */
export function userContent(content: string | readonly object[], caller: string): AnyBlock[] {
  if (typeof content !== 'string' && !Array.isArray(content)) {
    throw new TypeError(`${caller}: pass text or a list of content blocks, not ${typeof content}`);
  }
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  blocks.forEach((block, index) => {
    const problem = blockProblem(block, 'user', `content[${index}]`);
    if (problem) throw new TypeError(`${caller}: ${problem}`);
  });
  const said = (blocks as AnyBlock[]).filter((block) => !isBlankText(block));
  if (said.length === 0) {
    throw new TypeError(`${caller}: the content is empty, and the API refuses an empty message`);
  }
  return said;
}

/** The text of blocks, with nothing in between. */
export function textOf(blocks: readonly { type: string; text?: unknown }[]): string {
  return blocks.map(({ type, text }) => (type === 'text' ? String(text ?? '') : '')).join('');
}
