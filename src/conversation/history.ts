import { unfinishedInput } from '../message/BlockBuilder.ts';
import { isCall, isThought } from '../history/blockKinds.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import { blockProblem } from './blockProblem.ts';
import { type AnyBlock, isBlankText, isResult, type Turn, withBlock } from '../history/blocks.ts';
import type { AssistantMessage, ConversationMessage } from './ConversationState.ts';
import { replied } from './replied.ts';

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

/** What the model is told of a call that has no result. */
const NOT_RUN = 'This call has no result: the response was stopped before it had one.';
/** What is said to a reply that was paused and that the API would not take as one. */
const GO_ON: AnyBlock = { type: 'text', text: 'Continue.' };

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
    if (turns.at(-1)?.role === role) turns.at(-1)!.content.push(...content);
    else turns.push({ role, content: [...content] });
    if (turns.length > skip) prefix = content.reduce(withBlock(role), prefix);
  };
  const reply = (answers: readonly AnyBlock[] = [], goesOn = false) => {
    const results = resultsIn(replies);
    const answered = new Set(results.map(({ tool_use_id }) => tool_use_id));
    const parts = replies.map((one) => ({
      blocks: one.blocks.map(({ block }) => block as unknown as AnyBlock),
      prefix: seed === undefined ? undefined : (one.prefix ?? (skip > 0 ? '' : undefined)),
      seam: one.seam,
    }));
    const said = replied(parts, { prefix, goesOn, isCallable: (call) => isWhole(call, answered) });
    say('assistant', said);
    say('user', answersTo(said, results, answers));
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
      content.filter((block) => !isResult(block)),
    );
  }
  const isWaiting = isPaused(replies.at(-1)) && !replies.some(hasCall);
  const goesOn = isWaiting && endsAsItCame(replies.at(-1)!);
  reply([], goesOn);
  if (isWaiting && !goesOn && turns.at(-1)?.role === 'assistant') say('user', [GO_ON]);
  return { turns: turns.slice(skip), prefix };
}

/** Whether its end is sent, and is that of one reply: the API takes no other for a paused one. */
function endsAsItCame<E extends AnyStreamEvent>(reply: AssistantMessage<E>): boolean {
  const last = reply.blocks.at(-1)?.block;
  return last !== undefined && !isThought(last) && !isBlankText(last) && reply.seam === undefined;
}

function hasCall<E extends AnyStreamEvent>({ blocks }: AssistantMessage<E>): boolean {
  return blocks.some(({ block }) => isCall(block));
}

/** Whether a reply waits to be sent back (docs: /docs/en/build-with-claude/handling-stop-reasons). */
export function isPaused<E extends AnyStreamEvent>(
  message: ConversationMessage<E> | undefined,
): boolean {
  if (message?.role !== 'assistant' || message.status !== 'complete') return false;
  const { stop_reason } = message as { stop_reason?: string | null };
  return stop_reason === 'pause_turn' || stop_reason === 'compaction';
}

/** One whose input is no JSON stands where the model was told so. */
function isWhole(call: AnyBlock, answered: ReadonlySet<unknown>): boolean {
  const isCut = unfinishedInput in call && !answered.has(call['id']);
  return !isCut && blockProblem(call, 'assistant', '') === undefined;
}

function resultsIn<E extends AnyStreamEvent>(replies: readonly AssistantMessage<E>[]): AnyBlock[] {
  const calls = replies.flatMap(({ blocks }) => blocks.flatMap(({ call }) => call?.result ?? []));
  return calls as unknown as AnyBlock[];
}

/** One answer for each call: what its tool gave, what the user says it gave, or that there is none. */
function answersTo(
  said: readonly AnyBlock[],
  results: readonly AnyBlock[],
  answers: readonly AnyBlock[],
): AnyBlock[] {
  return said.filter(isCall).map(({ id }) => {
    const given = [...results, ...answers].find(({ tool_use_id }) => tool_use_id === id);
    if (given) return withoutBlankText(given);
    return { type: 'tool_result', tool_use_id: id, content: NOT_RUN, is_error: true };
  });
}

/** A result may be empty, but no text in it may. */
function withoutBlankText(result: AnyBlock): AnyBlock {
  const { content } = result;
  if (!Array.isArray(content) || !content.some(isBlankText)) return result;
  return { ...result, content: content.filter((block) => !isBlankText(block)) };
}
