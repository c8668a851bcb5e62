import { BlockBuilder } from './BlockBuilder.ts';
import { type Fields, fields, isRecord } from './fields.ts';
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
  /** The block of an event's `index`; a gateway may skip or repeat one. */
  #byIndex = new Map<unknown, BlockBuilder>();
  /** Whether a block may have changed since the last snapshot. */
  #isStale = false;
  /** The content and message of the last snapshot; the message `undefined` if it has changed. */
  #content: Fields[] = [];
  #message: Fields | undefined;
  #stopped = false;

  /** The message as far as it has arrived; `undefined` before `message_start`. */
  get message(): MessageOf<E> | undefined {
    if (this.#isStale) {
      this.#isStale = false;
      const content = this.#blocks.map(({ block }) => block);
      if (!isSame(content, this.#content)) {
        this.#content = content;
        this.#message = undefined;
      }
    }
    this.#message ??= this.#header && { ...this.#header, content: this.#content };
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
    if (type === 'message_start') return this.#begin(said['message']);
    if (this.#header === undefined) return;
    switch (type) {
      case 'content_block_delta':
        return this.#apply(index, said['delta']);
      case 'content_block_start':
        return this.#start(index, said['content_block']);
      case 'content_block_stop':
        this.#byIndex.get(index)?.end();
        this.#isStale = true;
        return;
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
    this.#header = message;
    this.#message = undefined;
    const content: unknown = message['content'];
    if (!Array.isArray(content)) return;
    for (const block of content) {
      if (isRecord(block)) this.#add(this.#blocks.length, new BlockBuilder(block));
    }
  }

  #start(index: unknown, block: unknown): void {
    if (!isRecord(block)) return;
    // Blocks come one after the other: who starts the next has ended the one before.
    this.#endBlocks();
    this.#add(index, BlockBuilder.started(block));
    // After a fallback another model speaks (SDK src/lib/BetaMessageStream.ts).
    if (block['type'] === 'fallback')
      this.#update({ delta: { model: fields(block['to'])['model'] } });
  }

  #add(index: unknown, block: BlockBuilder): void {
    this.#blocks.push(block);
    this.#byIndex.set(index, block);
    this.#isStale = true;
  }

  #apply(index: unknown, delta: unknown): void {
    if (!isRecord(delta)) return;
    const block = this.#byIndex.get(index);
    if (!block?.push(delta)) {
      // The start that a gateway left out: no text is lost with it, and none gets into a block of
      // another kind.
      const start = IMPLIED_STARTS.get(delta['type']);
      if (start === undefined) return;
      this.#start(index, start);
      this.#byIndex.get(index)?.push(delta);
    }
    this.#isStale = true;
  }

  #endBlocks(): void {
    for (const block of this.#blocks) block.end();
    this.#isStale = true;
  }

  #update({ type: _, delta, usage, ...rest }: Fields): void {
    const header = merge(merge({ ...this.#header }, rest), delta);
    if (isRecord(usage)) header['usage'] = merge({ ...fields(header['usage']) }, usage);
    this.#header = header;
    this.#message = undefined;
    // A reason to stop ends the last block, also where its own stop is missing.
    if (header['stop_reason']) this.#endBlocks();
  }

  #resume({ keep, model, usage }: Fields): void {
    this.#withdraw(keep);
    // What had stopped goes on, perhaps with another model.
    if (this.#header?.['stop_reason']) this.#header = { ...this.#header, ...NOT_STOPPED };
    this.#update({ delta: { model }, usage });
  }

  #withdraw(keep: unknown): void {
    if (!Number.isInteger(keep) || (keep as number) < 0) return;
    const withdrawn = new Set(this.#blocks.splice(keep as number));
    for (const [index, block] of this.#byIndex) {
      if (withdrawn.has(block)) this.#byIndex.delete(index);
    }
    this.#stopped = false;
    this.#isStale = true;
  }
}

const NOT_STOPPED = { stop_reason: null, stop_sequence: null, stop_details: null };

const IMPLIED_STARTS: ReadonlyMap<unknown, Fields> = new Map([
  ['text_delta', { type: 'text', text: '', citations: null }],
  ['thinking_delta', { type: 'thinking', thinking: '', signature: '' }],
]);

function isSame(some: readonly unknown[], others: readonly unknown[]): boolean {
  return some.length === others.length && some.every((value, index) => value === others[index]);
}

/** Adds the news; where they are null, they say nothing about a value that there was before. */
function merge(into: Fields, news: unknown): Fields {
  for (const [key, value] of Object.entries(fields(news))) {
    if (value != null || (value === null && !Object.hasOwn(into, key))) into[key] = value;
  }
  return into;
}
