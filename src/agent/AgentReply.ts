import { type Fields, fields } from '../message/record.ts';

/** A block of a reply, at its place among those that stand. */
export interface ReplyBlock {
  type: unknown;
  /** The id of a tool call. */
  id: unknown;
  /** The `index` that the API's stream gives it; `undefined` for a block that was not streamed. */
  index?: unknown;
  /** The `uuid` of its complete message; `undefined` until that has come. */
  uuid?: unknown;
  hasStopped: boolean;
  /** Whether another block has begun behind it: that proves that a call is complete. */
  isFollowed?: boolean;
}

/**
 * | state | |
 * |---|---|
 * | `open` | it is being written |
 * | `ended` | it has its own ending: `message_stop` behind a `stop_reason` |
 * | `broken` | it was cut or interrupted: it never gets a `message_stop` |
 * | `withdrawn` | all of it was taken back: nothing that still comes of it counts |
 */
export type ReplyState = 'open' | 'ended' | 'broken' | 'withdrawn';

/** What is known of one reply of the API. */
export class AgentReply {
  readonly id: unknown;
  /** Whether its events come from the API's stream, and not only from complete messages. */
  readonly isStreamed: boolean;
  readonly blocks: ReplyBlock[] = [];
  /** The `uuid`s of its complete messages. */
  readonly uuids: Set<unknown> = new Set();
  state: ReplyState = 'open';
  stopReason: unknown;
  usage: unknown;
  /** Whether its `message_delta` with the stop reason has been emitted. */
  hasDelta = false;
  /** Whether the result of one of its tool calls has come. */
  isAnswered = false;
  /** Whether a line has come that decides what becomes of it. */
  isSettled = false;

  constructor(id: unknown, isStreamed: boolean) {
    this.id = id;
    this.isStreamed = isStreamed;
  }

  /** Whether a message that is yet to come may take it back. */
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

  /** The position of the block with the API's `index`; -1 where there is none. */
  positionOf(index: unknown): number {
    return this.blocks.findLastIndex((block) => block.index !== undefined && block.index === index);
  }

  /** How many blocks stand where those from the API's `index` on are abandoned. */
  countBefore(index: number): number {
    const at = this.blocks.findIndex((block) => Number(block.index) >= index);
    return at < 0 ? this.blocks.length : at;
  }

  /** How many blocks, from the start, are complete. */
  get completeCount(): number {
    const at = this.blocks.findIndex(({ uuid }) => uuid === undefined);
    return at < 0 ? this.blocks.length : at;
  }

  /** The position of the block that a complete message repeats; -1 where it was not streamed. */
  match({ type, id }: Fields): number {
    return this.blocks.findIndex(
      (block) => block.uuid === undefined && block.type === type && block.id === id,
    );
  }

  /** Takes note of the results of tool calls that a `user` message holds. */
  answer(results: readonly Fields[]): void {
    const calls = new Set(results.map((result) => result['tool_use_id']));
    this.isAnswered ||= this.blocks.some(({ id }) => id !== undefined && calls.has(id));
  }

  /** The event that says how it ended. */
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
