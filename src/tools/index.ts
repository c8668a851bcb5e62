export type * from '../message/ToolCallEvent.ts';
export type {
  InterruptedSubagent,
  MessageParamOf,
  PendingCall,
  PendingReason,
  PlainCall,
  SubagentEvent,
  SubagentUsage,
  ToolAnswersEvent,
  ToolEvent,
  TurnEndEvent,
  TurnOutcome,
} from '../message/StreamEvent.ts';
export type { Around, RunningCall } from './around.ts';
export type * from './LoopTracing.ts';
export type { ApprovableCall, Approval, Approve } from './requireApproval.ts';
export * from './defineTool.ts';
export type { ResumedSubagent, ToolAnswer } from './ToolAnswer.ts';
export type { RunToolsOptions } from './RunToolsOptions.ts';
export * from './runTools.ts';
export type {
  AnyTool,
  DefinedTool,
  SdkTool,
  SdkToolset,
  ToolContext,
  ToolSource,
  ToolUse,
} from './Tool.ts';
export type * from './McpClient.ts';
export * from './mcpTools.ts';
export {
  calls,
  spent,
  type SpentOptions,
  type StopContext,
  type StopWhen,
  turnCount,
} from './stopWhen.ts';
export type { Prices, TokenPrices } from '../message/tokenCost.ts';
export { toolDefinitions } from './toolDefinitions.ts';
