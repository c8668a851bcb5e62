import type { MessageStreamError } from '../message/MessageStreamError.ts';
import type { Fields } from '../message/record.ts';
import { hasFields } from '../message/same.ts';
import { noticeIn, type AgentNotice } from './agentNotice.ts';
import { type AgentTask, nextTasks } from './agentTasks.ts';
import type {
  AgentInitMessage,
  AgentMessage,
  AgentModelUsage,
  AgentPermissionDenial,
  AgentRateLimit,
  AgentResultMessage,
  AnyAgentMessage,
} from './AgentMessage.ts';

/** The state of a Claude Code session. */
export interface AgentState {
  status: AgentStatus;
  /** `undefined` until the first message. */
  sessionId: string | undefined;
  /** The model of the main thread; after a refusal, the fallback model. */
  model: string | undefined;
  cwd: string | undefined;
  /** The version of Claude Code. */
  version: string | undefined;
  permissionMode: string | undefined;
  tools: readonly string[];
  mcpServers: AgentInitMessage['mcp_servers'];
  /** How many turns have ended. */
  turns: number;
  /** In US dollars, over all turns; an estimate of Claude Code. */
  costUsd: number;
  /** What each model has used, over all turns, subagents included. */
  modelUsage: Readonly<Record<string, AgentModelUsage>>;
  /** What the main thread has used in the last turn. */
  usage: AgentResultMessage['usage'] | undefined;
  /** The last report on each rate limit, by its type, such as `five_hour`. */
  rateLimits: Readonly<Record<string, AgentRateLimit>>;
  /** The denied tool calls, each once. `tool_input` is known at the end of the turn. */
  permissionDenials: readonly AgentDenial[];
  /**
   * The last 50 messages of Claude Code itself: errors of the API, refusals, retries. The message of an
   * error may quote the request.
   */
  notices: readonly AgentNotice[];
  /** Subagents and background commands: all that are running, and the last 50 that have ended. */
  tasks: readonly AgentTask[];
  /** The thinking tokens of the streaming reply; an estimate of Claude Code. */
  thinkingTokens: number;
  /** How many replies were stopped by safeguards. */
  safetyStops: number;
  /** The current retry; `undefined` if there is none. */
  retry: AgentRetry | undefined;
  /** The `result` of the last turn. */
  result: AgentResultMessage | undefined;
  /** The error that ended the session. */
  error?: MessageStreamError | undefined;
}

/**
 * | status | |
 * |---|---|
 * | `starting` | nothing has arrived yet |
 * | `running` | a reply is streaming, or a tool is running |
 * | `requesting` | a request has been sent, and nothing of its reply has arrived |
 * | `compacting` | the conversation is being summarized |
 * | `retrying` | a request failed, and is retried after a delay: see `retry` |
 * | `requires_action` | the session waits for a permission or an answer |
 * | `idle` | the turn has ended |
 * | `ended` | the session has ended |
 * | `aborted`, `error` | it was stopped, or failed: see `error` |
 */
export type AgentStatus =
  | 'starting'
  | 'running'
  | 'requesting'
  | 'compacting'
  | 'retrying'
  | 'requires_action'
  | 'idle'
  | 'ended'
  | 'aborted'
  | 'error';

export type AgentDenial = Pick<AgentPermissionDenial, 'tool_name' | 'tool_use_id'> &
  Partial<AgentPermissionDenial>;

export interface AgentRetry {
  attempt: number;
  maxRetries: number;
  /** In milliseconds. */
  delay: number;
  /** The kind of the error, such as `overloaded`. */
  error: string;
}

export const initialAgentState: AgentState = {
  status: 'starting',
  sessionId: undefined,
  model: undefined,
  cwd: undefined,
  version: undefined,
  permissionMode: undefined,
  tools: [],
  mcpServers: [],
  turns: 0,
  costUsd: 0,
  modelUsage: {},
  usage: undefined,
  rateLimits: {},
  permissionDenials: [],
  notices: [],
  tasks: [],
  thinkingTokens: 0,
  safetyStops: 0,
  retry: undefined,
  result: undefined,
};

/** How many notices are kept. */
const NOTICES_KEPT = 50;

/** The state after a message; the same object if nothing has changed. */
export function nextAgentState(state: AgentState, message: AnyAgentMessage): AgentState {
  const { session_id } = message;
  const changes = changesOf(state, message as AgentMessage);
  changes.tasks = nextTasks(state.tasks, message as AgentMessage);
  const notice = noticeIn(message as unknown as Fields);
  if (notice) changes.notices = [...state.notices, notice].slice(-NOTICES_KEPT);
  if (state.sessionId === undefined && session_id !== undefined) changes.sessionId = session_id;
  if (changes.status !== undefined && changes.status !== 'retrying') changes.retry = undefined;
  return hasFields(state, changes) ? state : { ...state, ...changes };
}

function changesOf(state: AgentState, message: AgentMessage): Partial<AgentState> {
  switch (message.type) {
    case 'assistant':
    case 'stream_event':
      // A subagent may write in the background, while the session waits for the next prompt.
      return message.parent_tool_use_id == null ? { status: 'running' } : {};
    case 'result':
      return {
        status: 'idle',
        turns: state.turns + 1,
        result: message,
        costUsd: message.total_cost_usd ?? state.costUsd,
        modelUsage: message.modelUsage ?? state.modelUsage,
        usage: message.usage ?? state.usage,
        permissionDenials: denials(state, message.permission_denials ?? []),
        safetyStops: message.safety_stops ?? state.safetyStops,
        thinkingTokens: 0,
      };
    case 'rate_limit_event': {
      const { rate_limit_info: info } = message;
      const limits = { ...state.rateLimits, [info?.rateLimitType ?? 'unknown']: info };
      return info ? { rateLimits: limits } : {};
    }
    case 'system':
      return changesOfSystem(state, message);
    default:
      return {};
  }
}

function changesOfSystem(
  state: AgentState,
  message: Extract<AgentMessage, { type: 'system' }>,
): Partial<AgentState> {
  switch (message.subtype) {
    case 'init':
      return {
        status: 'running',
        sessionId: message.session_id,
        model: message.model,
        cwd: message.cwd,
        version: message.claude_code_version,
        permissionMode: message.permissionMode,
        tools: message.tools ?? [],
        mcpServers: message.mcp_servers ?? [],
      };
    case 'status':
      return {
        status: message.status ?? 'running',
        thinkingTokens: 0,
        permissionMode: message.permissionMode ?? state.permissionMode,
      };
    case 'session_state_changed':
      return { status: message.state };
    case 'api_retry': {
      const { attempt, max_retries: maxRetries, retry_delay_ms: delay, error } = message;
      return { status: 'retrying', retry: { attempt, maxRetries, delay, error } };
    }
    case 'model_refusal_fallback':
      return message.scope === 'local' ? {} : { model: message.fallback_model };
    case 'permission_denied': {
      const { tool_name, tool_use_id } = message;
      return { permissionDenials: denials(state, [{ tool_name, tool_use_id }]) };
    }
    case 'thinking_tokens':
      return { thinkingTokens: message.estimated_tokens ?? state.thinkingTokens };
    default:
      return {};
  }
}

/** The known denials, updated with new ones. */
function denials({ permissionDenials }: AgentState, more: readonly AgentDenial[]) {
  const byCall = new Map(permissionDenials.map((denial) => [denial.tool_use_id, denial]));
  for (const denial of more)
    byCall.set(denial.tool_use_id, { ...byCall.get(denial.tool_use_id), ...denial });
  return more.length === 0 ? permissionDenials : [...byCall.values()];
}
