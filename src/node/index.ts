export * from './ClaudeCodeExit.ts';
export * from './fromClaudeCode.ts';
