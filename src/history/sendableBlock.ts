import { isRecord } from '../message/record.ts';
import { isCall, isServerCall, isThought, isUserOnly } from './blockKinds.ts';
import { isBlankText } from './blankText.ts';
import type { AnyBlock } from './blocks.ts';
import { wellFormed } from './wellFormed.ts';

/**
 * Memoizes a function by block, since blocks do not change. Text is not memoized: reading it is faster than
 * a lookup in a `WeakMap`.
 */
function once<T>(make: (block: AnyBlock) => T): (block: AnyBlock) => T {
  const results = new WeakMap<object, { of: T }>();
  return (block) => {
    if (block.type === 'text') return make(block);
    let entry = results.get(block);
    if (entry === undefined) results.set(block, (entry = { of: make(block) }));
    return entry.of;
  };
}

/**
 * Converts a single block of a reply to a form that the API accepts: the same object if it needs no change,
 * `undefined` if it cannot be sent.
 *
 * - Half a surrogate pair is replaced. Thinking must not be changed: with half a surrogate pair, or without
 *   its signature, it cannot be sent.
 * - An input of a call that is not an object, or nested too deep, becomes `{}`. A call without a name cannot
 *   be sent.
 * - A block that only a user turn may contain cannot be sent, and neither can one that is nested too deep.
 */
export const sendableBlock: (block: AnyBlock) => AnyBlock | undefined = once(made);

/** Converts a tool result to a form that the API accepts: without blank text. */
export const sendableResult: (result: AnyBlock) => AnyBlock = once(madeResult);

/** Converts a block of a user message to a form that the API accepts; `undefined` if it is blank. */
export const sendableContent: (block: AnyBlock) => AnyBlock | undefined = once((block) =>
  isBlankText(block) ? undefined : wellFormed(block),
);

function made(block: AnyBlock): AnyBlock | undefined {
  if (isUserOnly(block)) return undefined;
  const sent = wellFormed(block);
  if (isThought(block)) return sent === block && isSigned(block) ? block : undefined;
  if (isCall(block) || isServerCall(block)) {
    if (typeof block['name'] !== 'string' || block['name'] === '') return undefined;
    const isWhole = sent !== undefined && isRecord(sent['input']);
    return isWhole ? sent : wellFormed({ ...block, input: {} });
  }
  if (block.type === 'text' && typeof block['text'] !== 'string') return { ...block, text: '' };
  return sent;
}

function isSigned({ type, thinking, signature, data }: AnyBlock): boolean {
  const [content, proof] = type === 'thinking' ? [thinking, signature] : ['', data];
  return typeof content === 'string' && typeof proof === 'string' && proof !== '';
}

function madeResult(result: AnyBlock): AnyBlock {
  const sent = wellFormed(result);
  if (sent === undefined) {
    const { type, tool_use_id } = result;
    const content = 'The result is nested too deep to be sent.';
    return { type, tool_use_id, content, is_error: true };
  }
  const { content } = sent;
  if (!Array.isArray(content) || content.every(isSaid)) return sent;
  return { ...sent, content: content.filter(isSaid) };
}

function isSaid(block: unknown): boolean {
  return isRecord(block) && !isBlankText(block as unknown as AnyBlock);
}
