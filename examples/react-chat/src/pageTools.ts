import type { UseChatHelpers } from '@ai-sdk/react';
import {
  isToolUIPart,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  lastAssistantMessageIsCompleteWithToolCalls,
  type UIMessage,
} from 'ai';

/** The tools that run in this page, by their names. The service has them without `run`. */
const TOOLS: Record<string, () => unknown> = {
  get_time_zone: () => Intl.DateTimeFormat().resolvedOptions().timeZone,
};

/** Runs a call of one of these tools, and adds its output. All other calls run at the service. */
export function runPageTool(
  { toolName, toolCallId }: { toolName: string; toolCallId: string },
  addToolOutput: UseChatHelpers<UIMessage>['addToolOutput'],
): void {
  const run = TOOLS[toolName];
  // Not awaited: the output is added when the reply has been read to its end.
  if (run) void addToolOutput({ tool: toolName, toolCallId, output: run() });
}

/** Whether the reply goes on: each call that waited for this page has its answer. */
export function isAnswered(state: { messages: UIMessage[] }): boolean {
  if (lastAssistantMessageIsCompleteWithApprovalResponses(state)) return true;
  // A turn of the service's tools alone goes on by itself, or has ended for a reason.
  return lastAssistantMessageIsCompleteWithToolCalls(state) && hasPageTool(state.messages.at(-1)!);
}

function hasPageTool({ parts }: UIMessage): boolean {
  const lastStep = parts.slice(parts.findLastIndex(({ type }) => type === 'step-start'));
  return lastStep.some(
    (part) => isToolUIPart(part) && 'toolName' in part && TOOLS[part.toolName] !== undefined,
  );
}
