import { isServerCall, isThought } from '../history/blockKinds.ts';
import type { AnyStreamEvent, ContentBlockOf, MessageOf } from '../message/StreamEvent.ts';
import { wellFormed } from '../history/wellFormed.ts';

export type AnyMessage = MessageOf<AnyStreamEvent>;
export type Block = ContentBlockOf<AnyStreamEvent>;

/**
 * How many blocks of `message`, from the start, a continuation goes on from: to the last text. White
 * space alone cannot be gone on from, except that the same request may be expected to begin with it.
 */
export function keptBlocks({ content }: Pick<AnyMessage, 'content'>): number {
  const kept = content.findLastIndex((block) => textOf(block) !== '') + 1;
  const blocks = content.slice(0, kept);
  const hasText = blocks.some((block) => trimmed(textOf(block)) !== '');
  return hasText || blocks.every(({ type }) => type === 'text') ? kept : 0;
}

/** What of the kept blocks the API takes back. */
export function sendable(kept: readonly Block[], spliced: boolean): Block[] {
  const results = new Set(kept.map((block) => 'tool_use_id' in block && block.tool_use_id));
  const thoughts = kept.findIndex((block) => !isThought(block));
  const blocks = kept
    .filter((block, index) => {
      if (block.type === 'thinking' && !block.signature) return false;
      if (isThought(block)) return !spliced || index < thoughts;
      return !isServerCall(block) || ('id' in block && results.has(block.id));
    })
    .reduce(joinBlank, []);
  // A turn may not end with thinking: "The final block in an assistant message cannot be thinking".
  while (blocks.length > 0 && isThought(blocks.at(-1)!)) blocks.pop();
  return blocks.map((block, index) => {
    if (block.type !== 'text') return block;
    const text = index === blocks.length - 1 ? trimmed(block.text) : block.text;
    return { ...block, text: wellFormed(text) };
  });
}

/** Text that is only white space is refused; it goes to the text before it, as between citations. */
function joinBlank(blocks: Block[], block: Block): Block[] {
  if (block.type !== 'text' || trimmed(textOf(block)) !== '') return [...blocks, block];
  const last = blocks.at(-1);
  if (last?.type !== 'text') return blocks;
  return [...blocks.slice(0, -1), { ...last, text: last.text + textOf(block) }];
}

/** The text of the kept blocks, and what of it at the end is not sent. */
export function seamOf(kept: readonly Block[]): { sent: string; leftOut: string } {
  const end = lastText(kept);
  const leftOut = end.slice(trimmed(end).length);
  const text = kept.map(textOf).join('');
  return { sent: wellFormed(text.slice(0, text.length - leftOut.length)), leftOut };
}

/** The text with which the turn that is sent ends; empty where it does not end with text. */
export function endingOf(kept: readonly Block[]): string {
  return wellFormed(trimmed(lastText(kept)));
}

/** The text since anything else was said. Thinking before nothing but white space is not sent. */
function lastText(kept: readonly Block[]): string {
  let text = '';
  for (const block of kept.toReversed()) {
    if (block.type === 'text') text = textOf(block) + text;
    else if (!isThought(block) || trimmed(text) !== '') break;
  }
  return text;
}

/** The text of a block; a gateway may leave out an empty one. */
function textOf(block: Block): string {
  return block.type === 'text' ? (block.text ?? '') : '';
}

/** Whether `retryResumable` has joined the message of several attempts. */
export function isSpliced(message: AnyMessage | undefined): boolean {
  const usage = message?.usage as { attempts?: unknown } | undefined;
  return Array.isArray(usage?.attempts) && usage.attempts.length > 1;
}

/** Without white space at the end, as any language sees it, and without half a character. */
function trimmed(text: string): string {
  let end = text.length;
  while (end > 0 && /[\s\p{Cc}\ud800-\udbff]/u.test(text[end - 1]!)) end--;
  return text.slice(0, end);
}
