import { unfinishedInput } from '../message/BlockBuilder.ts';
import { isCall, isServerCall, isServerResult, isThought } from './blockKinds.ts';
import { isBlankText, trimmedEnd } from './blankText.ts';
import type { Prefix } from './Prefix.ts';
import { type AnyBlock, textOf, type Turn } from './blocks.ts';
import { sendableBlock, sendableResult } from './sendableBlock.ts';
import type { SentAfter, SentHistory } from './SentHistory.ts';

/** A reply, or one of several replies that continue each other. */
export interface Reply {
  blocks: readonly AnyBlock[];
  /**
   * The fingerprint of everything that the request of this reply sent, compared if `sentBefore` is given.
   * Default: the fingerprint of everything that is sent before it now.
   */
  prefix?: string | undefined;
  /** How many of its blocks had arrived before it broke and was continued, if it was. */
  seam?: number | undefined;
  /** Whether the reply was cut, so that a call at its end may be incomplete. Default: `false`. */
  isCut?: boolean | undefined;
}

export interface SendBackOptions {
  /** Everything that is sent before the replies. Default: thinking is not compared with it. */
  sentBefore?: Prefix | undefined;
  /** The results of calls, in the order of the calls; `pendingResult` for a pending call. Default: none. */
  results?: readonly AnyBlock[] | undefined;
  /** Whether the last reply was paused and is sent back to continue. Default: `false`. */
  goesOn?: boolean | undefined;
  /** Whether white space at the end is sent or trimmed. Default: `'keep'`. */
  end?: 'keep' | 'trim' | undefined;
}

export interface SentBack {
  /** At most one assistant turn and one user turn. */
  turns: Turn[];
  /** For `SentHistory.add`. */
  after: SentAfter;
  /** The original blocks of the calls that are sent without a result. */
  readonly pending: AnyBlock[];
  /** The text at the end of the replies that is not sent. */
  readonly leftOut: string;
}

/** A placeholder for the result of a pending call. */
export function pendingResult(tool_use_id: unknown): AnyBlock {
  return { type: 'pending_result', tool_use_id };
}

/** The result that the model gets for a call that has none. */
const NOT_RUN = 'This call has no result: it was not run to its end.';
/**
 * The user turn that asks the model to continue: after a paused reply that the API does not accept back
 * unchanged, and after a reply that ended but should go on.
 */
export const GO_ON: AnyBlock = { type: 'text', text: 'Continue.' };

/**
 * Decides which part of a run of replies is sent back to the API, and in which form: a reply, the paused
 * replies before it, and the results of its calls. No other code decides this.
 *
 * | block | rule |
 * |---|---|
 * | half a surrogate pair | replaced first, before the other rules |
 * | blank text (white space, control characters) | joined to the text before it, else dropped |
 * | thinking | kept unchanged while everything before it in the request is what the model saw; else dropped, with all later thinking; without a signature: dropped; at the end of a turn: dropped |
 * | thinking after a seam | dropped |
 * | server call without its result | dropped, unless the reply continues or the turn has a client call; its result may be in the next reply of the run, or in a later turn |
 * | server tool result without its call | dropped |
 * | call directly before a `fallback`, unfinished call | dropped, unless it has a result |
 * | call without a result | gets an error as result, unless it is pending |
 * | id of a call | in the pattern of the API, and unique in the history; the same in its result |
 * | white space at the end | trimmed with `end: 'trim'`, else kept |
 * | nothing left | the turn is left out; a paused reply without sendable content, or whose end is not sent unchanged, is followed by a user turn "Continue.", once |
 *
 * Blocks that are sent unchanged are the same objects. Rules for a single block: `sendableBlock`.
 */
