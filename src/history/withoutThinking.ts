import type { AnyBlock } from './blocks.ts';
import { isThought } from './blockKinds.ts';

/**
 * The messages without thinking. The API takes thinking back only behind the system prompt, the tools and the
 * messages that it was an answer to (docs: /docs/en/build-with-claude/preserved-thinking/prefix-checks).
 */
export function withoutThinking(messages: readonly object[]): object[] {
  return messages.flatMap((message) => {
    const { role, content } = message as { role?: unknown; content?: unknown };
    if (role !== 'assistant' || !Array.isArray(content)) return [message];
    const kept = (content as AnyBlock[]).filter((block) => !isThought(block));
    if (kept.length === content.length) return [message];
    return kept.length === 0 ? [] : [{ ...message, content: kept }];
  });
}
