import { blockEvents } from '../message/blockEvents.ts';
import { type Fields, fields as fieldsIn, isRecord } from '../message/record.ts';
import { restatedBlock } from '../message/restatedBlock.ts';
import { MessageBuilder } from '../message/MessageBuilder.ts';
import { MessageStreamError, type MessageStreamErrorCode } from '../message/MessageStreamError.ts';
import type { BetaStreamEvent, ContentBlockOf, MessageOf } from '../message/StreamEvent.ts';
import { abandonedFrom, blocksOf, isGoodResult, isSynthetic } from './agentLines.ts';
import { noticeEvent } from './agentNotice.ts';
import type { AnyAgentMessage } from './AgentMessage.ts';
import { AgentReply, type ReplyBlock } from './AgentReply.ts';
import { completeBlock, missingDeltas } from './completeBlock.ts';

/**
 * Turns the messages of Claude Code into the stream events of one thread, each block once.
 *
 * It relies on these facts, observed in CLI 2.1.332:
 *
 * 1. A reply arrives as stream events of the API, as complete messages (one for each block that has
 *    ended), or as both. A complete message is matched with the streamed block by its tool call id, or
 *    else by type and order. If the two differ, the complete message wins.
 * 2. `api_message_id` is the reply that an event belongs to. Messages of the CLI arrive in between.
 * 3. `message_stop` in a message with `abandoned_blocks`, or without a `stop_reason` before it, closes
 *    a reply that was cut off. The abandoned blocks are withdrawn, the others remain, and no
 *    `message_stop` is emitted.
 * 4. The CLI then sends the request again: the retry begins with a new `message_start` or, without
 *    streaming, is a complete message with a `stop_reason`. The retry is another reply.
 * 5. An error is an `assistant` message with the model `<synthetic>`. It is not a reply, and does not
 *    end one. In a session of complete messages, it is the only sign that the reply before was cut off.
 * 6. A refused reply may be withdrawn: by `retracted_message_uuids` of a `system` message, which
 *    arrives before the `message_delta` of this reply, or by `supersedes` of the next complete message,
 *    which arrives after the first events of the next reply. So if a reply has ended without being
 *    confirmed, the events of the next reply wait for its first complete message.
 * 7. A `user` message confirms a reply: with the results of its tool calls (also while the reply is
 *    streaming), or with `isSynthetic`, which informs the model about the outcome of its reply.
 * 8. Complete messages have no `stop_reason`. It is `tool_use` if a call has a result, `refusal` if a
 *    message names the reply as refused, and at the end of a successful turn that of the `result`.
 * 9. A message with `aborted` was interrupted: it keeps its blocks, and has no `message_stop`.
 */
export class AgentReplies {
  readonly #parent: string | null;
  readonly #emit: (event: BetaStreamEvent) => void;
  readonly #builder = new MessageBuilder<BetaStreamEvent>();
  #reply: AgentReply | undefined;
  /** The previous reply, whose complete messages may still arrive. */
  #before: AgentReply | undefined;
  /** Messages with events of the next reply, while `#reply` may still be withdrawn. */
  #waiting: Fields[] = [];
  /** The last reply as it was before some of its blocks were abandoned. */
  #written: MessageOf<BetaStreamEvent> | undefined;
  #attempts = 1;
  /** The `session_id` of the last `init`. */
  #session: unknown;
  /** Whether messages of the main thread arrive too, which show when a subagent is done. */
  #seesMain = false;
  #isTurnOver = false;

  constructor(emit: (event: BetaStreamEvent) => void, parent: string | null = null) {
    this.#emit = emit;
    this.#parent = parent;
  }

  /** The last reply, including blocks that the CLI has abandoned since. */
  get partial(): MessageOf<BetaStreamEvent> | undefined {
    return this.#written ?? this.#builder.message;
  }

