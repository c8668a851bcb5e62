import { fingerprint } from './fingerprint.ts';

/** A block of a request; the protocol grows, and what is unknown is passed on. */
export interface AnyBlock {
  type: string;
  [field: string]: unknown;
}

/** A turn of a request. */
export interface Turn {
  role: 'user' | 'assistant' | 'system';
  content: AnyBlock[];
}

/** The text of a block; a gateway may leave out an empty one. */
export function textOf({ type, text }: { type: string; text?: unknown }): string {
  return type === 'text' ? String(text ?? '') : '';
}

/** The fingerprint of a prefix with one more block. */
export function withBlock(role: Turn['role']): (prefix: string, block: AnyBlock) => string {
  return (prefix, block) => fingerprint(`${prefix} ${role}`, block);
}

export function isResult(block: { type: string }): boolean {
  return block.type === 'tool_result';
}
