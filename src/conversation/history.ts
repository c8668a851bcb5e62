import { addTurn } from '../history/addTurn.ts';
import { isCall } from '../history/blockKinds.ts';
import { type AnyBlock, isResult, type Turn } from '../history/blocks.ts';
import { fingerprint } from '../history/fingerprint.ts';
import { Prefix } from '../history/Prefix.ts';
import { sendableContent } from '../history/sendableBlock.ts';
import { pendingResult, sendBack } from '../history/sendBack.ts';
import { type SentAfter, SentHistory } from '../history/SentHistory.ts';
import { callsAt, isPausedBy } from '../history/stopReasons.ts';
import { isSameList } from '../message/same.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import { takeToolChanges } from '../tools/takeToolChanges.ts';
import type { AssistantMessage, ConversationMessage } from './ConversationState.ts';

export interface History {
  turns: Turn[];
  /** The prefix of a reply to these turns: everything that the request sends. */
  prefix: Prefix;
}

export interface HistoryOptions {
  /**
   * The fingerprint of everything before the turns: the system prompt and the tools. Without it, thinking is
   * not checked.
   */
  seed?: string;
  /** How many of the first turns are left out; tools that they have withdrawn stay withdrawn. Default: 0. */
  skip?: number;
  /** Whether pending calls stay without a result; if not, they get an error as result. Default: `false`. */
  keepsPending?: boolean;
}

/**
 * Converts the messages of a conversation to turns that the API accepts, also after replies that were stopped
 * or failed. For the rules of a reply see `sendBack`.
 *
 * - Roles alternate: a question without an answer and the next message of the user are one turn.
 * - Replies that continue each other are one turn; their results and the next message of the user are one
 *   turn too.
 */
export function historyOf<E extends AnyStreamEvent>(
  messages: readonly ConversationMessage<E>[],
  options?: HistoryOptions,
): History {
  return new HistoryCache<E>(options).of(messages);
}

/** A run of replies and the message of the user after it, once no more replies can be added to the run. */
interface Unit {
  /** The number of messages up to its end. */
  end: number;
  /** Whether it ends with a reply: then it is final only if another reply follows. */
  isOpen: boolean;
  /** The number of turns before it; the last of these turns may grow with this unit. */
  turns: number;
  last: Turn | undefined;
  prefix: Prefix;
  /** The result of `sendBack` for the replies, for `SentHistory.add`. */
  after: SentAfter | undefined;
}

/** Turns under construction. */
interface Draft {
  turns: Turn[];
  prefix: Prefix;
}

/**
 * `historyOf` for a growing list of messages: old messages are not converted again. It keeps one reference
 * per message.
 */
export class HistoryCache<E extends AnyStreamEvent> {
  readonly #options: HistoryOptions;
  /** The messages of all units. */
  #messages: ConversationMessage<E>[] = [];
  #units: Unit[] = [];
  #made: Draft;
  #sent = new SentHistory();

  constructor(options: HistoryOptions = {}) {
    this.#options = options;
    this.#made = { turns: [], prefix: new Prefix(options.seed ?? '') };
  }

