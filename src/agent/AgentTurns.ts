import { MessageStreamError } from '../message/MessageStreamError.ts';
import type { Fields } from '../message/record.ts';
import type { AnyAgentMessage } from './AgentMessage.ts';
import { resultError } from './resultError.ts';

/** Follows how the turns of an agent end. */
export class AgentTurns {
  #isInTurn = true;
  /** The kind of API error, if the last message was the text of an error. */
  #kind: unknown;
  #error: MessageStreamError | undefined;

  /** The error of the last turn; `undefined` if the turn has not failed. */
  get error(): MessageStreamError | undefined {
    return this.#error;
  }

  /** The error if the messages end here; `undefined` after a successful result. */
  get failure(): MessageStreamError | undefined {
    return this.#error ?? (this.#isInTurn ? truncation() : undefined);
  }

  push(message: AnyAgentMessage): void {
    const fields = message as unknown as Fields;
    const { type } = message;
    if (type === 'result') {
      this.#error = resultError(fields, this.#kind);
      this.#kind = undefined;
      // A result with turns in the queue is not the last one.
      this.#isInTurn = Number(fields['queued_turn_count']) > 0;
    } else if (type === 'system' && fields['subtype'] === 'init') {
      this.#isInTurn = true;
    } else if ((type === 'assistant' || type === 'stream_event') && !fields['parent_tool_use_id']) {
      this.#isInTurn = true;
      this.#error = undefined;
      if (type === 'assistant') this.#kind = fields['error'];
    }
  }
}

function truncation(): MessageStreamError {
  return new MessageStreamError(
    'The agent ended without a result, so its reply may be incomplete; what arrived is in `partial`',
    { code: 'truncated' },
  );
}
