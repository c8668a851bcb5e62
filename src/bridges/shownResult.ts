import type { JsonValue } from '../json/JsonValue.ts';
import { type ToolContent, toolContent } from '../tools/toolContent.ts';

/**
 * What a page is shown of what the model was told as the result of a call: JSON of an object or a list
 * as that value, blocks as they are, and text as it is.
 */
export function shownContent(content: ToolContent): unknown {
  if (content === undefined) return '';
  if (typeof content !== 'string' || !/^[[{]/.test(content)) return content;
  try {
    const value = JSON.parse(content) as JsonValue;
    return toolContent(value) === content ? value : content;
  } catch {
    return content;
  }
}

/** Whether `toolContent` makes of what a page is shown what the model was told. */
export function isShownExactly(content: ToolContent): boolean {
  return typeof content === 'string' || isSameJson(toolContent(shownContent(content)), content);
}

/** The text of content, for an error: that of its blocks, or its JSON. */
export function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  const blocks: unknown[] = Array.isArray(content) ? content : [];
  const texts = blocks.flatMap((block) => {
    const { type, text } = (block ?? {}) as { type?: unknown; text?: unknown };
    return type === 'text' && typeof text === 'string' ? [text] : [];
  });
  return texts.length > 0 ? texts.join('\n') : (JSON.stringify(content) ?? '');
}

function isSameJson(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
