import { fingerprint } from './fingerprint.ts';

/** A block of a request; the protocol grows, and what is unknown is passed on. */
export interface AnyBlock {
  type: string;
  [field: string]: unknown;
}

/** A turn of a request. */
export interface Turn {
  role: 'user' | 'assistant';
  content: AnyBlock[];
}

/** The prefix with one more block. */
export function withBlock(role: Turn['role']): (prefix: string, block: AnyBlock) => string {
  return (prefix, block) => fingerprint(prefix, [role, block]);
}

/** Whether the API refuses the block as an empty text. */
export function isBlankText(block: { type: string; text?: unknown }): boolean {
  return block.type === 'text' && String(block.text ?? '').trim() === '';
}

export function isResult(block: { type: string }): boolean {
  return block.type === 'tool_result';
}
