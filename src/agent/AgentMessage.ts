import type {
  BetaMessage,
  BetaMessageParam,
  BetaRawMessageStreamEvent,
  BetaUsage,
} from '@anthropic-ai/sdk/resources/beta/messages/messages';

// The messages of Claude Code, by shape: sdk.d.ts of @anthropic-ai/claude-agent-sdk 0.3.329. The Agent
// SDK itself is not imported, so that who spawns the CLI needs none of it.

/**
 * What operators take: any message of the Claude Code CLI or the Agent SDK, also of a type that this
 * version does not know.
 */
export interface AnyAgentMessage {
  type: string;
  session_id?: string | undefined;
  /** That of an event of a reply, which is no message of an agent: there, nothing is to be made of it. */
  index?: never;
}

interface Sent {
  uuid: string;
  session_id: string;
  /** The call that started the subagent which speaks; `null` or absent on the main thread. */
  parent_tool_use_id?: string | null;
}

/**
 * A whole message of Claude, or one block of it: one comes for each block that has ended, all with the
 * `message.id` of their reply, `stop_reason: null` and a usage that is not final.
 */
export interface AgentAssistantMessage extends Sent {
  type: 'assistant';
  message: BetaMessage;
  parent_tool_use_id: string | null;
  /** The kind of the API's error whose text this is. */
  error?: string;
  /** The `uuid`s of earlier messages that this one replaces. */
  supersedes?: string[];
  /** It was interrupted, and may end within a word. */
  aborted?: true;
  agent_id?: string;
  request_id?: string;
}

/** An event of the API's stream, where partial messages were asked for. */
export interface AgentPartialMessage extends Sent {
  type: 'stream_event';
  event: BetaRawMessageStreamEvent;
  parent_tool_use_id: string | null;
  ttft_ms?: number;
}

/** What was sent to Claude: results of tools, and with `--replay-user-messages` prompts. */
export interface AgentUserMessage {
  type: 'user';
  message: BetaMessageParam;
  parent_tool_use_id: string | null;
  /** What a tool gave, as an object of its own shape. */
  tool_use_result?: unknown;
  isReplay?: true;
  uuid?: string;
  session_id?: string;
}

/** What one model has used so far, over all turns. */
export interface AgentModelUsage {
  inputTokens: number;
  outputTokens: number;
  cacheReadInputTokens: number;
  cacheCreationInputTokens: number;
  webSearchRequests: number;
  costUSD: number;
  contextWindow: number;
  maxOutputTokens: number;
}

export interface AgentPermissionDenial {
  tool_name: string;
  tool_use_id: string;
  tool_input: Record<string, unknown>;
}

interface TurnEnd extends Sent {
  type: 'result';
  is_error: boolean;
  num_turns: number;
  duration_ms: number;
  duration_api_ms: number;
  stop_reason: string | null;
  /** Of all turns so far. */
  total_cost_usd: number;
  /** Of this turn, without subagents. */
  usage: BetaUsage;
  /** Of all turns so far, subagents and internal calls too. */
  modelUsage: Record<string, AgentModelUsage>;
  permission_denials: AgentPermissionDenial[];
  terminal_reason?: string;
}

/** The end of a turn. With `is_error` its `result` is the text of an error of the API. */
export interface AgentResultSuccess extends TurnEnd {
  subtype: 'success';
  result: string;
  structured_output?: unknown;
  /** The HTTP status of that error. */
  api_error_status?: number | null;
}

/** The end of a turn that was stopped early. */
export interface AgentResultError extends TurnEnd {
  subtype:
    | 'error_during_execution'
    | 'error_max_turns'
    | 'error_max_budget_usd'
    | 'error_max_structured_output_retries';
  errors: string[];
  /** Why the session could not start at all. */
  startup_failure_reason?: string;
}

export type AgentResultMessage = AgentResultSuccess | AgentResultError;