export function sendBack(
  replies: readonly Reply[],
  sent: SentHistory,
  { sentBefore, results = [], goesOn = false, end = 'keep' }: SendBackOptions = {},
): SentBack {
  const all = placed(replies);
  const resultOf = inOrder(results);
  const whole = all.filter((one) => {
    if (!isCall(one.block)) return true;
    one.result = resultOf(one.came['id']);
    return one.result !== undefined || isFinished(one, replies);
  });
  const hasCall = whole.some(({ block }) => isCall(block));
  const isPaused = goesOn && !hasCall;
  const made = (mayBeOpen: boolean) => {
    const { kept, ids, open } = withIds(whole, replies, sent, mayBeOpen);
    const blocks = withoutUnboundThinking(joinBlank(kept), replies, sentBefore);
    return { content: endOf(blocks, end), ids, open };
  };
  let { content, ids, open } = made(hasCall || isPaused);
  const staysPaused = isPaused && endsAsItCame(content, replies);
  if (isPaused && !staysPaused) ({ content, ids, open } = made(false));

  const turns: Turn[] = [];
  if (content.length > 0) turns.push({ role: 'assistant', content: content.map(blockOf) });
  const answers = content.flatMap(answerTo);
  const asksToGoOn = isPaused && !staysPaused && (content.length > 0 || !sent.hasAskedToGoOn);
  if (asksToGoOn) answers.push(GO_ON);
  if (answers.length > 0) turns.push({ role: 'user', content: answers });
  const after = { ids, open, hasAskedToGoOn: asksToGoOn && content.length === 0 };
  return {
    turns,
    after,
    get pending() {
      return content.filter(isPending).map(({ came }) => came);
    },
    get leftOut() {
      return textBehind(content.at(-1), replies);
    },
  };
}

interface Placed {
  /** The block that is sent; `came` is the original block. */
  block: AnyBlock;
  came: AnyBlock;
  /** The index of its reply, and its position in the reply. */
  part: number;
  position: number;
  result: AnyBlock | undefined;
}

function blockOf({ block }: Placed): AnyBlock {
  return block;
}

function placed(replies: readonly Reply[]): Placed[] {
  const all: Placed[] = [];
  replies.forEach(({ blocks }, part) => {
    blocks.forEach((came, position) => {
      const block = sendableBlock(came);
      if (block) all.push({ block, came, part, position, result: undefined });
    });
  });
  return all;
}

/**
 * Returns a function that takes the next value for a call, by its `tool_use_id`: each value once, those of
 * calls with the same id in their order.
 */
export function inOrder<T extends object>(values: readonly T[]): (id: unknown) => T | undefined {
  const waiting = new Map<unknown, T[]>();
  for (const value of values.toReversed()) {
    const { tool_use_id: id } = value as { tool_use_id?: unknown };
    const others = waiting.get(id);
    if (others) others.push(value);
    else waiting.set(id, [value]);
  }
  return (id) => waiting.get(id)?.pop();
}

/**
 * Whether a call is complete. The end of its own block does not prove it: a reply that is cut off, also by a
 * refusal before a fallback, closes its last block.
 */
function isFinished({ came, part, position }: Placed, replies: readonly Reply[]): boolean {
  const { blocks, isCut = false } = replies[part]!;
  const next = blocks[position + 1];
  if (unfinishedInput in came || next?.type === 'fallback') return false;
  return next !== undefined || !isCut;
}

/** Whether the end of the last reply is sent unchanged: only then the API continues a paused reply. */
function endsAsItCame(content: readonly Placed[], replies: readonly Reply[]): boolean {
  const last = content.at(-1);
  const reply = replies.at(-1);
  if (last === undefined || reply === undefined || reply.seam !== undefined) return false;
  const { block, came, part, position } = last;
  const isLast = part === replies.length - 1 && position === reply.blocks.length - 1;
  return isLast && block === came;
}

const NO_IDS: ReadonlySet<string> = new Set();

function hasId({ came }: Placed): boolean {
  return isCall(came) || isServerCall(came) || isServerResult(came);
}

/** Replaces the ids of calls and results by the ids to send; drops server calls and results without a partner. */
function withIds(
  whole: readonly Placed[],
  replies: readonly Reply[],
  sent: SentHistory,
  mayBeOpen: boolean,
): { kept: readonly Placed[]; ids: ReadonlySet<string>; open: ReadonlyMap<unknown, string> } {
  if (!whole.some(hasId)) return { kept: whole, ids: NO_IDS, open: sent.open };
  const ids = new Set<string>();
  const given = new Map<string, number>();
  const open = new Map(sent.open);
  const resultAt = new Map<unknown, number>();
  for (const [index, { came }] of whole.entries()) {
    if (isServerResult(came)) resultAt.set(came['tool_use_id'], index);
  }
  const kept: Placed[] = [];
  const keep = (one: Placed, changes: Record<string, unknown>) => {
    const isSame = Object.entries(changes).every(([name, value]) => one.block[name] === value);
    kept.push(isSame ? one : { ...one, block: { ...one.block, ...changes } });
  };
  for (const [index, one] of whole.entries()) {
    const { came } = one;
    if (isServerResult(came)) {
      const id = open.get(came['tool_use_id']);
      if (id !== undefined) keep(one, { tool_use_id: id });
      open.delete(came['tool_use_id']);
    } else if (isCall(came) || isServerCall(came)) {
      const isAnswered = (resultAt.get(came['id']) ?? -1) > index;
      const isKept = isCall(came) || isAnswered || (mayBeOpen && isFinished(one, replies));
      if (!isKept) continue;
      const id = sent.idFor(came['id'], ids, given);
      ids.add(id);
      if (isServerCall(came)) open.set(came['id'], id);
      keep(one, { id });
    } else {
      kept.push(one);
    }
  }
  return { kept, ids, open };
}

