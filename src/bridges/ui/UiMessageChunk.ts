/**
 * The fields of a block that Claude needs when the block is sent back, and that the AI SDK does not have.
 * They are sent with the part, as `providerMetadata.anthropic`.
 */
export type UiProviderMetadata = {
  // `any`, so that it is compatible with the AI SDK's own type: JSON.
  // oxlint-disable-next-line typescript/no-explicit-any
  anthropic: Record<string, any>;
};

/** Why a run ended: the AI SDK's `FinishReason`. */
export type UiFinishReason = 'stop' | 'length' | 'content-filter' | 'tool-calls' | 'other';

// Types and not interfaces, so that the sinks accept a chunk.
export type UiPart = { providerMetadata?: UiProviderMetadata };
export type UiToolPart = UiPart & {
  toolCallId: string;
  providerExecuted?: boolean;
  dynamic?: boolean;
};

/**
 * A chunk of the UI message stream of the AI SDK, version 1: each of these is a `UIMessageChunk` of `ai`.
 */
export type UiMessageChunk =
  | { type: 'start'; messageId?: string }
  | { type: 'start-step' }
  | { type: 'finish-step' }
  | { type: 'reset-step' }
  | { type: 'finish'; finishReason: UiFinishReason; messageMetadata?: unknown }
  | { type: 'error'; errorText: string }
  | { type: 'abort'; reason: string }
  | ({ type: 'text-start' | 'text-end' | 'reasoning-start' | 'reasoning-end'; id: string } & UiPart)
  | { type: 'text-delta' | 'reasoning-delta'; id: string; delta: string }
  | ({ type: 'tool-input-start'; toolName: string } & UiToolPart)
  | { type: 'tool-input-delta'; toolCallId: string; inputTextDelta: string }
  | ({ type: 'tool-input-available'; toolName: string; input: unknown } & UiToolPart)
  | ({ type: 'tool-input-error'; toolName: string; input: unknown; errorText: string } & UiToolPart)
  | ({ type: 'tool-output-available'; output: unknown; preliminary?: boolean } & UiToolPart)
  | ({ type: 'tool-output-error'; errorText: string } & UiToolPart)
  | { type: 'tool-output-denied'; toolCallId: string }
  | { type: 'tool-approval-request'; approvalId: string; toolCallId: string }
  | ({
      type: 'tool-approval-response';
      approvalId: string;
      approved: boolean;
      reason?: string;
    } & UiPart)
  | { type: 'source-url'; sourceId: string; url: string; title?: string }
  | { type: 'source-document'; sourceId: string; mediaType: string; title: string }
  | { type: 'data-claude-block'; data: unknown }
  | { type: 'data-claude-turn'; data: UiTurn };

/** Facts about a turn, besides its blocks, that are needed to send it back. Sent only when needed. */
export type UiTurn = {
  /** The stop reason `pause_turn` or `compaction`: the turn continues in the next one. */
  stopReason?: string;
  /** The number of blocks before the reply broke and was continued. */
  seam?: number;
};
