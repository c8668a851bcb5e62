import type { ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages/messages';
import { isThought } from '../history/blockKinds.ts';
import type { AnyStreamEvent, MessageOf } from '../message/StreamEvent.ts';
import type { MessageParamOf } from '../message/ToolEvent.ts';
import { wellFormed } from '../history/wellFormed.ts';

interface Block {
  type: string;
  [field: string]: unknown;
}

export interface TurnMessagesOptions {
  /** Whether the reply is gone on with, so that calls at Anthropic may have their results later. */
  goesOn?: boolean;
  /** How many blocks came before the reply broke and was carried on. Default: it did not break. */
  seam?: number | undefined;
}

/**
 * What a reply and the results of its calls add to the history, in the form that the API takes:
 *
 * - calls without a result are left out, as are thinking without its signature, text that is empty
 *   or only white space, and thinking at the end;
 * - unless `goesOn`, calls of tools that run at Anthropic without their result, too;
 * - half a character, such as a cut leaves, is replaced;
 * - thinking is bound to what came before it (docs: preserved-thinking/prefix-checks): behind what was
 *   left out or replaced, and behind a seam, it is left out as well.
 *
 * All else is unchanged, and the same objects. It is empty where nothing is left.
 */
export function turnMessages<E extends AnyStreamEvent>(
  message: MessageOf<E>,
  results: readonly ToolResultBlockParam[],
  { goesOn = false, seam = Infinity }: TurnMessagesOptions = {},
): MessageParamOf<E>[] {
  const blocks = message.content as unknown as Block[];
  const answered = new Set<unknown>(results.map(({ tool_use_id }) => tool_use_id));
  for (const { tool_use_id } of blocks) if (tool_use_id !== undefined) answered.add(tool_use_id);

  const content: Block[] = [];
  let isUnchanged = true;
  for (const [position, block] of blocks.entries()) {
    const isValid: boolean = isThought(block)
      ? isUnchanged && position < seam && isSigned(block)
      : isSendable(block, answered, goesOn);
    // Thinking may not be changed.
    const sent = isThought(block) ? block : wellFormed(block);
    isUnchanged &&= isValid && sent === block;
    if (isValid) content.push(sent);
  }
  while (content.length > 0 && isThought(content.at(-1)!)) content.pop();

  const messages: unknown[] = [];
  if (content.length > 0) messages.push({ role: 'assistant', content });
  if (results.length > 0) messages.push({ role: 'user', content: results });
  return messages as MessageParamOf<E>[];
}

function isSendable(block: Block, answered: ReadonlySet<unknown>, goesOn: boolean): boolean {
  switch (block.type) {
    case 'text':
      return String(block['text'] ?? '').trim() !== '';
    case 'tool_use':
      return answered.has(block['id']);
    case 'server_tool_use':
    case 'mcp_tool_use':
      return goesOn || answered.has(block['id']);
    default:
      return true;
  }
}

function isSigned({ type, signature }: Block): boolean {
  return type !== 'thinking' || Boolean(signature);
}
