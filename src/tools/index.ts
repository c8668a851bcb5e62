export type * from '../message/ToolEvent.ts';
export * from './defineTool.ts';
export type { ApprovableCall, Approval } from './runCall.ts';
export * from './runTools.ts';
export type { AnyTool, DefinedTool, SdkTool, ToolContext, ToolUse } from './Tool.ts';
export { toolDefinitions } from './toolDefinitions.ts';
