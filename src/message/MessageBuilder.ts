import { BlockBuilder, runOf } from './BlockBuilder.ts';
import { type Fields, fields, isRecord } from './record.ts';
import { isSameList } from './same.ts';
import type { AnyStreamEvent, MessageOf, StreamEvent } from './StreamEvent.ts';

/**
 * Builds the message out of the events of a reply.
 *
 * - `push` costs the same for the first event and the last; it never throws, whatever comes.
 * - `message` is an immutable snapshot. It shares all that has not changed with the snapshot
 *   before, down to being the same object when nothing has.
 * - Usage counters are totals, so they replace and are never added (docs: /docs/en/build-with-claude/streaming).
 * - Unknown block types and fields are kept as they came; unknown deltas under `unknownDeltas`.
 * - `message_start` with the id of the message being built is a repetition and is ignored; with
 *   another id it starts over, and after `message_stop` it begins the next message.
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
  /** All of the message but its content. */
  #header: Fields | undefined;
  #blocks: BlockBuilder[] = [];
  /** The last snapshot; its content may have changed since, if it is stale. */
  #message: Fields | undefined;
  #isStale = false;
  #stopped = false;

  /** The message as far as it has arrived; `undefined` before `message_start`. */
  get message(): MessageOf<E> | undefined {
    if (this.#isStale) {
      this.#isStale = false;
      const content = this.#blocks.map(({ block }) => block);
      const before = this.#message?.['content'];
      if (!Array.isArray(before) || !isSameList(before, content)) {
        this.#message = { ...this.#header, content };
      }
    }
    return this.#message as unknown as MessageOf<E> | undefined;
  }

  /** Whether the message has had its `message_stop`. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Takes the next event in. */
  push(event: E): void {
    // Widened, because what came over the wire may not be what its type says.
    const said = event as unknown as Fields;
    const { type, index } = said;
    if (type === 'message_start') this.#begin(said['message']);
    if (this.#header === undefined) return;
    this.#isStale = true;
    switch (type) {
      case 'content_block_delta':
        return this.#apply(index, said['delta']);
      case 'content_block_start':
        return this.#start(index, said['content_block']);
      case 'content_block_stop':
        return this.#blockAt(index)?.end();
      case 'message_delta':
        return this.#update(said);
      case 'message_stop':
        this.#stopped = true;
        return this.#endBlocks();
      case 'resume':
        return this.#resume(said);
    }
  }

  #begin(message: unknown): void {
    if (!isRecord(message)) return;
    if (this.#header && !this.#stopped && this.#header['id'] === message['id']) return;
    this.#withdraw(0);
    this.#describe(message);
    const { content } = message;
    for (const block of Array.isArray(content) ? content : []) {
      if (isRecord(block)) this.#blocks.push(new BlockBuilder(this.#blocks.length, block));
    }
  }

  #start(index: unknown, block: unknown): void {
    if (!isRecord(block)) return;
    // Blocks come one after the other: who starts the next has ended the one before.
    this.#endBlocks();
    this.#blocks.push(new BlockBuilder(index, block, { isOpen: true }));
    // After a fallback another model speaks (SDK src/lib/BetaMessageStream.ts).
    if (block['type'] === 'fallback') this.#update({ model: fields(block['to'])['model'] });
  }

  #apply(index: unknown, delta: unknown): void {
    if (!isRecord(delta) || this.#blockAt(index)?.push(delta)) return;
    // The start that a gateway left out: no text is lost with it, and none gets into a block of
    // another kind.
    const start = runOf(delta)?.start;
    if (start === undefined) return;
    this.#start(index, start);
    this.#blocks.at(-1)?.push(delta);
  }

  /** The block that an event speaks of; a gateway may skip or repeat an index. */
  #blockAt(index: unknown): BlockBuilder | undefined {
    let at = this.#blocks.length - 1;
    while (at >= 0 && this.#blocks[at]!.index !== index) at--;
    return this.#blocks[at];
  }

  #endBlocks(): void {
    for (const block of this.#blocks) block.end();
  }

  #update({ type: _, delta, usage, ...rest }: Fields): void {
    const header = merge(merge({ ...this.#header }, rest), delta);
    if (isRecord(usage)) header['usage'] = merge({ ...fields(header['usage']) }, usage);
    this.#describe(header);
    // A reason to stop ends the last block, also where its own stop is missing.
    if (header['stop_reason']) this.#endBlocks();
  }

  #describe(header: Fields): void {
    this.#header = header;
    this.#message &&= { ...header, content: this.#message['content'] };
  }

  #resume({ keep, model, usage }: Fields): void {
    this.#withdraw(keep);
    // What had stopped goes on, perhaps with another model.
    if (this.#header?.['stop_reason']) this.#header = { ...this.#header, ...NOT_STOPPED };
    this.#update({ model, usage });
  }

  #withdraw(keep: unknown): void {
    if (!Number.isInteger(keep) || (keep as number) < 0) return;
    this.#blocks.splice(keep as number);
    this.#stopped = false;
  }
}

const NOT_STOPPED = { stop_reason: null, stop_sequence: null, stop_details: null };

/** Adds the news; where they are null, they say nothing about a value that there was before. */
function merge(into: Fields, news: unknown): Fields {
  const said = fields(news);
  for (const key of Object.keys(said)) {
    const value = said[key];
    if (value != null || (value === null && !Object.hasOwn(into, key))) into[key] = value;
  }
  return into;
}
