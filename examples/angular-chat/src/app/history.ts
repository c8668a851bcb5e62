import type Anthropic from '@anthropic-ai/sdk';
import type { MessageOf, StreamEvent } from 'claude-rx';

type Message = MessageOf<StreamEvent>;

/** What has been said in a turn: the reply may be missing, or have broken off. */
export interface Said {
  prompt: string;
  reply: Message | undefined;
  isWhole: boolean;
}

/** The conversation as the API takes it, with `prompt` as its last turn. */
export function messagesFor(turns: readonly Said[], prompt: string): Anthropic.MessageParam[] {
  const messages: Anthropic.MessageParam[] = [];
  let calls: Anthropic.ToolUseBlock[] = [];
  for (const { prompt: asked, reply, isWhole } of [
    ...turns,
    { prompt, reply: undefined, isWhole: false },
  ]) {
    messages.push({ role: 'user', content: [...calls.map(shown), { type: 'text', text: asked }] });
    const content = reply ? sendable(reply, isWhole) : [];
    if (content.length > 0) messages.push({ role: 'assistant', content });
    calls = content.filter((block) => block.type === 'tool_use') as Anthropic.ToolUseBlock[];
  }
  return messages;
}

/** The API wants each call answered; those of a tool that shows have no other answer. */
function shown({ id }: Anthropic.ToolUseBlock): Anthropic.ToolResultBlockParam {
  return { type: 'tool_result', tool_use_id: id, content: 'It has been shown to the user.' };
}

/**
 * What the API takes back: of a reply that broke off only its text, and no thinking of one that was
 * carried on, since it belongs to several requests.
 */
function sendable({ content, usage }: Message, isWhole: boolean): Anthropic.ContentBlockParam[] {
  const isSpliced = 'attempts' in usage;
  return content.filter((block) => {
    if (block.type === 'text') return block.text.trim() !== '';
    if (!isWhole) return false;
    if (block.type === 'thinking') return !isSpliced && block.signature !== '';
    return block.type === 'tool_use';
  }) as Anthropic.ContentBlockParam[];
}
