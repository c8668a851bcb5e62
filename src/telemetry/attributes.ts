// The attribute names of OpenTelemetry's conventions for generative AI. They still change
// ("Development"), so all of them are in this file. https://opentelemetry.io/docs/specs/semconv/gen-ai/, November 2026.

export const OPERATION = 'gen_ai.operation.name';
export const PROVIDER = 'gen_ai.provider.name';
export const REQUEST_MODEL = 'gen_ai.request.model';
export const REQUEST_STREAM = 'gen_ai.request.stream';
export const RESPONSE_ID = 'gen_ai.response.id';
export const RESPONSE_MODEL = 'gen_ai.response.model';
export const FINISH_REASONS = 'gen_ai.response.finish_reasons';
export const TIME_TO_FIRST_CHUNK = 'gen_ai.response.time_to_first_chunk';
export const CONVERSATION_ID = 'gen_ai.conversation.id';
export const AGENT_NAME = 'gen_ai.agent.name';
export const TOOL_NAME = 'gen_ai.tool.name';
export const TOOL_TYPE = 'gen_ai.tool.type';
export const TOOL_CALL_ID = 'gen_ai.tool.call.id';
export const TOOL_CALL_ARGUMENTS = 'gen_ai.tool.call.arguments';
export const TOOL_CALL_RESULT = 'gen_ai.tool.call.result';
export const INPUT_MESSAGES = 'gen_ai.input.messages';
export const OUTPUT_MESSAGES = 'gen_ai.output.messages';
export const SYSTEM_INSTRUCTIONS = 'gen_ai.system_instructions';
export const ERROR_TYPE = 'error.type';

/** Names of usage: behind `gen_ai.`, or behind `claude_rx.` if another span has the usage already. */
export const USAGE = {
  input: 'usage.input_tokens',
  cacheRead: 'usage.cache_read.input_tokens',
  cacheWrite: 'usage.cache_write.input_tokens',
  output: 'usage.output_tokens',
  reasoning: 'usage.reasoning.output_tokens',
} as const;

// The names that the SDK's own spans use.
export const STOP_REASON = 'anthropic.message.stop_reason';
export const REQUEST_ID = 'anthropic.request.id';

// Our own names, where the conventions have none.
export const OUTCOME = 'claude_rx.outcome';
export const PINGS = 'claude_rx.pings';
export const ATTEMPTS = 'claude_rx.attempts';
export const STALLS = 'claude_rx.stalls';
export const TURNS = 'claude_rx.turns';
export const COST = 'claude_rx.cost_usd';
export const LOOP_OUTCOME = 'claude_rx.loop.outcome';
export const CONTENT_TRUNCATED = 'claude_rx.content.truncated';
/** Attributes of span events. */
export const ATTEMPT = 'claude_rx.attempt';
export const KEPT_BLOCKS = 'claude_rx.kept_blocks';
export const SECONDS = 'claude_rx.seconds';
export const TOOL_STATUS = 'claude_rx.tool.status';

export const DURATION_METRIC = 'gen_ai.client.inference.duration';
export const FIRST_CHUNK_METRIC = 'gen_ai.client.inference.time_to_first_chunk';
export const INPUT_TOKENS_METRIC = 'gen_ai.client.inference.usage.input_tokens';
export const OUTPUT_TOKENS_METRIC = 'gen_ai.client.inference.usage.output_tokens';
