import { blockEvents } from '../message/blockEvents.ts';
import { type Fields, fields as fieldsIn, isRecord } from '../message/record.ts';
import { MessageBuilder } from '../message/MessageBuilder.ts';
import { MessageStreamError } from '../message/MessageStreamError.ts';
import type { BetaStreamEvent, ContentBlockOf, MessageOf } from '../message/StreamEvent.ts';
import type { AnyAgentMessage } from './AgentMessage.ts';

/** A block of the reply that is being made, at its place among those that stand. */
interface Block {
  type: unknown;
  /** That of a tool call. */
  id: unknown;
  /** The `uuid` of the complete message that has it: with that it can be taken back. */
  uuid?: unknown;
}

interface Reply {
  id: unknown;
  blocks: Block[];
  /** Its blocks by the `index` that the API's stream gives them; none when it comes without stream. */
  streamed?: Map<unknown, Block>;
  /** The `uuid`s of its complete messages. */
  uuids: Set<unknown>;
  usage: unknown;
  stopReason: unknown;
  /** Whether a `message_delta` has been emitted. */
  hasDelta: boolean;
  /** Whether the API's `message_stop` has come. It is kept back until it is certain that it stands. */
  hasStopped: boolean;
  /** Whether the result of one of its tool calls has come. */
  isAnswered: boolean;
  isAborted: boolean;
}

/**
 * Makes the events of one thread's replies out of the messages of Claude Code, each block once.
 *
 * A reply comes as events of the API's stream, as complete messages, one for each block that has ended,
 * or as both. Complete messages are matched with the blocks that were streamed, by their tool call or
 * else by type and order, since the CLI may change what is in them; what matches none was not streamed.
 *
 * What was said can be taken back: by the first complete message of the reply that replaces it, which
 * comes after that reply's first events. So where a reply has ended and another follows without an
 * answer to its tool calls, the events of that other wait for its first complete message.
 */
export class AgentReplies {
  readonly #parent: string | null;
  readonly #emit: (event: BetaStreamEvent) => void;
  readonly #builder = new MessageBuilder<BetaStreamEvent>();
  #reply: Reply | undefined;
  /** The one before, whose complete messages may still come. */
  #before: Reply | undefined;
  /** Events of the next reply, while it is not certain that `#reply` stands. */
  #waiting: Fields[] = [];
  #resumes = 0;

  constructor(emit: (event: BetaStreamEvent) => void, parent: string | null = null) {
    this.#emit = emit;
    this.#parent = parent;
  }

  /** The last reply as far as it has been emitted. */
  get message(): MessageOf<BetaStreamEvent> | undefined {
    return this.#builder.message;
  }

