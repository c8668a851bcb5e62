import { defer, map, type OperatorFunction, reduce } from 'rxjs';
import { MessageBuilder } from '../src/message/MessageBuilder.ts';
import { missingStart } from '../src/message/missingStart.ts';
import type { AnyStreamEvent, MessageOf } from '../src/message/StreamEvent.ts';
import { requireMessageStop } from './requireMessageStop.ts';

/**
 * Emits the complete message, one value, at `message_stop`.
 *
 * ```text
 * source  --m--[--a--b--]--x--S-----    S: message_stop
 *         finalMessage()
 * result  --------------------(M|)
 *
 * source  --m--[--a--|
 *         finalMessage()
 * result  -----------#                  truncated, with the partial message
 * ```
 *
 * If the source has several messages, the value is the first; for a loop of `runTools`, the last. To get
 * each of them, use `accumulateMessage`. A message that `max_tokens` cut, or that is a refusal, is emitted
 * like any other: check `stop_reason`.
 *
 * - Error: a `MessageStreamError` with `partial`. A source that completes before `message_stop` is an
 *   error with code `truncated`. (If your gateway sends no `message_stop`, put
 *   `requireMessageStop({ allowMissing: true })` before this operator.) A source without `message_start`
 *   is an error with code `protocol`.
 * - Complete: at `message_stop` the source is unsubscribed.
 * - Unsubscribe: the source is unsubscribed.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { finalMessage, fromMessages } from 'claude-rx';
 * import { firstValueFrom } from 'rxjs';
 *
 * const message = await firstValueFrom(
 *   fromMessages(new Anthropic(), {
 *     model: 'claude-opus-5-5',
 *     max_tokens: 64_000,
 *     messages: [{ role: 'user', content: 'Write a long story.' }],
 *   }).pipe(finalMessage()),
 * );
 * console.log(message.stop_reason, message.usage.output_tokens);
 * ```
 */
export function finalMessage<E extends AnyStreamEvent>(): OperatorFunction<E, MessageOf<E>> {
  return (source) =>
    defer(() =>
      source.pipe(
        requireMessageStop(),
        reduce((builder, event) => {
          builder.push(event);
          return builder;
        }, new MessageBuilder<E>()),
        map(({ message }) => {
          if (message === undefined) throw missingStart();
          return message;
        }),
      ),
    );
}