  /** Handles the next message. */
  push(message: AnyAgentMessage): void {
    const line = message as unknown as Fields;
    if (line['type'] === 'result') return this.#endTurn(line);
    if (line['type'] === 'system') return this.#system(line);
    const parent = line['parent_tool_use_id'] ?? null;
    if (parent === null) this.#seesMain = true;
    if (parent !== this.#parent) return;
    this.#isTurnOver = false;
    switch (line['type']) {
      case 'stream_event':
        return this.#stream(line);
      case 'assistant':
        if (isSynthetic(line)) return this.#cliError(line);
        if (isRecord(line['message'])) this.#complete(line['message'], line);
        return;
      case 'user':
        return this.#user(line);
    }
  }

  /** Emits all waiting events, when no more messages follow. */
  end(): void {
    while (this.#waiting.length > 0) this.#goOn();
    if (this.#reply?.state === 'ended') return this.#finish();
    // A subagent has no `result`. Without messages of the main thread, its reply ends here.
    if (this.#parent === null || !(this.#isTurnOver || !this.#seesMain)) return;
    if (this.#reply) this.#finish({ stopReason: null });
  }

  #stream(line: Fields): void {
    const { event, api_message_id: id } = line;
    if (!isRecord(event)) return;
    const { type } = event;
    // A delayed ping is useless.
    if (type === 'ping') return this.#send(event);
    if (this.#waiting.length > 0) return void this.#waiting.push(line);
    if (type === 'message_start') return this.#begin(event, line);
    const reply = this.#reply;
    // If the start of a reply is missing, only its complete messages can be used.
    if (reply === undefined || reply.state === 'withdrawn') return;
    if (id !== undefined && id !== reply.id) return;
    switch (type) {
      case 'content_block_start':
        return this.#startBlock(reply, event);
      case 'content_block_delta':
      case 'content_block_stop':
        return this.#sendAt(reply, event);
      case 'message_delta':
        return this.#stopReason(reply, event);
      case 'message_stop':
        return this.#stop(reply, abandonedFrom(line));
      default:
        return this.#send(event);
    }
  }

  #begin(event: Fields, line: Fields): void {
    const { id } = fieldsIn(event['message']);
    if (this.#reply) {
      // The API never sends this, and the builder would ignore it too.
      if (this.#reply.id === id && this.#reply.state === 'open') return;
      if (this.#reply.mayBeTakenBack) return void this.#waiting.push(line);
      this.#finish();
    }
    this.#reply = new AgentReply(id, true);
    this.#send(event);
  }

  #startBlock(reply: AgentReply, event: Fields): void {
    // A repeated line does not start a second block.
    if (!reply.isStreamed || reply.positionOf(event['index']) >= 0) return;
    const { type, id } = fieldsIn(event['content_block']);
    reply.add({ type, id, index: event['index'], hasStopped: false });
    this.#sendAt(reply, event);
  }

  #stopReason(reply: AgentReply, event: Fields): void {
    reply.usage = event['usage'] ?? reply.usage;
    const stopReason = fieldsIn(event['delta'])['stop_reason'];
    // The CLI closes an interrupted or cut-off reply with its own delta, without a stop reason.
    if (stopReason == null || reply.state === 'broken') return;
    reply.stopReason = stopReason;
    reply.hasDelta = true;
    this.#send(event);
  }

  /** `message_stop` is not emitted until the reply is confirmed. */
  #stop(reply: AgentReply, abandoned: number | undefined): void {
    if (abandoned !== undefined) return this.#breakOff(reply, reply.countBefore(abandoned));
    if (reply.stopReason != null) reply.state = 'ended';
    else this.#breakOff(reply, reply.isStreamed ? reply.completeCount : reply.blocks.length);
  }

  /** Handles a complete message of one or several blocks. */
  #complete(message: Fields, line: Fields): void {
    const { uuid, supersedes, aborted } = line;
    const reply = this.#replyOf(message, supersedes);
    if (reply === undefined || reply.uuids.has(uuid)) return;
    reply.uuids.add(uuid);
    for (const block of blocksOf(message['content'])) {
      const at = reply.match(block);
      if (at >= 0) this.#compare(reply, at, block, line);
      else if (reply !== this.#before) this.#add(reply, block, uuid, aborted === true);
    }
    if (!reply.isStreamed) {
      reply.usage = message['usage'] ?? reply.usage;
      reply.stopReason ??= message['stop_reason'];
      if (reply.stopReason != null && reply.state === 'open') reply.state = 'ended';
    }
    if (aborted === true) reply.state = 'broken';
  }

  /** The reply that a complete message belongs to. */
  #replyOf(message: Fields, supersedes: unknown): AgentReply | undefined {
    const before = this.#before;
    const isOf = (reply: AgentReply | undefined) =>
      reply !== undefined && reply.id === message['id'];
    // A late complete message: all its blocks have been streamed.
    if (!isOf(this.#reply) && isOf(before) && before?.isStreamed) return before;
    this.#takeBack(supersedes);
    if (isOf(this.#reply)) return this.#reply;
    this.#goOn();
    if (!isOf(this.#reply)) this.#open(message);
    return this.#reply;
  }

  /** Begins a reply that was not streamed. */
  #open(message: Fields): void {
    this.#finish();
    this.#reply = new AgentReply(message['id'], false);
    const notYet = Object.fromEntries(SAID_LAST.map((field) => [field, null]));
    this.#send({ type: 'message_start', message: { ...message, ...notYet, content: [] } });
  }

  /** Compares a complete message with the block that was streamed. */
  #compare(reply: AgentReply, at: number, complete: Fields, { uuid, aborted }: Fields): void {
    const block = reply.blocks[at]!;
    block.uuid = uuid;
    const streamed = this.#builder.message?.content[at] as Fields | undefined;
    if (reply !== this.#reply || streamed === undefined) return;
    const whole = completeBlock(complete);
    const deltas = missingDeltas(streamed, whole);
    if (deltas === undefined || (deltas.length > 0 && block.hasStopped)) {
      const error = new MessageStreamError(NOT_AS_STREAMED, { code: 'unknown' });
      this.#replace(reply, at, ([, ...rest]) => [whole as unknown as Content, ...rest], { error });
    } else {
      for (const delta of deltas) this.#send({ type: 'content_block_delta', index: at, delta });
    }
    // The input is complete now, before the `content_block_stop` arrives.
    if ('input' in whole && aborted !== true) this.#sendStop(block, at);
  }

  #add(reply: AgentReply, block: Fields, uuid: unknown, isOpen: boolean): void {
    const { length } = reply.blocks;
    reply.add({ type: block['type'], id: block['id'], uuid, hasStopped: !isOpen });
    const content = completeBlock(block) as unknown as Content;
    for (const event of blockEvents<BetaStreamEvent>(content, length, { open: isOpen })) {
      this.#send(event);
    }
  }

  /** An error message of the CLI. It is not a reply, and does not end one. */
  #cliError(line: Fields): void {
    const reply = this.#reply;
    const { stop_reason } = fieldsIn(line['message']);
    if (reply && reply.id === line['refused_message_id']) reply.stopReason ??= 'refusal';
    // For a streamed reply, its stream events show how it ends.
    else if (reply?.isStreamed === false && reply.state === 'open') {
      if (!reply.isAnswered || stop_reason === 'tool_use') reply.state = 'broken';
    }
    this.#notice(line);
  }

  #user(line: Fields): void {
    const reply = this.#reply;
    if (reply === undefined || !isRecord(line['message'])) return;
    reply.answer(blocksOf(line['message']['content']));
    if (line['isSynthetic'] === true) this.#settle(reply, line['refused_message_id']);
    if (reply.state === 'ended' && !reply.mayBeTakenBack) this.#goOn();
  }

  /** The CLI informs the model that its reply was refused or cut off. */
  #settle(reply: AgentReply, refused: unknown): void {
    reply.isSettled = true;
    if (reply.isStreamed || reply.state !== 'open' || reply.isAnswered) return;
    reply.state = refused === reply.id ? 'ended' : 'broken';
    if (refused === reply.id) reply.stopReason ??= 'refusal';
  }

  #system(line: Fields): void {
    this.#retract(line['retracted_message_uuids']);
    if (line['subtype'] === 'init') this.#beginTurn(line['session_id']);
    this.#notice(line);
  }

  /**
   * A new turn begins, so the previous turn is over, although its `result` may arrive later. If the new
   * turn is of another session, an open reply of the previous session was cut.
   */
  #beginTurn(session: unknown): void {
    const isSame = this.#session === undefined || this.#session === session;
    this.#session = session;
    this.#endTurn(isSame ? { subtype: 'success' } : {});
  }

  #notice(line: Fields): void {
    const event = this.#parent === null ? noticeEvent(line) : undefined;
    if (event) this.#send(event);
  }

