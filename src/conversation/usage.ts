import { type Counters, countOf } from '../message/tokenCost.ts';
import type { ConversationUsage } from './ConversationState.ts';

export const COUNTERS = [
  'input_tokens',
  'output_tokens',
  'cache_creation_input_tokens',
  'cache_read_input_tokens',
] as const;

export const NO_USAGE: ConversationUsage = {
  input_tokens: 0,
  output_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
};

/** Adds the usage of a reply. */
export function withUsage(
  before: ConversationUsage,
  usage: Counters | null | undefined,
): ConversationUsage {
  const sums = COUNTERS.map((name) => [name, before[name] + countOf(usage?.[name])]);
  return Object.fromEntries(sums) as unknown as ConversationUsage;
}
