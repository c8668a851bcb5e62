export * from '../../operators/agentState.ts';
export * from '../../operators/streamEvents.ts';
export type * from './AgentMessage.ts';
export type { AgentOptions } from './AgentOptions.ts';
export { fromAgent } from './fromAgent.ts';
export type * from './fromAgent.ts';
