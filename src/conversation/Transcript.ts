import type { MessageStreamError } from '../message/MessageStreamError.ts';
import { hasFields } from '../message/same.ts';
import type { AnyStreamEvent, PendingCall, TurnOutcome } from '../message/StreamEvent.ts';
import { keyedBlocks, type Kept } from './ConversationDocument.ts';
import type {
  AssistantMessage,
  ConversationCall,
  ConversationMessage,
  ConversationState,
  ConversationUsage,
  ConversationStatus,
} from './ConversationState.ts';
import { costIn, type Prices } from '../message/tokenCost.ts';
import type { AnyBlock } from '../history/blocks.ts';
import { Prefix } from '../history/Prefix.ts';
import { callAfter, isCallEvent, LiveReply, nextCall, pendingCall } from './LiveReply.ts';
import { settled } from './settled.ts';
import { NO_USAGE, withUsage } from './usage.ts';
import { textOf } from './userContent.ts';

export interface TranscriptOptions {
  prices?: Prices | undefined;
  /** Whether calls run here; if not, the user of the conversation sends their results. */
  hasTools?: boolean | undefined;
  /** Stop reasons besides `tool_use` of replies that wait for tools. */
  stopReasons?: readonly (string | null)[] | undefined;
}

const NONE: readonly PendingCall[] = [];

/** Records the messages of a conversation, and computes its state. */
export class Transcript<E extends AnyStreamEvent> {
  readonly #prices: Prices | undefined;
  readonly #hasTools: boolean;
  readonly #stopReasons: ReadonlySet<unknown>;
  /** All messages except the live reply. */
  #messages: readonly ConversationMessage<E>[];
  #live: LiveReply<E> | undefined;
  #status: ConversationStatus = 'idle';
  #outcome: TurnOutcome | undefined;
  #error: MessageStreamError | undefined;
  /** The usage of all replies except the live one. */
  #usage: ConversationUsage;
  #cost: number;
  /** The highest number of a key so far, read from the messages before the first change. */
  #lastKey: number | undefined;
  /** The prefix of the next reply: everything that its request sends. */
  #prefix = new Prefix('');
  /** The cached pending calls, and the message that they are of. */
  #pending: { of: unknown; calls: readonly PendingCall[] } = { of: undefined, calls: NONE };
  #state: ConversationState<E> | undefined;
  #isStale = true;
  /** The usage of the live reply in the last state; `#isRecounted`: the usage of other replies has changed. */
  #counted: object | undefined;
  #isRecounted = true;

  constructor(
    { messages = [], usage = NO_USAGE, cost = 0 }: Partial<Kept<E>>,
    { prices, hasTools = false, stopReasons }: TranscriptOptions = {},
  ) {
    this.#prices = prices;
    this.#hasTools = hasTools;
    this.#stopReasons = new Set(stopReasons);
    this.#messages = messages;
    this.#usage = usage;
    this.#cost = cost;
  }

  /** The state: the same object until something changes. */
  get state(): ConversationState<E> {
    if (this.#state === undefined || this.#isStale) this.#state = this.#next(this.#state);
    this.#isStale = false;
    return this.#state;
  }

  /** The settled messages and the live reply. */
  get messages(): readonly ConversationMessage<E>[] {
    const { messages, live } = this.state;
    return live ? [...messages, live] : messages;
  }

  /** The last message. */
  get last(): ConversationMessage<E> | undefined {
    const { messages, live } = this.state;
    return live ?? messages.at(-1);
  }

  /** The content to save, as if the conversation were stopped now. Only the last reply may need settling. */
  get kept(): Kept<E> {
    const { usage, cost } = this.state;
    const { messages } = this;
    const index = messages.findLastIndex(({ role }) => role === 'assistant');
    const last = index < 0 ? undefined : settled(messages[index]!);
    const isSettled = last === undefined || last === messages[index];
    return { messages: isSettled ? messages : messages.with(index, last), usage, cost };
  }

  /** The last reply. */
  get lastReply(): ConversationMessage<E> | undefined {
    return this.messages.findLast(({ role }) => role === 'assistant');
  }

  /** Adds a message of the user or a system message, and returns its key. */
  say(content: readonly AnyBlock[], role: 'user' | 'system' = 'user'): string {
    const key = this.#newKey();
    const blocks = keyedBlocks(key, content);
    const message = { key, role, text: textOf(content), blocks };
    const said = message as unknown as ConversationMessage<E>;
    const before = this.#messages;
    // A user message must come first, also if only system messages are left.
    const isFirst = before.every((one) => one.role === 'system');
    this.#messages = isFirst ? [said, ...before] : [...before, said];
    this.#isStale = true;
    return key;
  }

  /**
   * Removes all messages after the first `length`, except system messages: a withdrawn tool stays withdrawn.
   * The usage of removed replies stays counted.
   */
  truncate(length: number): void {
    const messages = this.#messages;
    const kept = messages.filter(({ role }, index) => index < length || role === 'system');
    if (kept.length === messages.length) return;
    // A key is never used twice.
    this.#lastKey ??= highestKey(messages);
    this.#messages = kept;
    this.#isStale = true;
  }

  begin(): void {
    this.#status = 'sending';
    this.#outcome = undefined;
    this.#error = undefined;
    this.#isStale = true;
  }

  /** Sets the prefix of the next reply. */
  expect(prefix: Prefix): void {
    this.#prefix = prefix;
  }

  /** Processes an event of a reply or of its tools. */
  push(event: E): void {
    if (this.#live?.isFollowedBy(event)) this.#keepLive('complete');
    if (event.type === 'message_start')
      this.#live ??= new LiveReply(this.#newKey(), this.#prefix, this.#stopReasons);
    if (this.#live) this.#live.push(event);
    else if (isCallEvent(event)) this.#setCall(event.tool_use_id, callAfter(event));
    this.#status = this.#statusAfter(event);
    if (event.type === 'turn_end' && event.outcome !== 'continue') this.#outcome = event.outcome;
    if (event.type === 'tool_answers' && event.pending) {
      this.#outcome = 'interrupted';
      for (const call of event.pending) this.#setCall(call.id, pendingCall(call));
    }
    if (event.type === 'turn_end' || event.type === 'tool_answers') {
      for (const subagent of event.subagents ?? []) this.#count(subagent);
    }
    this.#isStale = true;
  }

  end(status: 'idle' | 'stopped' | 'error', error?: MessageStreamError): void {
    this.#live?.stopCalls();
    if (!this.#live) this.#settleLast();
    this.#keepLive(status === 'idle' || this.#live?.isWhole ? 'complete' : status);
    this.#status = status;
    this.#error = error;
    this.#isStale = true;
  }

  #statusAfter(event: E): ConversationStatus {
    switch (event.type) {
      case 'message_start':
      case 'resume':
        return 'streaming';
      case 'message_stop':
        return this.#hasTools && this.#live?.isWaiting ? 'tool' : this.#status;
      case 'tool_start':
        return this.#live ? this.#status : 'tool';
      case 'tool_answers':
        return event.pending ? this.#status : 'sending';
      case 'turn_end':
        return event.outcome === 'continue' ? 'sending' : this.#status;
      default:
        return this.#status;
    }
  }

  /** Changes the state of a call in the last reply, when the call is answered. */
  #setCall(id: string, call: ConversationCall): void {
    const last = this.lastReply;
    if (last?.role !== 'assistant') return;
    const named = last.blocks.filter(
      (keyed) => keyed.call && (keyed.block as { id?: unknown }).id === id,
    );
    // Calls with the same id have their events one after the other, in the order of the calls.
    const one = named.find((keyed) => keyed.call?.result === undefined) ?? named.at(-1);
    const blocks = last.blocks.map((keyed) =>
      keyed === one ? { ...keyed, call: nextCall(keyed.call, call) } : keyed,
    );
    this.#replace(last, { ...last, blocks });
  }

  /** Settles the last reply: nothing is running any more. */
  #settleLast(): void {
    const last = this.lastReply;
    if (last) this.#replace(last, settled(last));
  }

  #replace(one: ConversationMessage<E>, by: ConversationMessage<E>): void {
    if (by === one) return;
    this.#messages = this.#messages.map((message) => (message === one ? by : message));
    this.#isStale = true;
  }