  /** Takes the next message in. */
  push(message: AnyAgentMessage): void {
    const fields = message as unknown as Fields;
    if (fields['type'] === 'result') return this.#endTurn(fields);
    if (fields['type'] === 'system') return this.#takeBack(fields['retracted_message_uuids']);
    if ((fields['parent_tool_use_id'] ?? null) !== this.#parent) return;
    switch (fields['type']) {
      case 'stream_event':
        if (isRecord(fields['event'])) this.#stream(fields['event']);
        return;
      case 'assistant':
        if (isRecord(fields['message'])) this.#complete(fields['message'], fields);
        return;
      case 'user':
        if (isRecord(fields['message'])) this.#answer(fields['message']['content']);
    }
  }

  /** Gives away what waits, when nothing follows any more. */
  end(): void {
    while (this.#waiting.length > 0) this.#goOn();
    // A subagent has no result of its own. On the main thread, where that is missing, the end is a cut.
    if (this.#parent !== null || this.#reply?.hasStopped) this.#finish();
  }

  #stream(event: Fields): void {
    const { type } = event;
    // Signs of life are worth nothing later.
    if (type === 'ping') return this.#send(event);
    if (this.#waiting.length > 0) return void this.#waiting.push(event);
    if (type === 'message_start') return this.#begin(event);
    const reply = this.#reply;
    // Of a reply whose start was not seen, only the complete messages are of use.
    if (reply === undefined) return;
    switch (type) {
      case 'content_block_start':
        return this.#startBlock(reply, event);
      case 'content_block_delta':
      case 'content_block_stop':
        return this.#sendAt(reply, reply.streamed?.get(event['index']), event);
      case 'message_delta':
        reply.hasDelta = true;
        reply.stopReason = fieldsIn(event['delta'])['stop_reason'] ?? reply.stopReason;
        reply.usage = event['usage'] ?? reply.usage;
        return this.#send(event);
      case 'message_stop':
        reply.hasStopped = true;
        return;
      default:
        return this.#send(event);
    }
  }

  #begin(event: Fields): void {
    const { id } = fieldsIn(event['message']);
    if (this.#reply) {
      // The API never does that; the builder would ignore it too.
      if (this.#reply.id === id) return;
      if (mayBeTakenBack(this.#reply)) return void this.#waiting.push(event);
      this.#finish();
    }
    this.#reply = { ...newReply(id), streamed: new Map() };
    this.#send(event);
  }

  #startBlock(reply: Reply, event: Fields): void {
    if (reply.streamed === undefined) return;
    const { type, id } = fieldsIn(event['content_block']);
    const block: Block = { type, id };
    reply.blocks.push(block);
    reply.streamed.set(event['index'], block);
    this.#sendAt(reply, block, event);
  }

  /** Takes in a complete message, of one block or of several. */
  #complete(message: Fields, { uuid, supersedes, aborted }: Fields): void {
    const reply = this.#replyOf(message, supersedes);
    if (reply === undefined || reply.uuids.has(uuid)) return;
    reply.uuids.add(uuid);
    for (const block of blocksOf(message['content'])) {
      if (!match(reply, block, uuid) && reply !== this.#before) {
        this.#add(reply, block, uuid, aborted);
      }
    }
    if (reply.streamed === undefined) reply.usage = message['usage'] ?? reply.usage;
    reply.stopReason ??= message['stop_reason'];
    if (aborted === true) reply.isAborted = true;
  }

  /** The reply that a complete message belongs to. */
  #replyOf(message: Fields, supersedes: unknown): Reply | undefined {
    const before = this.#before;
    const isOf = (reply: Reply | undefined) => reply !== undefined && reply.id === message['id'];
    // One that is late: all that is in it has been streamed.
    if (!isOf(this.#reply) && isOf(before) && before?.streamed) return before;
    this.#takeBack(supersedes);
    if (isOf(this.#reply)) return this.#reply;
    this.#goOn();
    if (!isOf(this.#reply)) this.#open(message);
    return this.#reply;
  }

  /** Begins a reply that comes without stream. */
  #open(message: Fields): void {
    this.#finish();
    this.#reply = newReply(message['id']);
    const notYet = Object.fromEntries(SAID_LAST.map((field) => [field, null]));
    this.#send({ type: 'message_start', message: { ...message, ...notYet, content: [] } });
  }

  #add(reply: Reply, block: Fields, uuid: unknown, aborted: unknown): void {
    const { length } = reply.blocks;
    reply.blocks.push({ type: block['type'], id: block['id'], uuid });
    this.#sendBlock(block as unknown as Content, length, aborted === true);
  }

  #answer(content: unknown): void {
    const reply = this.#reply;
    if (reply === undefined) return;
    const calls = new Set(blocksOf(content).map((block) => block['tool_use_id']));
    reply.isAnswered ||= reply.blocks.some(({ id }) => id !== undefined && calls.has(id));
    if (reply.hasStopped && !mayBeTakenBack(reply)) this.#goOn();
  }

  #endTurn({ stop_reason }: Fields): void {
    if (this.#parent !== null) return;
    while (this.#waiting.length > 0) this.#goOn();
    if (this.#reply) this.#reply.stopReason ??= stop_reason;
    this.#finish();
  }

  /** Ends the reply, which stands, and gives away the events that have waited for that. */
  #goOn(): void {
    this.#finish();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const event of waiting) this.#stream(event);
  }

  #finish(): void {
    const reply = this.#reply;
    if (reply === undefined) return;
    // The stream broke off, and there is another one: what was not complete has gone with it.
    if (reply.streamed && !reply.hasStopped && !reply.isAborted) {
      this.#withdraw(reply, ({ uuid }) => uuid === undefined, BROKE_OFF);
    }
    this.#reply = undefined;
    this.#before = reply;
    if (reply.isAborted) return;
    if (reply.blocks.length === 0 && !reply.hasStopped) return;
    if (!reply.hasDelta) this.#send(finalDelta(reply));
    this.#send({ type: 'message_stop' });
  }

  /** Withdraws what was said under these `uuid`s. */
  #takeBack(uuids: unknown): void {
    const reply = this.#reply;
    if (reply === undefined || !Array.isArray(uuids) || uuids.length === 0) return;
    const gone = new Set(uuids);
    this.#withdraw(reply, ({ uuid }) => gone.has(uuid), TAKEN_BACK);
    // With nothing left of it, it is no reply that could end.
    if (reply.blocks.length === 0) reply.hasStopped = false;
  }

  #withdraw(reply: Reply, isGone: (block: Block) => boolean, message: string): void {
    const { blocks } = reply;
    const keep = blocks.findIndex(isGone);
    if (keep < 0) return;
    const content = this.#builder.message?.content ?? [];
    const rest = blocks.flatMap((block, index) =>
      index > keep && !isGone(block) ? [{ block, content: content[index]! }] : [],
    );
    blocks.length = keep;
    // After a seam a reply says anew how it ends.
    reply.hasDelta = false;
    const code = reply.stopReason === 'refusal' ? 'refusal' : 'unknown';
    const error = new MessageStreamError(message, { code });
    this.#send({ type: 'resume', attempt: 1 + ++this.#resumes, keep, error });
    for (const { block, content: again } of rest) {
      blocks.push(block);
      this.#sendBlock(again, blocks.length - 1, block.uuid === undefined);
    }
  }

  #sendBlock(block: Content, index: number, open: boolean): void {
    for (const event of blockEvents<BetaStreamEvent>(block, index, { open })) this.#send(event);
  }

  #sendAt(reply: Reply, block: Block | undefined, event: Fields): void {
    const index = block === undefined ? -1 : reply.blocks.lastIndexOf(block);
    if (index >= 0) this.#send(index === event['index'] ? event : { ...event, index });
  }

  #send(event: Fields | BetaStreamEvent): void {
    this.#builder.push(event as BetaStreamEvent);
    this.#emit(event as BetaStreamEvent);
  }
}

