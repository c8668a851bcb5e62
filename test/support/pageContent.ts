import type { Message } from '@ag-ui/core';
import type { UIMessage } from 'ai';
import { unfinishedInput } from 'claude-rx';

/** What people see of a reply. */
export interface PageContent {
  text: string;
  reasoning: string;
  calls: { name: string; input: unknown }[];
  /** Of the calls that are shown, in their order. */
  results: unknown[];
}

/** What a page, or a message, has of a call and of a result. */
interface Shown {
  text?: string;
  reasoning?: string;
  call?: { id: unknown; name: string; input: unknown };
  result?: { id: unknown; value: unknown };
}

/** The content of a message of the API: written without the code that it judges. */
export function contentOfBlocks(blocks: readonly object[]): PageContent {
  return contentOf(
    (blocks as any[]).map((block): Shown => {
      if (block.type === 'text') return { text: block.text };
      if (block.type === 'thinking') return { reasoning: block.thinking };
      if (/^(server_|mcp_)?tool_use$/.test(block.type)) {
        const { id, name } = block;
        const json = block[unfinishedInput] as string | undefined;
        return { call: { id, name, input: json === undefined ? block.input : inputOf(json) } };
      }
      if (!block.type.endsWith('_tool_result')) return {};
      return { result: { id: block.tool_use_id, value: block.content } };
    }),
  );
}

/** What a page of the AI SDK shows of a message. */
export function contentOfUiMessage({ parts }: UIMessage): PageContent {
  return contentOf(
    (parts as any[]).flatMap((part): Shown[] => {
      if (part.type === 'text') return [{ text: part.text }];
      if (part.type === 'reasoning') return [{ reasoning: part.text }];
      if (part.type !== 'dynamic-tool') return [];
      const { toolCallId: id, toolName: name, state } = part;
      const input = state === 'input-streaming' ? inputOf(part.rawInput ?? '') : part.input;
      const call = { call: { id, name, input } };
      if (state === 'output-available') return [call, { result: { id, value: part.output } }];
      if (state !== 'output-error') return [call];
      const value = part.resultProviderMetadata?.anthropic?.content ?? part.errorText;
      return [call, { result: { id, value } }];
    }),
  );
}

/** What a page of AG-UI shows of the replies among its messages. */
export function contentOfAgUi(messages: readonly Message[]): PageContent {
  return contentOf(
    messages.flatMap((message): Shown[] => {
      if (message.role === 'reasoning') return [{ reasoning: message.content }];
      if (message.role === 'tool') {
        return [{ result: { id: message.toolCallId, value: message.content } }];
      }
      if (message.role !== 'assistant') return [];
      const calls = (message.toolCalls ?? []).map(
        ({ id, function: { name, arguments: json } }) => ({
          call: { id, name, input: inputOf(json) },
        }),
      );
      return [{ text: (message.content as string | undefined) ?? '' }, ...calls];
    }),
  );
}

/** What the parts come to. */
export function contentOf(parts: readonly Shown[]): PageContent {
  const calls = parts.flatMap(({ call }) => call ?? []);
  const results = parts.flatMap(({ result }) => result ?? []);
  return {
    text: parts.map(({ text = '' }) => text).join(''),
    reasoning: parts.map(({ reasoning = '' }) => reasoning).join(''),
    calls: calls.map(({ name, input }) => ({ name, input })),
    results: calls.flatMap(({ id }) =>
      results.filter((result) => result.id === id).flatMap(({ value }) => resultOf(value)),
    ),
  };
}

/** The input of a call, or as much of its JSON as has come. */
export function inputOf(json: string): unknown {
  try {
    return JSON.parse(json || '{}');
  } catch {
    return json;
  }
}

/** A result as JSON or as its value is the same. A sentence that there is none is no result. */
function resultOf(value: unknown): unknown[] {
  if (typeof value !== 'string') return [value];
  if (/^This call (has no result|was (cut off|withdrawn))\.$/.test(value)) return [];
  const parsed = inputOf(value);
  return [typeof parsed === 'object' ? parsed : value];
}
