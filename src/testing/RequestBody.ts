import type { SaidBefore } from './SaidBefore.ts';

/** The parameters that a problem is looked for in; GA and beta ones, and whatever came over the wire. */
export interface RequestBody {
  model: string;
  max_tokens?: number;
  messages: readonly { role: string; content: unknown }[];
  thinking?: { type: string; budget_tokens?: number } | null | undefined;
  tool_choice?: { type: string } | null | undefined;
  output_config?: { format?: unknown } | null | undefined;
}

export interface RequestContext {
  /** `/v1/messages/count_tokens`: no reply is asked for. */
  countOnly?: boolean;
  /** What has been said in replies, so that a change of it is seen. */
  said?: SaidBefore | undefined;
}
