import { isCall } from '../history/blockKinds.ts';
import { type AnyBlock, isResult, type Turn, withBlock } from '../history/blocks.ts';
import { sendableContent } from '../history/sendableBlock.ts';
import { sendBack } from '../history/sendBack.ts';
import { SentHistory } from '../history/SentHistory.ts';
import { callsAt, isPausedBy } from '../history/stopReasons.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import type { AssistantMessage, ConversationMessage } from './ConversationState.ts';

export interface History {
  turns: Turn[];
  /** Stands for all that a reply to it is an answer to. */
  prefix: string;
}

export interface HistoryOptions {
  /**
   * What stands for all that comes before the turns: the system prompt and the tools. Without it,
   * thinking is not checked.
   */
  seed?: string;
  /** How many turns from the start are left out. */
  skip?: number;
}

/**
 * What of a conversation the API takes, whatever has become of its replies: so each request that is
 * made of it is valid.
 *
 * - Roles alternate: what nobody answered is one turn with what was said next.
 * - Calls whose input is not whole are cut; each of the others is answered in the turn behind it,
 *   first of all that this turn says, and where it has no result by an error that says so.
 * - Thinking is as it came, or not there: it is left out where anything before it is not what it was
 *   when the model thought it, which the API refuses
 *   (docs: /docs/en/build-with-claude/preserved-thinking/prefix-checks).
 * - No text is empty or blank, no turn ends with thinking, what the API ran itself has its result.
 * - A reply that was paused, and that nothing follows, ends as it came: it is sent back to go on.
 */
export function historyOf<E extends AnyStreamEvent>(
  messages: readonly ConversationMessage<E>[],
  { seed, skip = 0 }: HistoryOptions = {},
): History {
  const turns: Turn[] = [];
  let prefix = seed ?? '';
  // A reply that was paused, and those that carry it on.
  let replies: AssistantMessage<E>[] = [];

  const say = (role: Turn['role'], content: readonly AnyBlock[]) => {
    if (content.length === 0) return;
    if (turns.at(-1)?.role === role) turns.at(-1)!.content = [...turns.at(-1)!.content, ...content];
    else turns.push({ role, content: [...content] });
    if (turns.length > skip) prefix = content.reduce(withBlock(role), prefix);
  };
  const sent = new SentHistory();
  const reply = (answers: readonly AnyBlock[] = [], goesOn = false) => {
    if (replies.length === 0) return;
    const parts = replies.map((one) => ({
      blocks: one.blocks.map(({ block }) => block as unknown as AnyBlock),
      prefix: seed === undefined ? undefined : (one.prefix ?? (skip > 0 ? '' : undefined)),
      seam: one.seam,
      isCut: one.status !== 'complete' || callsAt(one.stop_reason) === 'cut',
    }));
    const results = [...resultsIn(replies), ...answers];
    const back = sendBack(parts, sent, { prefix, results, goesOn });
    sent.add(back.after);
    for (const { role, content } of back.turns) say(role, content);
    replies = [];
  };

  for (const message of messages) {
    if (message.role === 'assistant') {
      if (replies.some(hasCall)) reply();
      replies.push(message);
      continue;
    }
    const content = message.blocks.map(({ block }) => block as unknown as AnyBlock);
    reply(content.filter(isResult));
    say(
      'user',
      content.flatMap((block) => (isResult(block) ? [] : (sendableContent(block) ?? []))),
    );
  }
  reply([], isPaused(replies.at(-1)));
  return { turns: turns.slice(skip), prefix };
}

function hasCall<E extends AnyStreamEvent>({ blocks }: AssistantMessage<E>): boolean {
  return blocks.some(({ block }) => isCall(block));
}

/** Whether a reply waits to be sent back. */
export function isPaused<E extends AnyStreamEvent>(
  message: ConversationMessage<E> | undefined,
): boolean {
  if (message?.role !== 'assistant' || message.status !== 'complete') return false;
  return isPausedBy(message.stop_reason);
}

function resultsIn<E extends AnyStreamEvent>(replies: readonly AssistantMessage<E>[]): AnyBlock[] {
  const calls = replies.flatMap(({ blocks }) => blocks.flatMap(({ call }) => call?.result ?? []));
  return calls as unknown as AnyBlock[];
}
