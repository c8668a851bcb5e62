import { isCall, isThought } from '../history/blockKinds.ts';
import { trimmedEnd } from '../history/blankText.ts';
import { type AnyBlock, textOf } from '../history/blocks.ts';
import { sendBack } from '../history/sendBack.ts';
import { SentHistory } from '../history/SentHistory.ts';
import type { AnyMessage, AnyStreamEvent, ContentBlockOf } from '../message/StreamEvent.ts';

export type Block = ContentBlockOf<AnyStreamEvent>;

/**
 * How many blocks of `message`, from the start, a continuation goes on from: to the last text. White
 * space alone cannot be gone on from, except that the same request may be expected to begin with it.
 */
export function keptBlocks({ content }: Pick<AnyMessage, 'content'>): number {
  const kept = content.findLastIndex((block) => textOf(block) !== '') + 1;
  const blocks = content.slice(0, kept);
  const hasText = blocks.some((block) => trimmedEnd(textOf(block)) !== '');
  return hasText || blocks.every(({ type }) => type === 'text') ? kept : 0;
}

/** Which part of the kept blocks a continuation sends, and how it joins what was shown. */
export interface KeptContent {
  /** The blocks of the assistant's turn. */
  content: AnyBlock[];
  /** The turn of the user's that answers its calls, if there are any. */
  answers: AnyBlock[];
  /** The text of these blocks, and the text behind it that was shown and is not sent. */
  seam: { sent: string; leftOut: string };
  /** The text with which the turn ends; empty where it does not end with text. */
  ending: string;
}

/** Which part of the kept blocks is sent after `messages`. */
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
