import type {
  BetaMessage,
  BetaMessageParam,
  BetaRawMessageStreamEvent,
  BetaUsage,
} from '@anthropic-ai/sdk/resources/beta/messages/messages';

// The messages of Claude Code: sdk.d.ts of @anthropic-ai/claude-agent-sdk 0.3.332, and additional fields
// that CLI 2.1.332 prints. The Agent SDK is not imported, because it is not needed to run the CLI. A
// message may have more fields than its type names; they are passed on unchanged.

/**
 * The input of the operators: any message of the Claude Code CLI or the Agent SDK, also of a type that
 * this version does not know.
 */
export interface AnyAgentMessage {
  type: string;
  session_id?: string | undefined;
  /** Excludes stream events, which have an `index` and are not messages of an agent. */
  index?: never;
}

interface Sent {
  uuid: string;
  session_id: string;
  /** The id of the tool call that started the subagent; `null` or absent on the main thread. */
  parent_tool_use_id?: string | null;
}

/**
 * A complete content block of a reply, or a whole reply. There is one message for each block that has
 * ended, with the `message.id` of the reply, `stop_reason: null` and a usage that is not final.
 */
export interface AgentAssistantMessage extends Sent {
  type: 'assistant';
  message: BetaMessage;
  parent_tool_use_id: string | null;
  /** If the message is the text of an API error: the kind of this error. */
  error?: string;
  /** The `uuid`s of earlier messages that this one replaces. */
  supersedes?: string[];
  /** The message was interrupted, and may end within a word. */
  aborted?: true;
  agent_id?: string;
  request_id?: string;
  /** The message is an error message of the CLI, with the model `<synthetic>`, not text of Claude. */
  is_api_error_message?: boolean;
  /** The CLI's name for the error, such as `connection_failed`. */
  api_error?: string;
  /** The HTTP status of the error. */
  api_error_status?: number | null;
  /** The `error.type` of the API, such as `invalid_request_error`. */
  api_error_type?: string;
  /** In an error about a refusal: the `message.id` of the refused reply. */
  refused_message_id?: string;
  /** The type of the subagent, such as `general-purpose`. */
  subagent_type?: string;
  task_description?: string;
  thinking_duration_ms?: number;
  thinking_display?: string;
  /** ISO 8601. */
  timestamp?: string;
}

/** A stream event of the API, with `includePartialMessages`. */
export interface AgentPartialMessage extends Sent {
  type: 'stream_event';
  event: BetaRawMessageStreamEvent;
  parent_tool_use_id: string | null;
  ttft_ms?: number;
  /** The `message.id` of the reply that the event belongs to. */
  api_message_id?: string;
  /** With a `message_stop`: the reply was cut off, and its blocks from this index on are withdrawn. */
  abandoned_blocks?: { api_message_id: string; from_block_index: number };
  thinking_display?: string;
}

/** A message that was sent to Claude: tool results and, with `--replay-user-messages`, prompts. */
export interface AgentUserMessage {
  type: 'user';
  message: BetaMessageParam;
  parent_tool_use_id: string | null;
  /** The result of the tool as an object, whose shape depends on the tool. */
  tool_use_result?: unknown;
  isReplay?: true;
  uuid?: string;
  session_id?: string;
  /** Written by Claude Code: it informs the model about the outcome of its reply, or adds context. */
  isSynthetic?: boolean;
  /** The request is sent to the same model again, after a refusal. */
  refusal_retry?: boolean;
  /** The `message.id` of the reply that was refused. */
  refused_message_id?: string;
  /** The permission decision about each call in the message. */
  tool_result_meta?: AgentToolResultMeta[];
  agent_id?: string;
  subagent_type?: string;
  task_description?: string;
  /** ISO 8601. */
  timestamp?: string;
}

export interface AgentToolResultMeta {
  /** The id of the call. */
  id: string;
  /** Why the tool did not run, such as `permission-rule`. */
  non_execution_kind?: string;
  permission_decision?: { decision: string; source?: string; reason_type?: string };
}

/** The usage of one model so far, over all turns. */
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
  /** How the turn ended, such as `completed`, `api_error` or `aborted_streaming`. */
  terminal_reason?: string;
  /** The CLI's name for the error of the API, such as `connection_failed`. */
  api_error?: string;
  /** The HTTP status of this error; `null` if it had none, or arrived in the stream. */
  api_error_status?: number | null;
  /** The `error.type` of the API, such as `invalid_request_error`. */
  api_error_type?: string;
  /** What started the turn if not a prompt: `task-notification` of a background task. */
  origin?: { kind: string; [field: string]: unknown };
  /** The `message.id`s of the replies of the turn; only with partial messages. */
  begun_message_ids?: string[];
  queued_turn_count?: number;
  /** The number of the result in its session, from 0. */
  result_index?: number;
  /** As `modelUsage`, since the last result. */
  model_usage_since_last_result?: Record<string, AgentModelUsage>;
  subagent_stats?: AgentSubagentStats;
  /** How many replies were stopped by safeguards. */
  safety_stops?: number;
  /** Milliseconds to the first token. */
  ttft_ms?: number;
  ttft_stream_ms?: number;
  time_to_request_ms?: number;
  first_content_frame_ms?: number;
}

export interface AgentSubagentStats {
  spawned: number;
  requested: { background: number; foreground: number; unset: number };
  started_in_background: number;
  max_depth: number;
  spawned_by_subagents: number;
  completed: number;
  failed: number;
  killed: { parent: number; user: number; system: number };
  refused: { depth_limit: number; concurrency_limit: number; budget: number };
  /** How many of each kind, such as `general-purpose`. */
  by_type: Record<string, number>;
}