/** Joins blank text to the text before it, as between citations; drops it if there is no text before it. */
function joinBlank(blocks: readonly Placed[]): Placed[] {
  const joined: Placed[] = [];
  for (const one of blocks) {
    if (!isBlankText(one.block)) {
      joined.push(one);
      continue;
    }
    const last = joined.at(-1);
    if (last?.block.type !== 'text' || one.block['text'] === '') continue;
    const text = `${String(last.block['text'])}${String(one.block['text'])}`;
    joined[joined.length - 1] = { ...last, block: { ...last.block, text } };
  }
  return joined;
}

/**
 * Keeps thinking only while everything before it is what the model saw
 * (docs: /docs/en/build-with-claude/preserved-thinking/prefix-checks). So after a block that is dropped or
 * changed, all later thinking is dropped.
 */
function withoutUnboundThinking(
  blocks: readonly Placed[],
  replies: readonly Reply[],
  before: Prefix | undefined,
): readonly Placed[] {
  // Without thinking, no fingerprint is needed.
  if (!blocks.some(({ block }) => isThought(block))) return blocks;
  const kept: Placed[] = [];
  let prefix = before;
  let part = -1;
  /** How many blocks of this reply are sent; `isUnchanged`: they are its first blocks, unchanged. */
  let count = 0;
  let isUnchanged = false;
  for (const one of blocks) {
    const { block, came, position } = one;
    while (part < one.part) {
      const own = replies[++part]!.prefix;
      isUnchanged = own === undefined || prefix === undefined || own === prefix.fingerprint;
      count = 0;
    }
    isUnchanged &&= position === count;
    count++;
    if (isThought(block) && !(isUnchanged && position < (replies[part]!.seam ?? Infinity))) {
      isUnchanged = false;
      continue;
    }
    isUnchanged &&= block === came;
    kept.push(one);
    prefix = prefix?.with('assistant', [block]);
  }
  return kept;
}

/** Removes thinking at the end: "The final block in an assistant message cannot be thinking". */
function endOf(blocks: readonly Placed[], end: 'keep' | 'trim'): Placed[] {
  const content = [...blocks];
  for (let last = content.at(-1); last; last = content.at(-1)) {
    const { block } = last;
    const isText = block.type === 'text' && end === 'trim';
    const text = isText ? trimmedEnd(String(block['text'])) : '';
    if (isThought(block) || (isText && text === '')) {
      content.pop();
      continue;
    }
    if (isText && text !== block['text'])
      content.splice(-1, 1, { ...last, block: { ...block, text } });
    break;
  }
  return content;
}

function isPending({ result }: Placed): boolean {
  return result?.type === 'pending_result';
}

function answerTo(one: Placed): AnyBlock[] {
  const { block, result } = one;
  if (!isCall(block) || isPending(one)) return [];
  const tool_use_id = block['id'];
  if (result !== undefined) {
    const answer = sendableResult(result);
    return [answer['tool_use_id'] === tool_use_id ? answer : { ...answer, tool_use_id }];
  }
  return [{ type: 'tool_result', tool_use_id, content: NOT_RUN, is_error: true }];
}

/** The text of the replies after the last block that is sent. */
function textBehind(last: Placed | undefined, replies: readonly Reply[]): string {
  const { part = 0, position = 0, block } = last ?? {};
  const rest = replies
    .slice(part)
    .flatMap(({ blocks }, index) => blocks.slice(index === 0 ? position : 0));
  const text = rest.map(textOf).join('');
  return block ? text.slice(textOf(block).length) : text;
}
