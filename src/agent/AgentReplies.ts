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
 * Makes the events of one thread's replies out of the lines of Claude Code, each block once.
 *
 * The facts that it follows, as seen in CLI 2.1.332:
 *
 * 1. A reply comes as events of the API's stream, as complete messages (one for each block that has
 *    ended), or as both. A complete message is matched with the block that was streamed, by its tool
 *    call or else by type and order. Where the two differ, the complete one counts.
 * 2. `api_message_id` says which reply an event belongs to; lines of the CLI come in between.
 * 3. `message_stop` on a line with `abandoned_blocks`, or without a `stop_reason` before it, closes a
 *    reply that was cut. The abandoned blocks are withdrawn, the others stand, and it has no ending.
 * 4. After a cut the CLI asks again: by a new `message_start`, or without streaming, by a complete
 *    message with a `stop_reason`. What follows is a reply of its own.
 * 5. An error is an `assistant` line of the model `<synthetic>`. It is no reply and ends none. In a
 *    session of complete messages it is the only sign that the reply before it was cut.
 * 6. A refusal may be taken back: by `retracted_message_uuids` of a `system` line, which comes before
 *    the `message_delta` of that reply, or by `supersedes` of the next complete message, which comes
 *    after the first events of its reply. So where a reply has ended and another follows before any
 *    line that settles it, the events of that other wait for its first complete message.
 * 7. A `user` line settles a reply: with the results of its tool calls (also while it is written), or
 *    with `isSynthetic`, where the CLI tells the model what became of it.
 * 8. Complete messages have no `stop_reason`. It is `tool_use` where a call was answered, `refusal`
 *    where a line names the reply as refused, and at the end of the turn that of a good `result`.
 * 9. A message with `aborted` was interrupted: it keeps what it has, and has no ending.
 */
export class AgentReplies {
  readonly #parent: string | null;
  readonly #emit: (event: BetaStreamEvent) => void;
  readonly #builder = new MessageBuilder<BetaStreamEvent>();
  #reply: AgentReply | undefined;
  /** The one before, whose complete messages may still come. */
  #before: AgentReply | undefined;
  /** Lines with events of the next reply, while it is not certain that `#reply` stands. */
  #waiting: Fields[] = [];
  /** What had been written of the last reply before blocks of it were abandoned. */
  #written: MessageOf<BetaStreamEvent> | undefined;
  #attempts = 1;
  /** Whether lines of the main thread come too, which say when a subagent is done. */
  #seesMain = false;
  #isTurnOver = false;

  constructor(emit: (event: BetaStreamEvent) => void, parent: string | null = null) {
    this.#emit = emit;
    this.#parent = parent;
  }

  /** All that was written of the last reply, also where the CLI has abandoned it since. */
  get partial(): MessageOf<BetaStreamEvent> | undefined {
    return this.#written ?? this.#builder.message;
  }

  /** Takes the next line in. */
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

