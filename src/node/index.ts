export * from './ClaudeCodeExit.ts';
export * from './fromClaudeCode.ts';
export type { ClaudeCodeProcessOptions } from './ClaudeCodeProcessOptions.ts';