/** The end of a turn. With `is_error`, its `result` is the text of an API error. */
export interface AgentResultSuccess extends TurnEnd {
  subtype: 'success';
  result: string;
  structured_output?: unknown;
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

/** The settings of the session: the first message, repeated at the start of each turn. */
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

/** A request failed, and is retried after a delay. */
export interface AgentRetryMessage extends Sent {
  type: 'system';
  subtype: 'api_retry';
  attempt: number;
  max_retries: number;
  retry_delay_ms: number;
  error_status: number | null;
  error: string;
}

/** A model refused, and a fallback model answers. Arrives before the `message_delta` of the refused reply. */
export interface AgentFallbackMessage extends Sent {
  type: 'system';
  subtype: 'model_refusal_fallback';
  /** A message for the user. */
  content?: string;
  trigger?: string;
  direction?: string;
  request_id?: string | null;
  api_refusal_category?: string | null;
  api_refusal_explanation?: string | null;
  refused_user_message_uuid?: string | null;
  original_model: string;
  fallback_model: string;
  /** `local` if only a subagent uses the fallback model. */
  scope?: 'session' | 'local';
  /** The `uuid`s of the messages that are withdrawn because of the refusal. */
  retracted_message_uuids?: string[];
}

export interface AgentPermissionDeniedMessage extends Sent {
  type: 'system';
  subtype: 'permission_denied';
  tool_name: string;
  tool_use_id: string;
  message: string;
  agent_id?: string;
  decision_reason_type?: string;
  decision_reason?: string;
}

/** A message of Claude Code to the user. */
export interface AgentInformationalMessage extends Sent {
  type: 'system';
  subtype: 'informational';
  content: string;
  level?: string;
}

/** A model refused, and there is no fallback model. */
export interface AgentRefusalMessage extends Sent {
  type: 'system';
  subtype: 'model_refusal_no_fallback';
  original_model?: string;
  content?: string;
  request_id?: string | null;
  api_refusal_category?: string | null;
  api_refusal_explanation?: string | null;
  refused_user_message_uuid?: string | null;
}

interface Task extends Sent {
  type: 'system';
  task_id: string;
  run_id?: string;
  /** The id of the tool call that started it. */
  tool_use_id?: string;
}

/** The usage of a task so far. */
export interface AgentTaskUsage {
  total_tokens: number;
  tool_uses: number;
  duration_ms: number;
}

/** A subagent or a background command has started. */
export interface AgentTaskStartedMessage extends Task {
  subtype: 'task_started';
  description: string;
  /** Such as `local_agent` or `local_bash`. */
  task_type?: string;
  subagent_type?: string;
  is_backgrounded?: boolean;
  spawn_depth?: number;
  prompt?: string;
}

export interface AgentTaskProgressMessage extends Task {
  subtype: 'task_progress';
  description: string;
  subagent_type?: string;
  usage?: AgentTaskUsage;
  last_tool_name?: string;
}

export interface AgentTaskUpdatedMessage extends Task {
  subtype: 'task_updated';
  patch: {
    /** `pending`, `running`, `paused`, `completed`, `failed` or `killed`. */
    status?: string;
    description?: string;
    is_backgrounded?: boolean;
    /** Milliseconds since 1970. */
    end_time?: number;
    error?: string;
  };
}

/** A task has ended. */
export interface AgentTaskNotificationMessage extends Task {
  subtype: 'task_notification';
  /** `completed`, `failed` or `stopped`. */
  status: string;
  summary?: string;
  summary_is_report?: boolean;
  output_file?: string;
  usage?: AgentTaskUsage;
}

export interface AgentBackgroundTask {
  task_id: string;
  task_type: string;
  description: string;
  subagent_type?: string;
  run_id?: string;
}

/** All tasks that run in the background now. */
export interface AgentBackgroundTasksMessage extends Sent {
  type: 'system';
  subtype: 'background_tasks_changed';
  tasks: AgentBackgroundTask[];
}

/** An estimate of the thinking tokens of the reply. */
export interface AgentThinkingTokensMessage extends Sent {
  type: 'system';
  subtype: 'thinking_tokens';
  estimated_tokens: number;
  estimated_tokens_delta: number;
}

/** The other system messages, which this package does not use. */
export interface AgentOtherSystemMessage {
  type: 'system';
  subtype:
    | 'commands_changed'
    | 'compact_boundary'
    | 'control_request_progress'
    | 'elicitation_complete'
    | 'files_persisted'
    | 'hook_progress'
    | 'hook_response'
    | 'hook_started'
    | 'local_command_output'
    | 'memory_recall'
    | 'mirror_error'
    | 'notification'
    | 'plugin_install'
    | 'session_writes_lost'
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
  | AgentInformationalMessage
  | AgentRefusalMessage
  | AgentTaskStartedMessage
  | AgentTaskProgressMessage
  | AgentTaskUpdatedMessage
  | AgentTaskNotificationMessage
  | AgentBackgroundTasksMessage
  | AgentThinkingTokensMessage
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

/** The rate limits of a claude.ai subscription. */
export interface AgentRateLimitMessage extends Sent {
  type: 'rate_limit_event';
  rate_limit_info: AgentRateLimit;
}

/** The other messages, which this package does not use. */
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
 * A message of Claude Code, discriminated by `type`, and by `subtype` for system messages. At run time,
 * a newer Claude Code may send others; they are passed on unchanged.
 */
export type AgentMessage =
  | AgentAssistantMessage
  | AgentPartialMessage
  | AgentUserMessage
  | AgentResultMessage
  | AgentSystemMessage
  | AgentRateLimitMessage
  | AgentOtherMessage;
