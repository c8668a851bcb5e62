import { Observable, type OperatorFunction } from 'rxjs';
import type { ErrorTextOptions } from '../../message/errorEvent.ts';
import type { AnyStreamEvent } from '../../message/StreamEvent.ts';
import { isRecord } from '../../message/record.ts';
import { BridgeSubscriber } from '../BridgeSubscriber.ts';
import type { UiMessageChunk } from './UiMessageChunk.ts';
import { UiMessageWriter } from './UiMessageWriter.ts';

/** What is known when a run has ended. */
export interface UiMessageEnd {
  /** The last message of the run. */
  readonly message: Readonly<Record<string, unknown>>;
}

export interface ToUiMessagesConfig extends ErrorTextOptions {
  /**
   * The id of the message in the page. For a run that continues a message it must be the id of that
   * message: `fromUiMessages` gives it. Default: the id of the first message of the API.
   */
  messageId?: string | undefined;
  /**
   * Whether calls are parts of the type `dynamic-tool`, which a page can show without a type for each tool.
   * With `false` they are `tool-NAME`. Default: `true`.
   */
  dynamic?: boolean | undefined;
  /** Gives the `metadata` of the message in the page, such as its model and usage. Default: none. */
  metadata?: ((end: UiMessageEnd) => unknown) | undefined;
}

/**
 * Writes the events of a reply, or of a whole loop of `runTools`, as the chunks of a UI message stream: what
 * `useChat` and everything else that is built on the AI SDK reads.
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
 * Send the chunks with the sinks of this package and `UI_MESSAGE_SSE`. It takes what `fromMessages`,
 * `runTools`, `Conversation.send`, `relay.follow` (its `event`) and `streamEvents` give. Thinking with its
 * signature, blocks that the AI SDK has no part for, and all that Claude needs of a turn travel with the
 * message, so that `fromUiMessages` can send it back as it came.
 *
 * - Each reply is a step. A call is available once it is proven complete; a cut one stays in the state
 *   `input-streaming`. What a tool emits while it runs is a preliminary output. A call with
 *   `approve: () => 'defer'` is a request for an approval; one of a tool without `run` is for `onToolCall`.
 * - The output of a call is what the model was told: JSON of an object or a list as that value, blocks
 *   as they are, and text as it is. Its error is what the model was told, too; its `value` is not sent.
 * - Tools that run at the API are `providerExecuted`. Pages that a search has found, and cited documents,
 *   are sources.
 * - A `resume` resets the step, and states again what stands.
 * - Error, and a source that completes before the reply is whole: an `error` chunk, then it completes.
 *   Its text is a fixed sentence for the `code`: see `errorText`. A stop (code `aborted`) is an `abort`
 *   chunk. A reader takes an end without either, and without `finish`, for a good one, so there is
 *   always one of them.
 * - Complete: behind `finish`.
 * - Unsubscribe: the source is unsubscribed. `UI_MESSAGE_SSE` states this end.
 * - Pings, notices and unknown events are left out, since an unknown chunk fails the stream in the page.
 *
 * Source: `ai` 7.0.173, src/ui-message-stream/ui-message-chunks.ts and src/ui/process-ui-message-stream.ts.
 *
 * @throws TypeError when an option has another type.
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
    throw new TypeError('toUiMessages: pass an object of options, or nothing');
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
