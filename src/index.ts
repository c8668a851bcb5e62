export * from '../operators/index.ts';
export * from './flow/Valve.ts';
export type { AnsweredStopReason } from './history/stopReasons.ts';
export type { DeepPartial } from './json/DeepPartial.ts';
export * from './json/IncrementalJsonParser.ts';
export * from './json/JsonSyntaxError.ts';
export type * from './json/JsonValue.ts';
export type {
  InputOf,
  OutputOf,
  StandardIssue,
  StandardResult,
  StandardSchema,
} from './json/StandardSchema.ts';
export * from './json/structuredOutput.ts';
export { unfinishedInput, unknownDeltas } from './message/BlockBuilder.ts';
export { continueFrom } from './recovery/continueFrom.ts';
export type {
  ContinuableParams,
  ContinuationStrategy,
  ContinueFromOptions,
} from './recovery/continueFrom.ts';
export { eventsOf } from './message/eventsOf.ts';
export * from './recovery/exponentialBackoff.ts';
export * from './message/guards.ts';
export { InvalidJsonError, type InvalidJsonInit } from './message/InvalidJsonError.ts';
export { MessageBuilder } from './message/MessageBuilder.ts';
export {
  MessageStreamError,
  type MessageStreamErrorCode,
  type MessageStreamErrorFields,
  type MessageStreamErrorInit,
} from './message/MessageStreamError.ts';
export type * from './message/StreamEvent.ts';
export { errorEvent } from './message/errorEvent.ts';
export type { ErrorTextOptions } from './message/errorEvent.ts';
export type { ErrorFrame } from './message/errorFrame.ts';
export type * from './message/ToolCallEvent.ts';
export { type ErrorContext, toMessageStreamError } from './message/toMessageStreamError.ts';
export { appendText, type TextFile } from './sinks/appendText.ts';
export {
  type NodeResponse,
  pipeToResponse,
  type PipeToResponseInit,
} from './sinks/pipeToResponse.ts';
export type { SinkOptions } from './sinks/SinkOptions.ts';
export type { TextWritable } from './sinks/TextWritable.ts';
export { toAsyncIterable } from './sinks/toAsyncIterable.ts';
export { toReadableStream } from './sinks/toReadableStream.ts';
export { type SseResponseInit, toSseResponse } from './sinks/toSseResponse.ts';
export { writeText, type WriteTextOptions } from './sinks/writeText.ts';
export { fromMessages } from './sources/fromMessages.ts';
export type * from './sources/fromMessages.ts';
export { fromRecording } from './sources/fromRecording.ts';
export type * from './sources/fromRecording.ts';
export { fromResponse } from './sources/fromResponse.ts';
export type * from './sources/fromResponse.ts';
export { fromSession } from './session/fromSession.ts';
export type * from './session/fromSession.ts';
export { fromStream } from './sources/fromStream.ts';
export type * from './sources/fromStream.ts';
export type { ResponseInfo, ResponseOptions, SourceOptions } from './sources/SourceOptions.ts';
export { type EncodableEvent, encodeEvent, type EncodeEventOptions } from './sse/encodeEvent.ts';
export { EventDecoder, type EventDecoderOptions } from './sse/EventDecoder.ts';
export { RequestGate } from './traffic/RequestGate.ts';
export type * from './traffic/RequestGateOptions.ts';
export type { RateLimitKind } from './traffic/rateLimitHeaders.ts';
