import { MessageBuilder } from '../message/MessageBuilder.ts';
import { textAfter } from '../message/messageText.ts';
import type { AnyStreamEvent, ContentBlockOf } from '../message/StreamEvent.ts';
import type { ToolEvent } from '../message/ToolEvent.ts';
import type { AssistantMessage, ConversationCall, KeyedBlock } from './ConversationState.ts';

/** A reply while it is written, and while the tools run that it has called. */
export class LiveReply<E extends AnyStreamEvent> {
  readonly key: string;
  readonly #prefix: string;
  readonly #builder = new MessageBuilder<E>();
  readonly #calls = new Map<string, ConversationCall>();
  /** The key of each block: one that comes in the place of a withdrawn block has another. */
  readonly #keys: string[] = [];
  #begun = 0;
  #seam: number | undefined;
  #text = '';
  #snapshot: AssistantMessage<E> | undefined;

  constructor(key: string, prefix: string) {
    this.key = key;
    this.#prefix = prefix;
  }

  /** Whether all of it has come. */
  get isWhole(): boolean {
    return this.#builder.stopped;
  }

  /** Whether it has stopped to have its calls answered. */
  get isWaiting(): boolean {
    return this.#builder.message?.stop_reason === 'tool_use';
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
      // Begun anew, it has no seam.
      this.#seam = event.keep > 0 ? Math.min(this.#seam ?? Infinity, event.keep) : undefined;
    }
    if (event.type === 'resume' || event.type === 'message_start') {
      this.#keys.length = Math.min(this.#keys.length, this.#builder.message?.content.length ?? 0);
    }
  }

  /** Nothing more comes, and nothing runs any more. */
  stopCalls(): void {
    for (const [id, { status }] of this.#calls) {
      if (status === 'running') this.#setCall(id, { status: 'stopped' });
    }
  }

  /** The reply so far; what has not changed since the last look is the same object. */
  snapshot(status: AssistantMessage<E>['status']): AssistantMessage<E> | undefined {
    const message = this.#builder.message;
    if (message === undefined) return undefined;
    const before = this.#snapshot;
    const { model, stop_reason, stop_details, usage } = message;
    const fields = { key: this.key, role: 'assistant', status, text: this.#text } as const;
    const more = {
      model,
      stop_reason,
      stop_details: stop_details ?? null,
      usage,
      prefix: this.#prefix,
    };
    const blocks = same(
      before?.blocks,
      message.content.map((block, index) => this.#keyed(block, index)),
    );
    const seam = this.#seam === undefined ? {} : { seam: this.#seam };
    const after = { ...fields, blocks, ...more, ...seam } as AssistantMessage<E>;
    if (before === undefined || !isSame(before, after)) this.#snapshot = after;
    return this.#snapshot;
  }

  #follow(event: ToolEvent): void {
    switch (event.type) {
      case 'tool_start':
        return this.#setCall(event.tool_use_id, { status: 'running' });
      case 'tool_progress':
        return this.#setCall(event.tool_use_id, { status: 'running', progress: event.progress });
      case 'tool_result': {
        const { tool_use_id, status, result } = event;
        if (status === 'withdrawn') this.#calls.delete(tool_use_id);
        else this.#setCall(tool_use_id, { status: status === 'done' ? status : 'failed', result });
      }
    }
  }

  #setCall(id: string, call: ConversationCall): void {
    this.#calls.set(id, { ...this.#calls.get(id), ...call });
  }

  #keyed(block: ContentBlockOf<E>, index: number): KeyedBlock<ContentBlockOf<E>> {
    const key = (this.#keys[index] ??= `${this.key}.${++this.#begun}`);
    const call = block.type === 'tool_use' ? this.#calls.get(block.id) : undefined;
    const after = { key, block, ...(call && { call }) };
    const before = this.#snapshot?.blocks[index];
    return before && isSame(before, after) ? before : after;
  }
}

function isToolEvent(event: AnyStreamEvent): event is ToolEvent {
  return event.type.startsWith('tool_') || event.type === 'turn_end';
}

/** The list of before, where all that is in it is the same. */
function same<T>(before: readonly T[] | undefined, after: readonly T[]): readonly T[] {
  const isUnchanged =
    before?.length === after.length && before.every((value, index) => value === after[index]);
  return isUnchanged ? before : after;
}

/** Whether two objects of the same kind have the same fields. */
function isSame<T extends object>(before: T, after: T): boolean {
  const keys = Object.keys(after) as (keyof T)[];
  return (
    keys.length === Object.keys(before).length && keys.every((key) => before[key] === after[key])
  );
}
