import type { AnyStreamEvent, MessageOf, StreamEvent } from './StreamEvent.ts';

/**
 * The key under which a tool call holds the text of its input for as long as that text is not one
 * whole JSON value. A block without this key has its final `input`.
 *
 * It is a symbol, so that it does not reach JSON, and enumerable, so that it survives a copy and is
 * seen in a log. `input` itself is the `{}` that `content_block_start` gave.
 *
 * @example
 * ```ts
 * import { unfinishedInput, type MessageStreamError } from 'claude-rx';
 *
 * function halfWritten(error: MessageStreamError): string[] {
 *   return (error.partial?.content ?? []).flatMap((block) =>
 *     unfinishedInput in block ? [String(block[unfinishedInput])] : [],
 *   );
 * }
 * ```
 */
export const unfinishedInput: unique symbol = Symbol.for('claude-rx.unfinishedInput');

/**
 * The key under which a block holds the deltas of types that this version does not know, or that do
 * not fit the block.
 */
export const unknownDeltas: unique symbol = Symbol.for('claude-rx.unknownDeltas');

// Inside, blocks and messages are plain records: the protocol grows, and what is unknown is kept.
type Fields = Record<string, unknown>;
type Block = Fields & { type: string; [unfinishedInput]?: string; [unknownDeltas]?: unknown[] };

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
  #blocks: Block[] = [];
  /** Where the block with an event's `index` is; a gateway may skip or repeat an index. */
  #positions = new Map<unknown, number>();
  /** Positions of the blocks whose input is still coming. */
  #inputs = new Set<number>();
  /** Positions of ended blocks whose input is still text: parsed when somebody looks. */
  #unparsed = new Set<number>();
  /** Deltas that make a list longer, by position: put in when somebody looks, as a list is copied. */
  #unlisted = new Map<number, Fields[]>();
  /**
   * A run of deltas that make one string longer. This is the hot path: their text is gathered here,
   * and put into the block when the run ends or somebody looks. `NaN` is the index of no block.
   */
  #runIndex: unknown = Number.NaN;
  #runPosition = 0;
  #runType: unknown;
  #runKey = '';
  #runText = '';
  /** The content and message of the last snapshot, `undefined` where they have changed since. */
  #content: Block[] | undefined;
  #message: Fields | undefined;
  #stopped = false;

  /** The message as far as it has arrived; `undefined` before `message_start`. */
  get message(): MessageOf<E> | undefined {
    if (this.#header === undefined) return undefined;
    this.#gather();
    this.#settle();
    this.#content ??= this.#blocks.slice();
    this.#message ??= { ...this.#header, content: this.#content };
    return this.#message as unknown as MessageOf<E>;
  }

  /** Whether the message has had its `message_stop`. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Takes the next event in. */
  push(event: E): void {
    // Widened, because what came over the wire may not be what its type says.
    const fields = event as unknown as Fields;
    if (fields['type'] === 'content_block_delta')
      return this.#apply(fields['index'], fields['delta']);
    this.#endRun();
    if (fields['type'] === 'message_start') return this.#begin(fields['message']);
    if (this.#header === undefined) return;
    switch (fields['type']) {
      case 'content_block_start':
        return this.#start(fields['index'], fields['content_block']);
      case 'content_block_stop':
        return this.#endInput(this.#positions.get(fields['index']));
      case 'message_delta':
        return this.#update(fields);
      case 'message_stop':
        this.#endInputs();
        this.#stopped = true;
        return;
      case 'resume':
        return this.#resume(fields);
    }
  }

  #begin(message: unknown): void {
    if (!isRecord(message)) return;
    if (this.#header && !this.#stopped && this.#header['id'] === message['id']) return;
    this.#withdraw(0);
    this.#header = message;
    const content = Array.isArray(message['content']) ? message['content'] : [];
    this.#blocks = content.filter(isRecord) as Block[];
    for (const position of this.#blocks.keys()) this.#positions.set(position, position);
  }

  #start(index: unknown, block: unknown): void {
    if (!isRecord(block)) return;
    // Blocks come one after the other: who starts the next has ended the one before.
    this.#endInputs();
    const position = this.#blocks.length;
    this.#positions.set(index, position);
    // `input: {}` at the start is a placeholder (SDK src/lib/MessageStream.ts).
    const awaitsInput = isPlaceholder(block['input']);
    if (awaitsInput) this.#inputs.add(position);
    this.#blocks.push((awaitsInput ? { ...block, [unfinishedInput]: '' } : block) as Block);
    // After a fallback another model speaks (SDK src/lib/BetaMessageStream.ts).
    const to = block['type'] === 'fallback' ? block['to'] : undefined;
    if (isRecord(to) && to['model']) this.#header = { ...this.#header, model: to['model'] };
    this.#content = this.#message = undefined;
  }

  #apply(index: unknown, delta: unknown): void {
    if (!isRecord(delta)) return;
    if (index === this.#runIndex && delta['type'] === this.#runType) {
      this.#runText = append(this.#runText, delta[this.#runKey]);
      this.#content = this.#message = undefined;
      return;
    }
    this.#endRun();
    if (this.#header === undefined) return;
    let position = this.#positions.get(index);
    const start = impliedStart(delta, position === undefined ? undefined : this.#blocks[position]);
    if (start) {
      this.#start(index, start);
      position = this.#blocks.length - 1;
    }
    if (position === undefined) return;
    // More for a block that had ended: it must not matter whether somebody has looked in between.
    if (this.#unparsed.has(position)) this.#settle();
    const block = withDelta(this.#blocks[position]!, delta);
    if (block) this.#blocks[position] = block;
    else if (this.#unlisted.has(position)) this.#unlisted.get(position)!.push(delta);
    else this.#unlisted.set(position, [delta]);
    if (block?.[unfinishedInput] !== undefined) this.#inputs.add(position);
    if (block) this.#beginRun(index, position, delta['type']);
    this.#content = this.#message = undefined;
  }

  #beginRun(index: unknown, position: number, type: unknown): void {
    const key = RUN_KEYS.get(type);
    if (key === undefined) return;
    this.#runIndex = index;
    this.#runPosition = position;
    this.#runType = type;
    this.#runKey = key;
  }

  #endRun(): void {
    this.#gather();
    this.#runIndex = Number.NaN;
  }

  /** Puts the text of the run so far into its block. */
  #gather(): void {
    if (this.#runText === '') return;
    const delta = { type: this.#runType, [this.#runKey]: this.#runText };
    this.#runText = '';
    const block = withDelta(this.#blocks[this.#runPosition]!, delta);
    if (block) this.#blocks[this.#runPosition] = block;
  }

  #endInput(position: number | undefined): void {
    if (position !== undefined && this.#inputs.delete(position)) this.#unparsed.add(position);
  }

  #endInputs(): void {
    for (const position of this.#inputs) this.#endInput(position);
  }

  #update(event: Fields): void {
    const { type: _, delta, usage, ...rest } = event;
    this.#header = merged(merged(this.#header, rest), delta);
    if (isRecord(usage)) this.#header['usage'] = merged(this.#header['usage'], usage);
    // A reason to stop ends the last block, also where its own stop is missing.
    if (this.#header['stop_reason']) this.#endInputs();
    this.#message = undefined;
  }

  #resume({ keep, model, usage }: Fields): void {
    this.#withdraw(keep);
    // What had stopped goes on, perhaps with another model.
    if (this.#header?.['stop_reason']) this.#header = { ...this.#header, ...NOT_STOPPED };
    this.#update({ delta: { model }, usage });
  }

  #withdraw(keep: unknown): void {
    if (!isCount(keep)) return;
    this.#blocks.splice(keep);
    for (const [index, position] of this.#positions) {
      if (position >= keep) this.#positions.delete(index);
    }
    for (const positions of [this.#inputs, this.#unparsed, this.#unlisted]) {
      for (const position of positions.keys()) if (position >= keep) positions.delete(position);
    }
    this.#stopped = false;
    this.#content = this.#message = undefined;
  }

  /** Does what `push` has left, since its cost grows with what a block already holds. */
  #settle(): void {
    for (const [position, deltas] of this.#unlisted) {
      this.#blocks[position] = withListed(this.#blocks[position]!, deltas);
    }
    this.#unlisted.clear();
    for (const position of this.#unparsed) {
      const block = withParsedInput(this.#blocks[position]!);
      if (block === undefined) continue;
      this.#blocks[position] = block;
      this.#content = this.#message = undefined;
    }
    this.#unparsed.clear();
  }
}

const NOT_STOPPED = { stop_reason: null, stop_sequence: null, stop_details: null };

/** The deltas that make a string longer, and where in them its new part is. */
const RUN_KEYS: ReadonlyMap<unknown, string> = new Map([
  ['text_delta', 'text'],
  ['thinking_delta', 'thinking'],
  ['input_json_delta', 'partial_json'],
]);

/**
 * The block with the delta in it, or `undefined` where the delta makes a list longer: of citations,
 * or of those that are unknown or do not fit the block.
 */
function withDelta(block: Block, delta: Fields): Block | undefined {
  switch (delta['type']) {
    case 'text_delta':
      return { ...block, text: append(block['text'], delta['text']) };
    case 'thinking_delta':
      return { ...block, thinking: append(block['thinking'], delta['thinking']) };
    case 'input_json_delta': {
      if (block['input'] === undefined) return undefined;
      const input = append(block[unfinishedInput], delta['partial_json']);
      return { ...block, [unfinishedInput]: input };
    }
    case 'signature_delta':
      return { ...block, signature: delta['signature'] };
    case 'compaction_delta': {
      if (block.type !== 'compaction') return undefined;
      const { type: _, ...final } = delta;
      return { ...block, ...final };
    }
    default:
      return undefined;
  }
}

function withListed(block: Block, deltas: Fields[]): Block {
  const citations = deltas.filter(({ type }) => type === 'citations_delta');
  const unknown = deltas.filter(({ type }) => type !== 'citations_delta');
  return {
    ...block,
    ...(citations.length > 0 && {
      citations: [...list(block['citations']), ...citations.map(({ citation }) => citation)],
    }),
    ...(unknown.length > 0 && { [unknownDeltas]: [...list(block[unknownDeltas]), ...unknown] }),
  };
}

/** The block with its final `input`; `undefined` where the text of it is cut or malformed. */
function withParsedInput({ [unfinishedInput]: text, ...block }: Block): Block | undefined {
  try {
    return text ? { ...block, input: JSON.parse(text) } : block;
  } catch {
    return undefined;
  }
}

/**
 * The start that a gateway left out: no text is lost with it, and none gets into a block of another
 * kind.
 */
function impliedStart(delta: Fields, block: Block | undefined): Block | undefined {
  const type = delta['type'];
  if (type === 'text_delta' && block?.type !== 'text' && block?.['text'] === undefined) {
    return { type: 'text', text: '', citations: null };
  }
  if (
    type === 'thinking_delta' &&
    block?.type !== 'thinking' &&
    block?.['thinking'] === undefined
  ) {
    return { type: 'thinking', thinking: '', signature: '' };
  }
  return undefined;
}

/** Concatenation alone leaves a rope; looking at its characters would flatten it at each delta. */
function append(before: unknown, more: unknown): string {
  return (typeof before === 'string' ? before : '') + (typeof more === 'string' ? more : '');
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}

function isPlaceholder(input: unknown): boolean {
  if (!isRecord(input)) return false;
  for (const _ in input) return false;
  return true;
}

/** Both; where the later one is null, it says nothing about a value that there was before. */
function merged(before: unknown, later: unknown): Fields {
  const fields = isRecord(before) ? before : {};
  const news = Object.entries(isRecord(later) ? later : {}).filter(
    ([key, value]) => value != null || (value === null && !Object.hasOwn(fields, key)),
  );
  return { ...fields, ...Object.fromEntries(news) };
}
