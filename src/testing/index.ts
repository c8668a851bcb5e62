export { type AssertDeepEqual, compareMarbles } from './compareMarbles.ts';
export type * from './Fault.ts';
export { httpError, type HttpErrorOptions } from './httpError.ts';
export {
  type MessageEvents,
  messageEvents,
  type MessageFields,
  type RawFields,
  type TextOptions,
  type ThinkingOptions,
  type ToolUseOptions,
} from './messageEvents.ts';
export { MessagesServer, type MessagesServerOptions, type ReplyHandler } from './MessagesServer.ts';
export type { Outcome, ReceivedRequest } from './ReceivedRequest.ts';
export { record, type RecordConfig } from './record.ts';
export type { Reply, ReplyScript } from './Reply.ts';
export type { ServerLimit, ServerLimits } from './RateLimiter.ts';
export { letters, type Marbles, toMarbles, type ToMarblesConfig } from './toMarbles.ts';