  #endTurn(result: Fields): void {
    this.#isTurnOver = isGoodResult(result);
    this.#seesMain = true;
    if (this.#parent !== null) return;
    while (this.#waiting.length > 0) this.#goOn();
    this.#finish(this.#isTurnOver ? { stopReason: result['stop_reason'] ?? null } : {});
  }

  /** Ends the reply, which is confirmed, and handles the events that have waited for this. */
  #goOn(): void {
    this.#finish();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const line of waiting) this.#stream(line);
  }

  /** Ends the reply. `stopReason` is that of the turn, if the turn was successful. */
  #finish({ stopReason }: { stopReason?: unknown } = {}): void {
    const reply = this.#reply;
    if (reply === undefined) return;
    this.#reply = undefined;
    this.#before = reply;
    const isTurnEnd = stopReason !== undefined;
    if (reply.state === 'open' && reply.isStreamed && reply.stopReason == null) {
      this.#breakOff(reply, reply.completeCount);
    }
    if (reply.state === 'broken') return this.#proveLastCall(reply);
    if (reply.state === 'withdrawn' || (reply.blocks.length === 0 && reply.state === 'open'))
      return;
    reply.stopReason ??= reply.isAnswered ? 'tool_use' : stopReason;
    if (reply.stopReason == null && !isTurnEnd) return;
    if (!reply.hasDelta) this.#send(reply.finalDelta());
    this.#send({ type: 'message_stop' });
  }

  /** The reply was cut off: its first `keep` blocks remain, and no `message_stop` is emitted. */
  #breakOff(reply: AgentReply, keep: number): void {
    this.#written = this.#builder.message;
    if (keep < reply.blocks.length) {
      this.#replace(reply, keep, () => [], {
        error: new MessageStreamError(BROKE_OFF, { code: 'truncated' }),
        isNewAttempt: true,
      });
    }
    reply.state = 'broken';
  }

  /**
   * A call at the end of a reply that was cut off is complete, and has run. Operators know this only
   * when another block begins after it, so an empty block is emitted and withdrawn.
   */
  #proveLastCall({ blocks: { length }, blocks }: AgentReply): void {
    const last = blocks.at(-1);
    if (last?.type !== 'tool_use' || last.uuid === undefined || last.isFollowed) return;
    this.#send({
      type: 'content_block_start',
      index: length,
      content_block: { type: 'text', text: '', citations: null },
    });
    const error = new MessageStreamError(BROKE_OFF, { code: 'truncated' });
    this.#send({ type: 'resume', attempt: ++this.#attempts, keep: length, error });
  }

  /** The streaming reply was refused, and its messages with these `uuid`s are withdrawn. */
  #retract(uuids: unknown): void {
    const reply = this.#reply;
    // If none of its complete messages has arrived, the whole reply is withdrawn.
    const isUnseen = reply?.state === 'open' && reply.isStreamed && reply.uuids.size === 0;
    if (isUnseen && Array.isArray(uuids) && uuids.length > 0) {
      for (const block of reply.blocks) block.uuid ??= uuids[0];
    }
    this.#takeBack(uuids, 'refusal');
  }

  /** Withdraws the blocks with these `uuid`s. */
  #takeBack(uuids: unknown, code: MessageStreamErrorCode = 'unknown'): void {
    const reply = this.#reply;
    if (reply === undefined || !Array.isArray(uuids) || uuids.length === 0) return;
    const gone = new Set(uuids);
    const keep = reply.blocks.findIndex(({ uuid }) => gone.has(uuid));
    if (keep < 0) return;
    if (reply.stopReason === 'refusal') code = 'refusal';
    const stands = reply.blocks.slice(keep).map(({ uuid }) => !gone.has(uuid));
    this.#replace(
      reply,
      keep,
      (content) => content.map((one, at) => (stands[at] ? one : undefined)),
      {
        error: new MessageStreamError(TAKEN_BACK, { code }),
        isNewAttempt: true,
      },
    );
    // After a `resume` event, the reply needs another `message_delta`.
    reply.hasDelta = false;
    if (reply.blocks.length === 0) reply.state = 'withdrawn';
  }

  /** Withdraws the blocks from `keep` on, and emits their replacements. */
  #replace(
    reply: AgentReply,
    keep: number,
    instead: (content: Content[]) => (Content | undefined)[],
    { error, isNewAttempt = false }: { error: MessageStreamError; isNewAttempt?: boolean },
  ): void {
    const contents = instead((this.#builder.message?.content ?? []).slice(keep));
    const blocks = reply.blocks.splice(keep);
    if (isNewAttempt) this.#attempts++;
    this.#send({ type: 'resume', attempt: this.#attempts, keep, error });
    blocks.forEach((block, at) => {
      const content = contents[at];
      if (content === undefined) return;
      const open = !block.hasStopped;
      reply.blocks.push(block);
      const index = reply.blocks.length - 1;
      for (const event of restatedBlock<BetaStreamEvent>(content, index, { open }))
        this.#send(event);
    });
  }

  /** Emits an event of a block, with the index of the block among those not withdrawn. */
  #sendAt(reply: AgentReply, event: Fields): void {
    const at = reply.positionOf(event['index']);
    if (at < 0) return;
    const own = at === event['index'] ? event : { ...event, index: at };
    if (event['type'] === 'content_block_stop') this.#sendStop(reply.blocks[at]!, at, own);
    else this.#send(own);
  }

  #sendStop(
    block: ReplyBlock,
    index: number,
    event: Fields = { type: 'content_block_stop', index },
  ): void {
    if (block.hasStopped) return;
    block.hasStopped = true;
    this.#send(event);
  }

  #send(event: Fields | BetaStreamEvent): void {
    const { type } = event as Fields;
    // The next reply has begun.
    if (type === 'content_block_start') this.#written = undefined;
    this.#builder.push(event as BetaStreamEvent);
    this.#emit(event as BetaStreamEvent);
  }
}

type Content = ContentBlockOf<BetaStreamEvent>;

/** The fields that a complete message does not have yet. */
const SAID_LAST = ['stop_reason', 'stop_sequence', 'stop_details'];

const TAKEN_BACK = 'Claude Code has withdrawn this reply: another reply replaces it';
const BROKE_OFF = 'The reply was cut off: its incomplete blocks are withdrawn';
const NOT_AS_STREAMED = 'The complete message differs from the streamed block';
