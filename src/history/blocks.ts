import { asString } from '../message/record.ts';
import { fingerprint } from './fingerprint.ts';

/** A block of a request. Unknown types and fields are passed on, since the protocol grows. */
export interface AnyBlock {
  type: string;
  [field: string]: unknown;
}

/** A turn of a request. */
export interface Turn {
  role: 'user' | 'assistant' | 'system';
  content: AnyBlock[];
}

/** The text of a block; some gateways leave out an empty text. */
export function textOf({ type, text }: { type: string; text?: unknown }): string {
  return type === 'text' ? asString(text) : '';
}

/** Returns a function that adds a block to the fingerprint of a prefix. */
export function withBlock(role: Turn['role']): (prefix: string, block: AnyBlock) => string {
  return (prefix, block) => fingerprint(`${prefix} ${role}`, block);
}

export function isResult(block: { type: string }): boolean {
  return block.type === 'tool_result';
}
