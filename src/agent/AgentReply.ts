import { type Fields, fields } from '../message/record.ts';

/** A block of a reply that has not been withdrawn. */
export interface ReplyBlock {
  type: unknown;
  /** The id of a tool call. */
  id: unknown;
  /** Its `index` in the API's stream; `undefined` for a block that was not streamed. */
  index?: unknown;
  /** The `uuid` of its complete message; `undefined` until that message has arrived. */
  uuid?: unknown;
  hasStopped: boolean;
  /** Whether another block has begun after it, so that a tool call counts as complete. */
  isFollowed?: boolean;
}

/**
 * | state | |
 * |---|---|
 * | `open` | the reply is streaming |
 * | `ended` | it has ended with a `stop_reason` and `message_stop` |
 * | `broken` | it was cut off or interrupted, so it gets no `message_stop` |
 * | `withdrawn` | all of it was withdrawn; later events of it are ignored |
 */
export type ReplyState = 'open' | 'ended' | 'broken' | 'withdrawn';

/** The state of one reply of the API. */
export class AgentReply {
  readonly id: unknown;
  /** Whether it has stream events of the API, and not only complete messages. */
  readonly isStreamed: boolean;
  readonly blocks: ReplyBlock[] = [];
  /** The `uuid`s of its complete messages. */
  readonly uuids: Set<unknown> = new Set();
  state: ReplyState = 'open';
  stopReason: unknown;
  usage: unknown;
  /** Whether its `message_delta` with the stop reason has been emitted. */
  hasDelta = false;
  /** Whether the result of one of its tool calls has arrived. */
  isAnswered = false;
  /** Whether a message has confirmed or refused it. */
  isSettled = false;

  constructor(id: unknown, isStreamed: boolean) {
    this.id = id;
    this.isStreamed = isStreamed;
  }

  /** Whether a later message may withdraw it. */
  get mayBeTakenBack(): boolean {
    if (this.state === 'broken' || this.state === 'withdrawn' || this.isSettled) return false;
    if (this.isAnswered && this.stopReason !== 'refusal') return false;
    return this.blocks.some(({ uuid }) => uuid !== undefined);
  }

  add(block: ReplyBlock): void {
    const last = this.blocks.at(-1);
    if (last) last.isFollowed = true;
    this.blocks.push(block);
  }

  /** The position of the block with this `index` in the API's stream; -1 if there is none. */
  positionOf(index: unknown): number {
    return this.blocks.findLastIndex((block) => block.index !== undefined && block.index === index);
  }

  /** How many blocks remain if those from this `index` on are abandoned. */
  countBefore(index: number): number {
    const at = this.blocks.findIndex((block) => Number(block.index) >= index);
    return at < 0 ? this.blocks.length : at;
  }

  /** How many blocks, from the start, are complete. */
  get completeCount(): number {
    const at = this.blocks.findIndex(({ uuid }) => uuid === undefined);
    return at < 0 ? this.blocks.length : at;
  }

  /** The position of the streamed block that a complete message repeats; -1 if it was not streamed. */
  match({ type, id }: Fields): number {
    return this.blocks.findIndex(
      (block) => block.uuid === undefined && block.type === type && block.id === id,
    );
  }

  /** Records the results of tool calls in a `user` message. */
  answer(results: readonly Fields[]): void {
    const calls = new Set(results.map((result) => result['tool_use_id']));
    this.isAnswered ||= this.blocks.some(({ id }) => id !== undefined && calls.has(id));
  }

  /** The event with its stop reason and usage. */
  finalDelta(): Fields {
    const delta = {
      stop_reason: this.stopReason,
      stop_sequence: null,
      stop_details: null,
      container: null,
    };
    return { type: 'message_delta', delta, usage: fields(this.usage) };
  }
}
