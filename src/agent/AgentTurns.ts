import { MessageStreamError } from '../message/MessageStreamError.ts';
import type { AnyAgentMessage } from './AgentMessage.ts';
import { AgentReplies } from './AgentReplies.ts';
import { resultError } from './resultError.ts';

export interface AgentTurnsOptions {
  keepContent: boolean;
  allowErrorResult: boolean;
}

/** Watches the turns of an agent: how they end, and what there is of the last reply. */
export class AgentTurns {
  readonly #replies: AgentReplies | undefined;
  readonly #allowErrorResult: boolean;
  #isInTurn = true;
  /** The kind of the API error whose text was the last message. */
  #kind: unknown;
  #failure: MessageStreamError | undefined;

  constructor({ keepContent, allowErrorResult }: AgentTurnsOptions) {
    this.#replies = keepContent ? new AgentReplies(() => {}) : undefined;
    this.#allowErrorResult = allowErrorResult;
  }

  /** The last reply of the main thread, as far as it has arrived. */
  get partial(): MessageStreamError['partial'] {
    this.#replies?.end();
    return this.#replies?.message as MessageStreamError['partial'];
  }

  /** Whether a turn has ended with an error. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Why an end of the messages here is no good one; `undefined` after the result of a turn. */
  get failure(): MessageStreamError | undefined {
    return this.#failure ?? (this.#isInTurn ? truncation() : undefined);
  }

  push(message: AnyAgentMessage): void {
    this.#replies?.push(message);
    const fields = message as unknown as Record<string, unknown>;
    const { type } = message;
    if (type === 'result') {
      this.#isInTurn = false;
      if (!this.#allowErrorResult) this.#failure = resultError(fields, this.#kind);
      this.#kind = undefined;
    } else if ((type === 'assistant' || type === 'stream_event') && !fields['parent_tool_use_id']) {
      this.#isInTurn = true;
      if (type === 'assistant') this.#kind = fields['error'];
    }
  }
}

function truncation(): MessageStreamError {
  return new MessageStreamError(
    'The agent ended without a result: its answer may be cut off; what arrived is in `partial`',
    { code: 'truncated' },
  );
}
