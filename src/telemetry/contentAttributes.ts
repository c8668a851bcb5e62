import { fields, type Fields, isRecord } from '../message/record.ts';
import {
  CONTENT_TRUNCATED,
  INPUT_MESSAGES,
  OUTPUT_MESSAGES,
  SYSTEM_INSTRUCTIONS,
} from './attributes.ts';
import type { Attributes } from './OpenTelemetry.ts';

/** The maximum length of the content in one attribute, in UTF-16 code units. */
const LONGEST_CONTENT = 100_000;

/** The content of a request: the parameters of `messages.create`. */
export interface RequestContent {
  readonly messages: readonly object[];
  readonly system?: unknown;
}

/** The attributes for a request. */
export function inputAttributes({ messages, system }: RequestContent): Attributes {
  const sent = messages.map((message) => {
    const { role, content } = message as { role?: unknown; content?: unknown };
    return { role, parts: partsOf(content) };
  });
  return {
    ...contentAttribute(INPUT_MESSAGES, sent),
    ...(system !== undefined && contentAttribute(SYSTEM_INSTRUCTIONS, partsOf(system))),
  };
}

/** The attributes for a reply. */
export function outputAttributes(content: unknown, finishReason: string): Attributes {
  const reply = { role: 'assistant', parts: partsOf(content), finish_reason: finishReason };
  return contentAttribute(OUTPUT_MESSAGES, [reply]);
}

/** The attribute for a piece of content: JSON, cut off at the maximum length. */
export function contentAttribute(name: string, content: unknown): Attributes {
  const json = typeof content === 'string' ? content : (JSON.stringify(content) ?? '');
  if (json.length <= LONGEST_CONTENT) return { [name]: json };
  return { [name]: json.slice(0, LONGEST_CONTENT), [CONTENT_TRUNCATED]: true };
}

/** Content blocks in the form of the conventions. */
function partsOf(content: unknown): object[] {
  if (typeof content === 'string') return [{ type: 'text', content }];
  return Array.isArray(content) ? content.filter(isRecord).map(partOf) : [];
}

function partOf(block: Fields): object {
  const { type, id, name, input, tool_use_id, content, text, thinking } = block;
  switch (type) {
    case 'text':
      return { type: 'text', content: text };
    case 'thinking':
      return { type: 'reasoning', content: thinking };
    case 'tool_use':
    case 'server_tool_use':
    case 'mcp_tool_use':
      return { type: 'tool_call', id, name, arguments: input };
    case 'tool_result':
      return { type: 'tool_call_response', id: tool_use_id, response: content };
    default:
      // The data of images and documents is left out: it is large, and useless in a trace.
      return { type, ...(fields(block)['id'] !== undefined && { id }) };
  }
}
