import type { SaidBefore } from './SaidBefore.ts';

/** The parameters that are checked: of GA and beta requests, with any value from the network. */
export interface RequestBody {
  model: string;
  max_tokens?: number;
  messages: readonly { role: string; content: unknown }[];
  thinking?: { type: string; budget_tokens?: number } | null | undefined;
  tool_choice?: { type: string } | null | undefined;
  output_config?: { format?: unknown } | null | undefined;
}

export interface RequestContext {
  /** Whether the request is for `/v1/messages/count_tokens`, without a reply. */
  countOnly?: boolean;
  /** The content of earlier replies, to find changes of it. */
  said?: SaidBefore | undefined;
}
