import { fields, type Fields } from '../message/record.ts';
import { USAGE } from './attributes.ts';
import type { Attributes } from './OpenTelemetry.ts';

/** The tokens of a reply, counted as the conventions define. */
export interface TokenCounts {
  /** Includes tokens read from the cache and written to it; Claude's `input_tokens` does not. */
  readonly input: number | undefined;
  readonly cacheRead: number | undefined;
  readonly cacheWrite: number | undefined;
  readonly output: number | undefined;
  readonly reasoning: number | undefined;
}

/**
 * The tokens of a `usage`. `isFinal`: whether the output was counted by a `message_delta`. Before
 * that, `message_start` has only a placeholder for the output.
 */
export function tokensOf(usage: Fields, isFinal: boolean): TokenCounts {
  const uncached = count(usage['input_tokens']);
  const cacheRead = count(usage['cache_read_input_tokens']);
  const cacheWrite = count(usage['cache_creation_input_tokens']);
  const details = fields(usage['output_tokens_details']);
  return {
    input: uncached === undefined ? undefined : uncached + (cacheRead ?? 0) + (cacheWrite ?? 0),
    cacheRead,
    cacheWrite,
    output: isFinal ? count(usage['output_tokens']) : undefined,
    reasoning: isFinal ? count(details['thinking_tokens']) : undefined,
  };
}

/** The attributes for the tokens; their names begin with `prefix`. */
export function usageAttributes(tokens: TokenCounts, prefix: 'gen_ai' | 'claude_rx'): Attributes {
  const attributes: Attributes = {};
  for (const [name, key] of Object.entries(USAGE)) {
    const value = tokens[name as keyof TokenCounts];
    if (value !== undefined) attributes[`${prefix}.${key}`] = value;
  }
  return attributes;
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
