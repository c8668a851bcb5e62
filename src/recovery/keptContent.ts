import { isCall, isThought } from '../history/blockKinds.ts';
import { trimmedEnd } from '../history/blankText.ts';
import { type AnyBlock, textOf } from '../history/blocks.ts';
import { sendBack } from '../history/sendBack.ts';
import { SentHistory } from '../history/SentHistory.ts';
import type { AnyMessage, AnyStreamEvent, ContentBlockOf } from '../message/StreamEvent.ts';

export type Block = ContentBlockOf<AnyStreamEvent>;

/**
 * The number of blocks of `message`, from the start, that a continuation continues: up to the last text.
 * A text of only white space cannot be continued, except by the same request, which may begin with it.
 */
export function keptBlocks({ content }: Pick<AnyMessage, 'content'>): number {
  const kept = content.findLastIndex((block) => textOf(block) !== '') + 1;
  const blocks = content.slice(0, kept);
  const hasText = blocks.some((block) => trimmedEnd(textOf(block)) !== '');
  return hasText || blocks.every(({ type }) => type === 'text') ? kept : 0;
}

/** The part of the kept blocks that a continuation sends, and how it joins the emitted text. */
export interface KeptContent {
  /** The blocks of the assistant turn. */
  content: AnyBlock[];
  /** The user turn with the results of its calls, if there are any. */
  answers: AnyBlock[];
  /** The text of these blocks, and the following text that was emitted but is not sent. */
  seam: { sent: string; leftOut: string };
  /** The text at the end of the turn; empty if the turn does not end with text. */
  ending: string;
}

/** The part of the kept blocks that is sent after `messages`. */
export function keptContent(
  kept: readonly Block[],
  isSplicedReply: boolean,
  messages: readonly object[] = [],
): KeptContent {
  const blocks = kept as unknown as readonly AnyBlock[];
  // The first attempt is kept up to a text at least.
  const first = blocks.findIndex((block) => !isThought(block));
  const reply = { blocks, seam: isSplicedReply ? first : undefined };
  const results = blocks.filter(isCall).map(({ id }) => ({ ...NOTED, tool_use_id: id }));
  const sent = new SentHistory(messages);
  const { turns, leftOut } = sendBack([reply], sent, { results, end: 'trim' });
  const [assistant, user] = turns;
  const content = assistant?.content ?? [];
  return {
    content,
    answers: user?.content ?? [],
    seam: { sent: content.map(textOf).join(''), leftOut },
    ending: content
      .slice(content.findLastIndex(({ type }) => type !== 'text') + 1)
      .map(textOf)
      .join(''),
  };
}

const NOTED = {
  type: 'tool_result',
  content: 'This call has been noted; it runs when your response is complete.',
};

/** Whether `retryResumable` has joined the message of several attempts. */
export function isSpliced(message: AnyMessage | undefined): boolean {
  const usage = message?.usage as { attempts?: unknown } | undefined;
  return Array.isArray(usage?.attempts) && usage.attempts.length > 1;
}
