import type { UIMessage } from 'ai';
import { type AnyStreamEvent, type MessageOf, unfinishedInput } from 'claude-rx';

/** What people see of a reply, in its order. */
export interface PageContent {
  text: string;
  reasoning: string[];
  calls: { id: string; name: string; input: unknown }[];
  /** Of tools that run at the API, by the id of the call. */
  results: Record<string, unknown>;
}

/** What a page shows of a message. */
export function pageContent({ parts }: UIMessage): PageContent {
  const content: PageContent = { text: '', reasoning: [], calls: [], results: {} };
  for (const part of parts) {
    if (part.type === 'text') content.text += part.text;
    if (part.type === 'reasoning') content.reasoning.push(part.text);
    if (part.type !== 'dynamic-tool') continue;
    const { toolCallId: id, toolName: name, input, providerExecuted } = part;
    const { rawInput } = part as { rawInput?: string };
    content.calls.push({
      id,
      name,
      input: part.state === 'input-streaming' ? (rawInput ?? '') : input,
    });
    if (!providerExecuted) continue;
    const raw = (part as { resultProviderMetadata?: { anthropic?: { content?: unknown } } })
      .resultProviderMetadata?.anthropic?.content;
    if (part.state === 'output-available') content.results[id] = part.output;
    if (part.state === 'output-error') content.results[id] = raw;
  }
  return content;
}

/** The same of the message that our own operators have built. */
export function messageContent({ content: blocks }: MessageOf<AnyStreamEvent>): PageContent {
  const content: PageContent = { text: '', reasoning: [], calls: [], results: {} };
  for (const block of blocks as any[]) {
    if (block.type === 'text') content.text += block.text;
    if (block.type === 'thinking') content.reasoning.push(block.thinking);
    if (block.type === 'redacted_thinking') content.reasoning.push('');
    if (/^(tool|server_tool|mcp_tool)_use$/.test(block.type)) {
      const input = block[unfinishedInput] ?? block.input;
      content.calls.push({ id: block.id, name: block.name, input });
    }
    const isOfCall = content.calls.some(({ id }) => id === block.tool_use_id);
    if (block.type.endsWith('_tool_result') && isOfCall)
      content.results[block.tool_use_id] = block.content;
  }
  return content;
}