  /** Gives away what waits, when nothing follows any more. */
  end(): void {
    while (this.#waiting.length > 0) this.#goOn();
    if (this.#reply?.state === 'ended') return this.#finish();
    // A subagent has no result of its own. Where nothing of the main thread is seen, its end is this.
    if (this.#parent === null || !(this.#isTurnOver || !this.#seesMain)) return;
    if (this.#reply) this.#finish({ stopReason: null });
  }

  #stream(line: Fields): void {
    const { event, api_message_id: id } = line;
    if (!isRecord(event)) return;
    const { type } = event;
    // Signs of life are worth nothing later.
    if (type === 'ping') return this.#send(event);
    if (this.#waiting.length > 0) return void this.#waiting.push(line);
    if (type === 'message_start') return this.#begin(event, line);
    const reply = this.#reply;
    // Of a reply whose start was not seen, only the complete messages are of use.
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
      // The API never does that; the builder would ignore it too.
      if (this.#reply.id === id && this.#reply.state === 'open') return;
      if (this.#reply.mayBeTakenBack) return void this.#waiting.push(line);
      this.#finish();
    }
    this.#reply = new AgentReply(id, true);
    this.#send(event);
  }

  #startBlock(reply: AgentReply, event: Fields): void {
    if (!reply.isStreamed) return;
    const { type, id } = fieldsIn(event['content_block']);
    reply.add({ type, id, index: event['index'], hasStopped: false });
    this.#sendAt(reply, event);
  }

  #stopReason(reply: AgentReply, event: Fields): void {
    reply.usage = event['usage'] ?? reply.usage;
    const stopReason = fieldsIn(event['delta'])['stop_reason'];
    // The CLI closes a reply that was cut or interrupted by a delta of its own, without a reason.
    if (stopReason == null || reply.state === 'broken') return;
    reply.stopReason = stopReason;
    reply.hasDelta = true;
    this.#send(event);
  }

  /** It is kept back until it is certain that the reply stands. */
  #stop(reply: AgentReply, abandoned: number | undefined): void {
    if (abandoned !== undefined) return this.#breakOff(reply, reply.countBefore(abandoned));
    if (reply.stopReason != null) reply.state = 'ended';
    else this.#breakOff(reply, reply.isStreamed ? reply.completeCount : reply.blocks.length);
  }

  /** Takes in a complete message, of one block or of several. */
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
    // One that is late: all that is in it has been streamed.
    if (!isOf(this.#reply) && isOf(before) && before?.isStreamed) return before;
    this.#takeBack(supersedes);
    if (isOf(this.#reply)) return this.#reply;
    this.#goOn();
    if (!isOf(this.#reply)) this.#open(message);
    return this.#reply;
  }

  /** Begins a reply that comes without stream. */
  #open(message: Fields): void {
    this.#finish();
    this.#reply = new AgentReply(message['id'], false);
    const notYet = Object.fromEntries(SAID_LAST.map((field) => [field, null]));
    this.#send({ type: 'message_start', message: { ...message, ...notYet, content: [] } });
  }

  /** Takes in the complete message of a block that was streamed. */
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
    // Its input is whole now, and not only with the stop that follows.
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

  /** An error that the CLI puts in words: no reply, and the end of none. */
  #cliError(line: Fields): void {
    const reply = this.#reply;
    const { stop_reason } = fieldsIn(line['message']);
    if (reply && reply.id === line['refused_message_id']) reply.stopReason ??= 'refusal';
    // Of a reply whose stream is seen, that says how it ends.
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

  /** The CLI tells the model what became of the reply: it was refused, or else it was cut. */
  #settle(reply: AgentReply, refused: unknown): void {
    reply.isSettled = true;
    if (reply.isStreamed || reply.state !== 'open' || reply.isAnswered) return;
    reply.state = refused === reply.id ? 'ended' : 'broken';
    if (refused === reply.id) reply.stopReason ??= 'refusal';
  }

  #system(line: Fields): void {
    this.#retract(line['retracted_message_uuids']);
    // A turn begins, so that the one before is over, though its result may come late.
    if (line['subtype'] === 'init') this.#endTurn({ subtype: 'success' });
    this.#notice(line);
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

  /** Ends the reply, which stands, and takes in the events that have waited for that. */
  #goOn(): void {
    this.#finish();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const line of waiting) this.#stream(line);
  }

  /** Ends the reply; `stopReason` is that of the turn, where it is known that the turn went well. */
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

  /** The reply was cut: its first `keep` blocks stand, and it has no ending. */
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
   * A call at the end of a reply that was cut is complete, and has run. What proves that to a reader is
   * a block that begins behind it; so one does, and is withdrawn.
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

  /** The reply that is being written was refused, and these messages of it are taken back. */
  #retract(uuids: unknown): void {
    const reply = this.#reply;
    // None of its complete messages has been seen: then all of it is meant.
    const isUnseen = reply?.state === 'open' && reply.isStreamed && reply.uuids.size === 0;
    if (isUnseen && Array.isArray(uuids) && uuids.length > 0) {
      for (const block of reply.blocks) block.uuid ??= uuids[0];
    }
    this.#takeBack(uuids, 'refusal');
  }

  /** Withdraws what was said under these `uuid`s. */
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
    // After a seam a reply says anew how it ends.
    reply.hasDelta = false;
    if (reply.blocks.length === 0) reply.state = 'withdrawn';
  }

  /** Withdraws the blocks from `keep` on, and states again what comes in their place. */
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

  /** Passes an event of a block on, under the index that the block has among those that stand. */
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

/** What a complete message does not know yet. */
const SAID_LAST = ['stop_reason', 'stop_sequence', 'stop_details'];

const TAKEN_BACK = 'Claude Code took back this reply: another comes in its place';
const BROKE_OFF = 'The reply broke off: the blocks that were not complete are withdrawn';
const NOT_AS_STREAMED = 'The complete message differs from what was streamed';
