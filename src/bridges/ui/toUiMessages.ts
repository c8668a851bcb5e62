import { Observable, type OperatorFunction } from 'rxjs';
import type { ErrorTextOptions } from '../../message/errorEvent.ts';
import type { AnyStreamEvent } from '../../message/StreamEvent.ts';
import { isRecord } from '../../message/record.ts';
import { BridgeSubscriber } from '../BridgeSubscriber.ts';
import type { UiMessageChunk } from './UiMessageChunk.ts';
import { UiMessageWriter } from './UiMessageWriter.ts';

/** The argument of the option `metadata`, at the end of a run. */
export interface UiMessageEnd {
  /** The last message of the run. */
  readonly message: Readonly<Record<string, unknown>>;
}

export interface ToUiMessagesConfig extends ErrorTextOptions {
  /**
   * The id of the message in the page. If the run continues a message, pass the `messageId` of
   * `fromUiMessages`. Default: the id of the first message of the API.
   */
  messageId?: string | undefined;
  /**
   * Whether calls are parts of the type `dynamic-tool`, so that a page needs no type for each tool. With
   * `false` they are of the type `tool-NAME`. Default: `true`.
   */
  dynamic?: boolean | undefined;
  /** Returns the `metadata` of the message in the page, such as its model and usage. Default: none. */
  metadata?: ((end: UiMessageEnd) => unknown) | undefined;
}

/**
 * Converts the events of a reply, or of a whole loop of `runTools`, into the chunks of a UI message stream,
 * for `useChat` and everything else that is built on the AI SDK.
 *
 * ```text
 * source  --m---[-a-b-]-x-S|        m: message_start, [ ]: a text block, x: message_delta
 *         toUiMessages()
 * result  --(st)u-a-b-v---f(F|)     s: start, t: start-step, u v: text-start and text-end,
 *                                   f: finish-step, F: finish
 *
 * source  --m---[-a-#
 *         toUiMessages()
 * result  --(st)u-a-(E|)            E: error
 * ```
 *
 * Send the chunks with `toSseResponse` or `pipeToResponse`, and the options `UI_MESSAGE_SSE`. The source
 * can be `fromMessages`, `runTools`, `Conversation.send`, the `event`s of `relay.follow`, or
 * `streamEvents`. Thinking with its signature, blocks that the AI SDK has no part for, and everything else
 * that Claude needs are sent with the message, so that `fromUiMessages` can send the reply back unchanged.
 *
 * - Each reply is a step. A call is available when it is proven complete; a call that was cut off stays in
 *   the state `input-streaming`. Values that a tool emits while it runs are preliminary outputs. A call
 *   with `approve: () => 'defer'` becomes an approval request; a call of a tool without `run` is for
 *   `onToolCall`.
 * - The output of a call is the content that the model received: JSON of an object or a list as a value,
 *   blocks and text unchanged. Its error is also the content that the model received. The `value` of a
 *   `tool_result` is not sent.
 * - Tools that the API runs are `providerExecuted`. Web pages that a search has found, and cited documents,
 *   are sources.
 * - A `resume` resets the step, and the kept content is sent again.
 * - Error, and a source that completes before the reply is complete: an `error` chunk, then the result
 *   completes. The text is a fixed sentence for the `code`: see `errorText`. A stop (code `aborted`) is an
 *   `abort` chunk. There is always a last chunk, because the AI SDK takes a stream that just ends for a
 *   complete reply.
 * - Complete: after `finish`.
 * - Unsubscribe: the source is unsubscribed. With `UI_MESSAGE_SSE`, `pipeToResponse` then sends a last
 *   chunk.
 * - Pings, notices and unknown events are left out, because an unknown chunk fails the stream in the page.
 *
 * Source: `ai` 7.0.173, src/ui-message-stream/ui-message-chunks.ts and src/ui/process-ui-message-stream.ts.
 *
 * @throws TypeError when an option has the wrong type.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { toSseResponse } from 'claude-rx';
 * import { defineTool, runTools } from 'claude-rx/tools';
 * import { fromUiMessages, toUiMessages, UI_MESSAGE_SSE } from 'claude-rx/ui';
 * import { z } from 'zod';
 *
 * const client = new Anthropic();
 * const getTime = defineTool({
 *   name: 'get_time',
 *   description: 'The current time',
 *   input: z.object({}),
 *   run: () => new Date().toISOString(),
 * });
 *
 * export async function POST(request: Request): Promise<Response> {
 *   const body = await request.json();
 *   const { messages, answers, messageId } = fromUiMessages(body.messages);
 *   const params = { model: 'claude-opus-5-5', max_tokens: 1024, messages };
 *   const reply$ = runTools(client, params, { tools: [getTime], answers });
 *   return toSseResponse(reply$.pipe(toUiMessages({ messageId })), UI_MESSAGE_SSE);
 * }
 * ```
 */
export function toUiMessages<E extends AnyStreamEvent>(
  config: ToUiMessagesConfig = {},
): OperatorFunction<E, UiMessageChunk> {
  checkConfig(config);
  const { messageId, dynamic = true, metadata, errorText } = config;
  const options = { messageId, dynamic, metadata, errorText };
  return (source) =>
    new Observable((subscriber) =>
      source.subscribe(
        new BridgeSubscriber<E, UiMessageChunk>(
          subscriber,
          () => new UiMessageWriter(options, (chunk) => subscriber.next(chunk)),
        ),
      ),
    );
}

function checkConfig(config: ToUiMessagesConfig): void {
  if (!isRecord(config)) {
    throw new TypeError('toUiMessages: pass an object of options, or no argument');
  }
  const { messageId, dynamic, metadata, errorText } = config;
  if (messageId !== undefined && (typeof messageId !== 'string' || messageId === '')) {
    throw new TypeError(
      `toUiMessages: messageId must be the id of the page's message, not ${JSON.stringify(messageId)}`,
    );
  }
  if (dynamic !== undefined && typeof dynamic !== 'boolean') {
    throw new TypeError(`toUiMessages: dynamic must be a boolean, not ${typeof dynamic}`);
  }
  for (const [name, given] of Object.entries({ metadata, errorText })) {
    if (given === undefined || typeof given === 'function') continue;
    throw new TypeError(`toUiMessages: ${name} must be a function, not ${typeof given}`);
  }
}