/** How the session is set up: the first message, and again at the start of each turn. */
export interface AgentInitMessage extends Sent {
  type: 'system';
  subtype: 'init';
  model: string;
  cwd: string;
  tools: string[];
  mcp_servers: { name: string; status: string }[];
  permissionMode: string;
  slash_commands: string[];
  apiKeySource: string;
  claude_code_version: string;
  output_style: string;
  agents?: string[];
  skills: string[];
  plugins: { name: string; path: string }[];
}

export interface AgentStatusMessage extends Sent {
  type: 'system';
  subtype: 'status';
  status: 'requesting' | 'compacting' | null;
  permissionMode?: string;
}

export interface AgentSessionStateMessage extends Sent {
  type: 'system';
  subtype: 'session_state_changed';
  state: 'idle' | 'running' | 'requires_action';
}

/** A request failed, and is sent again after a wait. */
export interface AgentRetryMessage extends Sent {
  type: 'system';
  subtype: 'api_retry';
  attempt: number;
  max_retries: number;
  retry_delay_ms: number;
  error_status: number | null;
  error: string;
}

/** A model declined, and another carried on; comes at the end of the turn. */
export interface AgentFallbackMessage extends Sent {
  type: 'system';
  subtype: 'model_refusal_fallback';
  original_model: string;
  fallback_model: string;
  /** `local` where it was only a subagent that fell back. */
  scope?: 'session' | 'local';
  /** The `uuid`s of the messages that the refusal took back. */
  retracted_message_uuids?: string[];
}

export interface AgentPermissionDeniedMessage extends Sent {
  type: 'system';
  subtype: 'permission_denied';
  tool_name: string;
  tool_use_id: string;
  message: string;
  agent_id?: string;
}

/** The other system messages, of which nothing is read here. */
export interface AgentOtherSystemMessage {
  type: 'system';
  subtype:
    | 'background_tasks_changed'
    | 'commands_changed'
    | 'compact_boundary'
    | 'control_request_progress'
    | 'elicitation_complete'
    | 'files_persisted'
    | 'hook_progress'
    | 'hook_response'
    | 'hook_started'
    | 'informational'
    | 'local_command_output'
    | 'memory_recall'
    | 'mirror_error'
    | 'model_refusal_no_fallback'
    | 'notification'
    | 'plugin_install'
    | 'session_writes_lost'
    | 'task_notification'
    | 'task_progress'
    | 'task_started'
    | 'task_updated'
    | 'thinking_tokens'
    | 'worker_shutting_down';
  parent_tool_use_id?: string | null;
  [field: string]: unknown;
}

export type AgentSystemMessage =
  | AgentInitMessage
  | AgentStatusMessage
  | AgentSessionStateMessage
  | AgentRetryMessage
  | AgentFallbackMessage
  | AgentPermissionDeniedMessage
  | AgentOtherSystemMessage;

export interface AgentRateLimit {
  status: 'allowed' | 'allowed_warning' | 'rejected';
  /** Such as `five_hour` or `seven_day`. */
  rateLimitType?: string;
  /** From 0 to 1. */
  utilization?: number;
  /** Seconds since 1970. */
  resetsAt?: number;
}

/** Where a subscriber of claude.ai stands. */
export interface AgentRateLimitMessage extends Sent {
  type: 'rate_limit_event';
  rate_limit_info: AgentRateLimit;
}

/** The other messages, of which nothing is read here. */
export interface AgentOtherMessage {
  type:
    | 'auth_status'
    | 'conversation_reset'
    | 'prompt_suggestion'
    | 'tool_progress'
    | 'tool_use_summary';
  parent_tool_use_id?: string | null;
  [field: string]: unknown;
}

/**
 * A message of Claude Code, told apart by `type`, and `subtype` for those of the system. At run time
 * there are others too: those of a newer Claude Code come as they are.
 */
export type AgentMessage =
  | AgentAssistantMessage
  | AgentPartialMessage
  | AgentUserMessage
  | AgentResultMessage
  | AgentSystemMessage
  | AgentRateLimitMessage
  | AgentOtherMessage;