type Content = ContentBlockOf<BetaStreamEvent>;

/** What a complete message does not know yet. */
const SAID_LAST = ['stop_reason', 'stop_sequence', 'stop_details'];

const TAKEN_BACK = 'Claude Code took back what it had said: another answer comes in its place';
const BROKE_OFF = 'The reply broke off, and Claude Code asked for another';

function newReply(id: unknown): Reply {
  return {
    id,
    blocks: [],
    uuids: new Set(),
    usage: undefined,
    stopReason: undefined,
    hasDelta: false,
    hasStopped: false,
    isAnswered: false,
    isAborted: false,
  };
}

/** Whether a message that is yet to come may take the reply back. */
function mayBeTakenBack(reply: Reply): boolean {
  if (reply.isAnswered && reply.stopReason !== 'refusal') return false;
  return reply.blocks.some(({ uuid }) => uuid !== undefined);
}

/** Finds the block that was streamed, and gives it the `uuid` of its complete message. */
function match(reply: Reply, { type, id }: Fields, uuid: unknown): boolean {
  const block = reply.blocks.find(
    (one) => one.uuid === undefined && one.type === type && one.id === id,
  );
  if (block) block.uuid = uuid;
  return block !== undefined;
}

function finalDelta({ stopReason, isAnswered, usage }: Reply): Fields {
  const stop_reason = stopReason ?? (isAnswered ? 'tool_use' : null);
  const delta = { stop_reason, stop_sequence: null, stop_details: null, container: null };
  return { type: 'message_delta', delta, usage: usage ?? {} };
}

/** The blocks of a message; a plain string is a text. */
function blocksOf(content: unknown): Fields[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  return Array.isArray(content) ? content.filter(isRecord) : [];
}
