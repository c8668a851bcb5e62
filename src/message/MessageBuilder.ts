import { MessageBlocks } from './MessageBlocks.ts';
import { type Fields, fields, isRecord } from './record.ts';
import { isSameList } from './same.ts';
import type { AnyStreamEvent, MessageOf, StreamEvent } from './StreamEvent.ts';

/** The blocks of a builder, for code that follows them one by one. */
export let blocksOf: (builder: MessageBuilder<AnyStreamEvent>) => MessageBlocks;

/**
 * Builds the message from the events of a reply.
 *
 * - The cost of `push` does not grow with the message, and `push` never throws, whatever the events are.
 * - `message` is an immutable snapshot. It shares all unchanged parts with the snapshot before; if
 *   nothing has changed, it is the same object.
 * - Usage counters are totals, so they replace earlier ones and are not added (docs:
 *   /docs/en/build-with-claude/streaming).
 * - A delta belongs to the block with its index, even if other blocks are open.
 * - Unknown block types and fields are kept unchanged, unknown deltas under `unknownDeltas`. A call
 *   without an `id` gets an id.
 * - Input that is not complete, or may lack a part, stays text, under `unfinishedInput`.
 * - A `message_start` with the same id is a repetition and is ignored. With another id, or after
 *   `message_stop`, it begins a new message.
 * - A start without a block, or with a block without a type, is ignored.
 * - `resume` withdraws the blocks from `keep` on.
 *
 * @example
 * ```ts
 * import { MessageBuilder } from 'claude-rx';
 * import { messageEvents } from 'claude-rx/testing';
 *
 * const builder = new MessageBuilder();
 * for (const event of messageEvents.text('Hello world')) builder.push(event);
 * console.log(builder.message?.content, builder.stopped);
 * ```
 */
export class MessageBuilder<E extends AnyStreamEvent = StreamEvent> {
  /** The message without its content. */
  #header: Fields | undefined;
  readonly #blocks = new MessageBlocks();
  /** The last snapshot; if it is stale, the content may have changed since. */
  #message: Fields | undefined;
  #isStale = false;
  #stopped = false;

  static {
    blocksOf = (builder) => builder.#blocks;
  }

  /** The message so far; `undefined` before `message_start`. */
  get message(): MessageOf<E> | undefined {
    if (this.#isStale) {
      this.#isStale = false;
      const { content } = this.#blocks;
      const before = this.#message?.['content'];
      if (!Array.isArray(before) || !isSameList(before, content)) {
        this.#message = { ...this.#header, content };
      }
    }
    return this.#message as unknown as MessageOf<E> | undefined;
  }

  /** Whether `message_stop` has come. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Adds the next event. */
  push(event: E): void {
    // Widened, because an event from the network may not match its type.
    const said = event as unknown as Fields;
    const { type, index } = said;
    if (type === 'message_start') this.#begin(said['message']);
    if (this.#header === undefined) return;
    this.#isStale = true;
    switch (type) {
      case 'content_block_delta':
        if (isRecord(said['delta'])) this.#blocks.delta(index, said['delta']);
        return;
      case 'content_block_start':
        return this.#start(index, said['content_block']);
      case 'content_block_stop':
        return this.#blocks.stop(index);
      case 'message_delta':
        return this.#update(said);
      case 'message_stop':
        this.#stopped = true;
        return this.#blocks.endAll();
      case 'resume':
        return this.#resume(said);
    }
  }

  #begin(said: unknown): void {
    const isGoingOn = this.#header !== undefined && !this.#stopped;
    // One that says nothing begins a message only where there is none: its blocks must not be lost.
    if (!isRecord(said) && isGoingOn) return;
    const message = fields(said);
    if (isGoingOn && this.#header?.['id'] === message['id']) return;
    this.#withdraw(0);
    this.#describe(message);
    const { content } = message;
    for (const block of Array.isArray(content) ? content : []) {
      if (isBlock(block)) this.#blocks.push(this.#withId(block));
    }
  }

  #start(index: unknown, block: unknown): void {
    if (!isBlock(block)) return;
    this.#blocks.start(index, this.#withId(block));
    // After a fallback, another model writes (SDK src/lib/BetaMessageStream.ts).
    if (block['type'] === 'fallback') this.#update({ model: fields(block['to'])['model'] });
  }

  /** The block; a call without an id gets an id, so that its result can refer to it. */
  #withId(block: Fields): Fields {
    const { type, id } = block;
    if (type !== 'tool_use' || typeof id === 'string') return block;
    const made =
      typeof id === 'number'
        ? String(id)
        : `${this.#header?.['id'] ?? 'call'}_${this.#blocks.all.length}`;
    return { ...block, id: made };
  }

  #update({ type: _, delta, usage, ...rest }: Fields): void {
    const header = merge(merge({ ...this.#header }, rest), delta);
    if (isRecord(usage)) header['usage'] = merge({ ...fields(header['usage']) }, usage);
    this.#describe(header);
    // A stop reason ends the last block, even if its own stop is missing.
    if (header['stop_reason']) this.#blocks.endAll();
    if (header['stop_reason'] === 'tool_use') this.#blocks.awaitTools();
  }

  #describe(header: Fields): void {
    this.#header = header;
    this.#message &&= { ...header, content: this.#message['content'] };
  }

  #resume({ keep, model, usage }: Fields): void {
    this.#withdraw(keep);
    // The stopped reply continues, perhaps with another model.
    if (this.#header?.['stop_reason']) this.#header = { ...this.#header, ...NOT_STOPPED };
    this.#update({ model, usage });
  }

  #withdraw(keep: unknown): void {
    if (!Number.isInteger(keep) || (keep as number) < 0) return;
    this.#blocks.withdraw(keep as number);
    this.#stopped = false;
  }
}

/** What has no type is no block, as if its start had been left out. */
function isBlock(value: unknown): value is Fields {
  return isRecord(value) && typeof value['type'] === 'string';
}

const NOT_STOPPED = { stop_reason: null, stop_sequence: null, stop_details: null };

/** Copies the new values; a null does not replace an existing value. */
function merge(into: Fields, news: unknown): Fields {
  const said = fields(news);
  for (const key of Object.keys(said)) {
    const value = said[key];
    if (value != null || (value === null && !Object.hasOwn(into, key))) into[key] = value;
  }
  return into;
}
