import { isCall, isThought } from '../history/blockKinds.ts';
import type { AnyBlock } from '../history/blocks.ts';
import type { Prefix } from '../history/Prefix.ts';
import { waitsForResults } from '../history/stopReasons.ts';
import { isSubagentEvent } from '../message/guards.ts';
import { MessageBuilder } from '../message/MessageBuilder.ts';
import { textAfter } from '../message/messageText.ts';
import type {
  AnyStreamEvent,
  ContentBlockOf,
  PendingCall,
  ToolEvent,
} from '../message/StreamEvent.ts';
import type {
  ToolProgressEvent,
  ToolResultEvent,
  ToolStartEvent,
} from '../message/ToolCallEvent.ts';
import type { AssistantMessage, ConversationCall, KeyedBlock } from './ConversationState.ts';
import { isSameList } from '../message/same.ts';

/** A reply while it is written, and while its tools run. */
export class LiveReply<E extends AnyStreamEvent> {
  readonly key: string;
  readonly #prefix: Prefix;
  readonly #stopReasons: ReadonlySet<unknown>;
  readonly #builder = new MessageBuilder<E>();
  readonly #calls = new Map<string, readonly ConversationCall[]>();
  /** The key of each block. A block that replaces a withdrawn block gets a new key. */
  readonly #keys: string[] = [];
  #begun = 0;
  /** Whether the reply has thinking, which is bound to everything before it. */
  #hasThought = false;
  #seam: number | undefined;
  #text = '';
  #snapshot: AssistantMessage<E> | undefined;
  /** The message of the last snapshot; `#called` is the number of its changes to calls. */
  #message: unknown;
  #called = 0;
  #changes = 0;

  constructor(key: string, prefix: Prefix, stopReasons: ReadonlySet<unknown>) {
    this.key = key;
    this.#prefix = prefix;
    this.#stopReasons = stopReasons;
  }

  /** Whether the reply is complete. */
  get isWhole(): boolean {
    return this.#builder.stopped;
  }

  /** Whether the reply waits for the results of its calls. */
  get isWaiting(): boolean {
    const { message } = this.#builder;
    if (!waitsForResults(message?.stop_reason, this.#stopReasons)) return false;
    return message?.content.some(isCall) ?? false;
  }

  /** Whether the event begins another reply. */
  isFollowedBy(event: E): boolean {
    return event.type === 'message_start' && this.isWhole;
  }

  push(event: E): void {
    if (isToolEvent(event)) return this.#follow(event);
    this.#builder.push(event);
    this.#text = textAfter(this.#text, event, this.#builder);
    if (event.type === 'resume') {
      this.#changes++;
      // A reply that starts again has no seam.
      this.#seam = event.keep > 0 ? Math.min(this.#seam ?? Infinity, event.keep) : undefined;
    }
    if (event.type === 'resume' || event.type === 'message_start') {
      this.#keys.length = Math.min(this.#keys.length, this.#builder.message?.content.length ?? 0);
    }
  }

  /** Marks the running calls as stopped: the exchange is over. */
  stopCalls(): void {
    for (const [id, calls] of this.#calls) {
      if (calls.at(-1)?.status === 'running') this.#setCall(id, { status: 'stopped' });
    }
  }

  /** The reply so far. Parts that have not changed since the last snapshot are the same objects. */
  snapshot(status: AssistantMessage<E>['status']): AssistantMessage<E> | undefined {
    const message = this.#builder.message;
    if (message === undefined) return undefined;
    const before = this.#snapshot;
    const isSame =
      before !== undefined &&
      this.#message === message &&
      this.#called === this.#changes &&
      before.status === status;
    if (isSame) return before;
    const blocks = this.#keyedBlocks(message.content, before?.blocks);
    this.#message = message;
    this.#called = this.#changes;
    this.#snapshot = {
      key: this.key,
      role: 'assistant',
      status,
      text: this.#text,
      blocks,
      model: message.model,
      stop_reason: message.stop_reason,
      stop_details: message.stop_details ?? null,
      usage: message.usage,
      ...(this.#hasThought && { prefix: this.#prefix.fingerprint }),
      ...(this.#seam !== undefined && { seam: this.#seam }),
      ...(message.container && { container: message.container.id }),
    } as AssistantMessage<E>;
    return this.#snapshot;
  }

  #keyedBlocks(
    content: readonly ContentBlockOf<E>[],
    before: readonly KeyedBlock<ContentBlockOf<E>>[] = [],
  ): readonly KeyedBlock<ContentBlockOf<E>>[] {
    const counts = new Map<string, number>();
    const blocks = content.map((block, index) => {
      if (block.type !== 'tool_use') return this.#keyed(block, index, before[index]);
      const count = counts.get(block.id) ?? 0;
      counts.set(block.id, count + 1);
      return this.#keyed(block, index, before[index], this.#calls.get(block.id)?.[count]);
    });
    return isSameList(blocks, before) ? before : blocks;
  }

  #follow(event: ToolEvent): void {
    if (event.type === 'turn_end') {
      for (const call of event.pending ?? []) this.#setCall(call.id, pendingCall(call));
      return;
    }
    if (!isCallEvent(event)) return;
    if (event.type === 'tool_result' && event.status === 'withdrawn') {
      this.#changes++;
      const calls = this.#calls.get(event.tool_use_id) ?? [];
      this.#calls.set(event.tool_use_id, calls.slice(0, -1));
      return;
    }
    this.#setCall(event.tool_use_id, callAfter(event));
  }

  /** Calls with the same id have their events one after the other, in the order of the calls. */
  #setCall(id: string, call: ConversationCall): void {
    this.#changes++;
    const calls = this.#calls.get(id) ?? [];
    const last = calls.at(-1);
    const isNext = last !== undefined && isSettled(last) && calls.length < this.#count(id);
    const before = isNext ? calls : calls.slice(0, -1);
    this.#calls.set(id, [...before, nextCall(isNext ? undefined : last, call)]);
  }

