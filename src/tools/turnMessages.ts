import type { ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages/messages';
import type { AnyStreamEvent, MessageOf } from '../message/StreamEvent.ts';
import type { MessageParamOf } from '../message/ToolEvent.ts';
import { wellFormed } from '../message/wellFormed.ts';

interface Block {
  type: string;
  [field: string]: unknown;
}

/**
 * What a reply and the results of its calls add to the history, in the form that the API takes:
 *
 * - calls without a result are left out, as are thinking without its signature, text that is empty
 *   or only white space, and thinking at the end;
 * - unless `goesOn`, calls of tools that run at Anthropic without their result, too;
 * - half a character, such as a cut leaves, is replaced.
 *
 * All else is unchanged, and the same objects. It is empty where nothing is left.
 */
export function turnMessages<E extends AnyStreamEvent>(
  message: MessageOf<E>,
  results: readonly ToolResultBlockParam[],
  { goesOn = false }: { goesOn?: boolean } = {},
): MessageParamOf<E>[] {
  const blocks = message.content as unknown as Block[];
  const answered = new Set<unknown>(results.map(({ tool_use_id }) => tool_use_id));
  for (const { tool_use_id } of blocks) if (tool_use_id !== undefined) answered.add(tool_use_id);
  const content = blocks.filter((block) => {
    switch (block.type) {
      case 'text':
        return String(block['text'] ?? '').trim() !== '';
      case 'thinking':
        return Boolean(block['signature']);
      case 'tool_use':
        return answered.has(block['id']);
      case 'server_tool_use':
      case 'mcp_tool_use':
        return goesOn || answered.has(block['id']);
      default:
        return true;
    }
  });
  while (content.at(-1)?.type.endsWith('thinking')) content.pop();
  const messages: unknown[] = [];
  if (content.length > 0) messages.push({ role: 'assistant', content: content.map(sendable) });
  if (results.length > 0) messages.push({ role: 'user', content: results });
  return messages as MessageParamOf<E>[];
}

/** Thinking may not be changed. */
function sendable(block: Block): Block {
  return block.type.endsWith('thinking') ? block : wellFormed(block);
}
