import type { JsonValue } from '../json/JsonValue.ts';
import { type ToolContent, toolContent } from '../tools/toolContent.ts';

/**
 * The result of a call for a page, from the content that the model received: JSON of an object or a
 * list as a value, and blocks and text unchanged.
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

/** Whether `toolContent` turns the value for the page back into the content that the model received. */
export function isShownExactly(content: ToolContent): boolean {
  return typeof content === 'string' || isSameJson(toolContent(shownContent(content)), content);
}

/** The text of an error's content: the text of its blocks, or its JSON. */
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