  #count(id: string): number {
    const content = (this.#builder.message?.content ??
      []) as readonly object[] as readonly AnyBlock[];
    return content.filter((block) => isCall(block) && block['id'] === id).length;
  }

  #keyed(
    block: ContentBlockOf<E>,
    index: number,
    before: KeyedBlock<ContentBlockOf<E>> | undefined,
    call?: ConversationCall,
  ): KeyedBlock<ContentBlockOf<E>> {
    if (this.#keys[index] === undefined) {
      this.#keys[index] = `${this.key}.${++this.#begun}`;
      this.#hasThought ||= isThought(block);
    }
    const key = this.#keys[index];
    if (before?.block === block && before.key === key && before.call === call) return before;
    return call ? { key, block, call } : { key, block };
  }
}

/** The state of a call that waits for an answer. */
export function pendingCall({
  awaits,
  subagent,
}: Pick<PendingCall, 'awaits' | 'subagent'>): ConversationCall {
  return { status: 'pending', awaits, ...(subagent && { subagent }) };
}

/** Whether the call has its result, or waits for an answer. */
function isSettled({ status, result }: ConversationCall): boolean {
  return result !== undefined || status === 'pending';
}

/** The next state of a call, with the last progress kept. */
export function nextCall(
  before: ConversationCall | undefined,
  call: ConversationCall,
): ConversationCall {
  return before && 'progress' in before ? { progress: before.progress, ...call } : call;
}

/** The state of a call after one of its events. */
export function callAfter(event: CallEvent): ConversationCall {
  switch (event.type) {
    case 'tool_start':
      return { status: 'running' };
    case 'tool_progress':
      return { status: 'running', progress: event.progress };
    case 'tool_result': {
      const { status, result } = event;
      return { status: status === 'done' ? status : 'failed', result };
    }
  }
}

export type CallEvent = ToolStartEvent | ToolProgressEvent | ToolResultEvent;

/** Whether the event is of a call. Events of subagents are left out, since each would change the state. */
export function isCallEvent(event: AnyStreamEvent): event is CallEvent {
  return 'tool_use_id' in event && !isSubagentEvent(event);
}

function isToolEvent(event: AnyStreamEvent): event is ToolEvent {
  return event.type.startsWith('tool_') || event.type === 'turn_end';
}
