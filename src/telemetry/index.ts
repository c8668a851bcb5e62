export type * from './OpenTelemetry.ts';
export type { RequestContent } from './contentAttributes.ts';
export * from './recordRetry.ts';
export * from './traceAgent.ts';
export * from './traceHeaders.ts';
export * from './traceTools.ts';
export { traceMessage, type TraceMessageConfig } from './traceMessage.ts';
