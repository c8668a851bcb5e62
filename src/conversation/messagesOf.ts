import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import { blockProblem } from './blockProblem.ts';
import { keyedBlocks, withResult } from './ConversationDocument.ts';
import type { ConversationMessage } from './ConversationState.ts';
import { isBlankText } from '../history/blankText.ts';
import { type AnyBlock, isResult } from '../history/blocks.ts';
import { textOf } from './userContent.ts';

/**
 * Converts the turns of a request to messages. Results are stored with their calls, so a turn that has only
 * results becomes no message.
 *
 * @throws TypeError with the path of the problem
 */
export function messagesOf<E extends AnyStreamEvent>(
  turns: readonly { role: string; content: string | readonly object[] }[],
): ConversationMessage<E>[] {
  const messages: ConversationMessage<E>[] = [];
  turns.forEach(({ role, content, ...rest }, index) => {
    const path = `params.messages[${index}]`;
    if (role !== 'user' && role !== 'assistant' && role !== 'system') {
      throw new TypeError(`Conversation: ${path}.role: must be 'user', 'assistant' or 'system'`);
    }
    const other = Object.keys(rest)[0];
    if (role === 'system' && other !== undefined) {
      throw new TypeError(`Conversation: ${path}.${other}: a system message has only its content`);
    }
    if (index === 0 && role !== 'user') {
      throw new TypeError(`Conversation: ${path}.role: the first message must be the user's`);
    }
    const blocks = readContent(content, role === 'assistant' ? role : 'user', path);
    const said = role === 'user' ? blocks.filter((block) => !isResult(block)) : blocks;
    if (role === 'user') attach(messages, blocks.filter(isResult));
    if (said.length === 0) return;
    if (role === 'assistant' && messages.length === 0) {
      throw new TypeError(`Conversation: ${path}.role: a message of the user must come before it`);
    }
    const key = `m${messages.length + 1}`;
    const fields = { key, text: textOf(said), blocks: keyedBlocks(key, said) };
    messages.push(
      (role === 'assistant'
        ? { ...fields, role, status: 'complete' }
        : { ...fields, role }) as never,
    );
  });
  return messages;
}

function readContent(
  content: string | readonly object[],
  role: 'user' | 'assistant',
  path: string,
): AnyBlock[] {
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  if (!Array.isArray(blocks)) {
    throw new TypeError(`Conversation: ${path}.content: must be text or a list of blocks`);
  }
  blocks.forEach((block, index) => {
    const problem = blockProblem(block, role);
    if (problem) throw new TypeError(`Conversation: ${path}.content[${index}]${problem}`);
  });
  return (blocks as AnyBlock[]).filter((block) => !isBlankText(block));
}

/** Adds results to the calls of the last message. */
function attach<E extends AnyStreamEvent>(
  messages: ConversationMessage<E>[],
  results: readonly AnyBlock[],
): void {
  const last = messages.at(-1);
  if (last?.role !== 'assistant' || results.length === 0) return;
  const blocks = last.blocks.map((keyed) => {
    const { id } = keyed.block as unknown as AnyBlock;
    return withResult(
      keyed,
      results.find(({ tool_use_id }) => tool_use_id === id),
    );
  });
  messages[messages.length - 1] = { ...last, blocks };
}