  /** A copy of this cache. */
  fork(): HistoryCache<E> {
    const other = new HistoryCache<E>(this.#options);
    other.#messages = [...this.#messages];
    other.#units = [...this.#units];
    other.#made = { ...this.#made, turns: [...this.#made.turns] };
    for (const { after } of this.#units) if (after) other.#sent.add(after);
    return other;
  }

  /** The history of `messages`; messages that are the same as in the last call are reused. */
  of(messages: readonly ConversationMessage<E>[]): History {
    this.#goBack(messages);
    let replies: AssistantMessage<E>[] = [];
    let isAnswered = false;
    for (let index = this.#messages.length; index < messages.length; index++) {
      const message = messages[index]!;
      if (message.role !== 'assistant') {
        this.#close(replies, message);
        replies = [];
        isAnswered = false;
      } else {
        if (isAnswered) {
          this.#close(replies);
          replies = [];
        }
        replies.push(message);
        isAnswered = hasCall(message);
      }
    }
    const draft = { ...this.#made, turns: [...this.#made.turns] };
    this.#reply(draft, replies, NONE, isPaused(replies.at(-1)));
    const { turns, prefix } = draft;
    const { skip = 0 } = this.#options;
    if (skip > 0) {
      const left = turns.splice(0, skip);
      if (turns.length > 0) turns.splice(1, 0, ...withdrawnIn(left));
    }
    return { turns, prefix };
  }

  /** Drops all units that do not fit `messages`. */
  #goBack(messages: readonly ConversationMessage<E>[]): void {
    const known = this.#messages;
    let same = 0;
    while (same < known.length && messages[same] === known[same]) same++;
    const isOver = ({ end, isOpen }: Unit) =>
      end <= same && !(isOpen && messages[end]?.role !== 'assistant');
    if (this.#units.length === 0 || isOver(this.#units.at(-1)!)) return;
    const { turns } = this.#made;
    for (let unit = this.#units.at(-1); unit && !isOver(unit); unit = this.#units.at(-1)) {
      turns.length = unit.turns;
      if (unit.last) turns[unit.turns - 1] = unit.last;
      this.#made.prefix = unit.prefix;
      this.#units.pop();
    }
    known.length = this.#units.at(-1)?.end ?? 0;
    this.#sent = new SentHistory();
    for (const { after } of this.#units) if (after) this.#sent.add(after);
  }

  /** Adds a finished run of replies, and the message of the user or the system after it. */
  #close(
    replies: readonly AssistantMessage<E>[],
    next?: Exclude<ConversationMessage<E>, AssistantMessage<E>>,
  ): void {
    const { turns, prefix } = this.#made;
    const before = turns.length;
    const last = turns.at(-1);
    const results: AnyBlock[] = [];
    const said: AnyBlock[] = [];
    for (const { block } of (next?.blocks ?? []) as unknown as readonly { block: AnyBlock }[]) {
      const sendable = isResult(block) ? undefined : sendableContent(block);
      if (sendable) said.push(sendable);
      else if (isResult(block)) results.push(block);
    }
    const after = this.#reply(this.#made, replies, results, false);
    if (after) this.#sent.add(after);
    this.#say(this.#made, next?.role ?? 'user', said);
    for (const reply of replies) this.#messages.push(reply);
    if (next) this.#messages.push(next);
    const end = this.#messages.length;
    this.#units.push({ turns: before, last, prefix, end, isOpen: next === undefined, after });
  }

  #reply(
    draft: Draft,
    replies: readonly AssistantMessage<E>[],
    answers: readonly AnyBlock[],
    goesOn: boolean,
  ): SentAfter | undefined {
    if (replies.length === 0) return undefined;
    const { seed, skip = 0, keepsPending = false } = this.#options;
    const unknown = skip > 0 ? '' : undefined;
    const parts = replies.map((one) => ({
      blocks: one.blocks.map(({ block }) => block as unknown as AnyBlock),
      prefix: seed === undefined ? undefined : (one.prefix ?? unknown),
      seam: one.seam,
      isCut: one.status !== 'complete' || callsAt(one.stop_reason) === 'cut',
    }));
    const pending = keepsPending ? pendingIn(replies) : NONE;
    const results = replies.some(hasCall) ? [...resultsIn(replies), ...pending, ...answers] : NONE;
    const back = sendBack(parts, this.#sent, { sentBefore: draft.prefix, results, goesOn });
    for (const { role, content } of back.turns) this.#say(draft, role, content);
    return back.after;
  }

  #say(draft: Draft, role: Turn['role'], content: AnyBlock[]): void {
    if (content.length === 0) return;
    const { turns } = draft;
    addTurn(turns, role, content);
    if (turns.length > (this.#options.skip ?? 0)) draft.prefix = draft.prefix.with(role, content);
  }
}

const NONE: readonly AnyBlock[] = [];

/** Whether two requests send the same turns. */
export function isSameTurns(some: readonly Turn[], others: readonly Turn[]): boolean {
  return (
    some.length === others.length && some.every((turn, index) => isSameTurn(turn, others[index]!))
  );
}

function isSameTurn(one: Turn, other: Turn): boolean {
  if (one === other) return true;
  const { role, content } = other;
  return one.role === role && isSameList(one.content.map(digest), content.map(digest));
}

function digest(block: AnyBlock): string {
  return fingerprint('', block);
}

function hasCall<E extends AnyStreamEvent>({ blocks }: AssistantMessage<E>): boolean {
  return blocks.some(({ block }) => isCall(block));
}

/** A system turn with the tools that `turns` have withdrawn; empty if there are none. */
function withdrawnIn(turns: readonly Turn[]): Turn[] {
  const names = new Set<string>();
  takeToolChanges(turns, names);
  const content = [...names].map((name) => ({
    type: 'tool_removal',
    tool: { type: 'tool_reference', name },
  }));
  return content.length > 0 ? [{ role: 'system', content }] : [];
}

/** Whether a reply waits to be sent back. */
export function isPaused<E extends AnyStreamEvent>(
  message: ConversationMessage<E> | undefined,
): boolean {
  if (message?.role !== 'assistant' || message.status !== 'complete') return false;
  return isPausedBy(message.stop_reason);
}

/** The placeholders for the results of pending calls. */
function pendingIn<E extends AnyStreamEvent>(replies: readonly AssistantMessage<E>[]): AnyBlock[] {
  return replies.flatMap(({ blocks }) =>
    blocks.flatMap(({ block, call }) =>
      call?.status === 'pending' ? pendingResult((block as unknown as AnyBlock)['id']) : [],
    ),
  );
}

function resultsIn<E extends AnyStreamEvent>(replies: readonly AssistantMessage<E>[]): AnyBlock[] {
  const calls = replies.flatMap(({ blocks }) => blocks.flatMap(({ call }) => call?.result ?? []));
  return calls as unknown as AnyBlock[];
}