  /** The calls of the last reply that wait for answers; not computed while the reply is written. */
  #pendingCalls(live: AssistantMessage<E> | undefined): readonly PendingCall[] {
    if (live && this.#outcome !== 'interrupted') return NONE;
    const last = live ?? this.#messages.findLast(({ role }) => role !== 'system');
    if (this.#pending.of === last) return this.#pending.calls;
    const blocks = last?.role === 'assistant' ? last.blocks : [];
    const calls = blocks.flatMap(({ block, call }) => {
      if (call?.status !== 'pending' || block.type !== 'tool_use') return [];
      const { id, name, input } = block;
      const { awaits = 'approval', subagent } = call;
      return { id, name, input, awaits, ...(subagent && { subagent }) };
    });
    this.#pending = { of: last, calls: calls.length > 0 ? calls : NONE };
    return this.#pending.calls;
  }

  #keepLive(status: AssistantMessage<E>['status']): void {
    const reply = this.#live?.snapshot(status);
    this.#live = undefined;
    if (reply === undefined) return;
    this.#messages = [...this.#messages, reply];
    this.#count(reply);
  }

  #count(used: Used): void {
    this.#cost += this.#costOf(used);
    this.#usage = withUsage(this.#usage, used.usage);
    this.#isRecounted = true;
  }

  #next(before: ConversationState<E> | undefined): ConversationState<E> {
    const live = this.#live?.snapshot(this.#live.isWhole ? 'complete' : 'streaming');
    const messages = this.#messages;
    const pending = this.#pendingCalls(live);
    const status = this.#status;
    const outcome = this.#outcome;
    const error = this.#error;
    const isCounted = before !== undefined && this.#counted === live?.usage && !this.#isRecounted;
    const total = live && !isCounted ? withUsage(this.#usage, live.usage) : this.#usage;
    const isSameUsage = isCounted || (before !== undefined && hasFields(before.usage, total));
    const usage = isSameUsage ? before.usage : total;
    const sum = isCounted ? before.cost : this.#cost + (live ? this.#costOf(live) : 0);
    const cost = this.#prices && sum;
    this.#counted = live?.usage;
    this.#isRecounted = false;
    const isSame =
      before !== undefined &&
      before.live === live &&
      before.messages === messages &&
      before.pending === pending &&
      before.status === status &&
      before.outcome === outcome &&
      before.error === error &&
      before.usage === usage &&
      before.cost === cost;
    return isSame ? before : { status, messages, live, pending, usage, cost, outcome, error };
  }

  #costOf({ model, usage }: Used): number {
    return costIn(this.#prices, model, usage);
  }

  #newKey(): string {
    this.#lastKey ??= highestKey(this.#messages);
    return `m${++this.#lastKey}`;
  }
}

function highestKey(messages: readonly { key: string }[]): number {
  let highest = 0;
  for (const { key } of messages) {
    const number = key.startsWith('m') ? Number(key.slice(1)) : 0;
    if (number > highest && number < 1e15) highest = Math.floor(number);
  }
  return highest;
}

/** The usage of a reply, or of subagents with one model. */
interface Used {
  model?: string | undefined;
  usage?: object | undefined;
}
