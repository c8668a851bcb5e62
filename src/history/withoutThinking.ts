import type { AnyBlock } from './blocks.ts';
import { isThought } from './blockKinds.ts';

/**
 * Removes thinking from messages. The API accepts thinking only after the same system prompt, tools and
 * messages as in its own request (docs: /docs/en/build-with-claude/preserved-thinking/prefix-checks).
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
