import { isRecord } from '../message/record.ts';
import { isCall, isServerCall, isThought, isUserOnly } from './blockKinds.ts';
import { isBlankText } from './blankText.ts';
import type { AnyBlock } from './blocks.ts';
import { wellFormed } from './wellFormed.ts';

/**
 * The same function, which makes nothing twice: blocks do not change. A text is read faster than it is
 * found in a `WeakMap`.
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
 * A block of a reply in a form that the API takes, judged by itself; the same object where it is
 * sent as it came, and `undefined` where it cannot be sent.
 *
 * - Half a surrogate is replaced. Thinking may not be changed: with half a surrogate, or without
 *   its signature, it cannot be sent.
 * - The input of a call that is no object, or too deep, is `{}`. A call without a name cannot be sent.
 * - What only a user's turn may hold cannot be sent, and neither can what is nested too deep.
 */
export const sendableBlock: (block: AnyBlock) => AnyBlock | undefined = once(made);

/** A result of a tool in a form that the API takes: no text in it is blank. */
export const sendableResult: (result: AnyBlock) => AnyBlock = once(madeResult);

/** What a user says in a form that the API takes; `undefined` where nothing is left. */
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
    const { content: _, ...rest } = result;
    return { ...rest, content: 'The result is nested too deep to be sent.', is_error: true };
  }
  const { content } = sent;
  if (!Array.isArray(content) || !content.some(isBlankText)) return sent;
  return { ...sent, content: content.filter((block) => !isBlankText(block)) };
}
