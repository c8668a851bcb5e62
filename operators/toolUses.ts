import {
  concatMap,
  concatWith,
  defer,
  EMPTY,
  filter,
  map,
  type OperatorFunction,
  throwError,
} from 'rxjs';
import { BlockCursor } from '../src/message/BlockCursor.ts';
import { unfinishedInput } from '../src/message/MessageBuilder.ts';
import { MessageStreamError } from '../src/message/MessageStreamError.ts';
import type { AnyStreamEvent, ContentBlockOf, ToolUseOf } from '../src/message/StreamEvent.ts';

/**
 * Emits the calls of your tools that are complete and whose input is strict JSON: those that may run.
 *
 * ```text
 * source  --m--{--a--}--{--b--}--x--S|    { }: a call, x: stop_reason 'tool_use'
 *         toolUses()
 * result  --------------A--------B---|
 *
 * source  --m--{--a--}--{--b--}--y--S|    y: stop_reason 'max_tokens'
 *         toolUses()
 * result  --------------A------------|    the last call was cut
 * ```
 *
 * A call is proven complete when the next block starts, or by the stop reason `tool_use`. Its
 * `content_block_stop` is no proof, because a reply that is cut off ends its last block too, and
 * what is left may parse: `{"path": "/"}` (SDK src/lib/internal/BetaToolRunnerStream.ts). So a last call
 * under any other stop reason is not emitted, nor one that a `fallback` block follows. Calls of
 * tools that run at Anthropic (`server_tool_use`, `mcp_tool_use`) are not emitted: they are not yours
 * to run.
 *
 * - A call that is complete but no valid JSON, which fine-grained tool streaming permits
 *   (docs: /docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming): the valid ones are
 *   emitted all the same, and when the source completes there is a `MessageStreamError` with code
 *   `invalid_json` that names it.
 * - A `resume` withdraws calls that were not emitted yet. One that was emitted was complete, and
 *   stays emitted.
 * - Error, complete: passed on; a call that is not proven by then is not emitted.
 * - Unsubscribe: the source is unsubscribed.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, toolUses } from 'claude-rx';
 * import { map } from 'rxjs';
 * import { z } from 'zod';
 *
 * const Weather = z.object({ city: z.string() });
 *
 * fromMessages(new Anthropic(), {
 *   model: 'claude-opus-5-5',
 *   max_tokens: 1024,
 *   messages: [{ role: 'user', content: 'How is the weather in Paris and in Rome?' }],
 *   tools: [{ name: 'get_weather', input_schema: { type: 'object' } }],
 * })
 *   .pipe(
 *     toolUses(),
 *     map((call) => ({ id: call.id, ...Weather.parse(call.input) })),
 *   )
 *   .subscribe(({ id, city }) => console.log(id, city));
 * ```
 */
export function toolUses<E extends AnyStreamEvent>(): OperatorFunction<E, ToolUseOf<E>> {
  return (source) =>
    defer(() => {
      const cursor = new BlockCursor<E>();
      let failure: MessageStreamError | undefined;
      const failOnInvalid = defer(() => {
        failure ??= invalidCall(cursor);
        return failure ? throwError(() => failure) : EMPTY;
      });
      return source.pipe(
        map((event) => {
          const calls = provenCalls(event, cursor);
          // Now, because the next message of the source may begin after it.
          if (event.type === 'message_stop') failure ??= invalidCall(cursor);
          return calls;
        }),
        filter((calls) => calls.length > 0),
        concatMap((calls) => calls),
        concatWith(failOnInvalid),
      );
    });
}

function provenCalls<E extends AnyStreamEvent>(event: E, cursor: BlockCursor<E>): ToolUseOf<E>[] {
  cursor.push(event);
  if (event.type === 'content_block_start') {
    const blocks = cursor.takeAllButLast();
    // The refusal before a fallback may have cut the call.
    return event.content_block?.type === 'fallback' ? [] : blocks.filter(isParsedCall<E>);
  }
  if (event.type === 'message_delta' && event.delta?.stop_reason === 'tool_use') {
    return cursor.takeAll().filter(isParsedCall<E>);
  }
  return [];
}

function isParsedCall<E extends AnyStreamEvent>(block: ContentBlockOf<E>): block is ToolUseOf<E> {
  return block.type === 'tool_use' && !(unfinishedInput in block);
}

/** The error for the first call that is complete and yet no JSON. */
function invalidCall<E extends AnyStreamEvent>(
  cursor: BlockCursor<E>,
): MessageStreamError | undefined {
  const message = cursor.message;
  const call = cursor.taken.find(
    (block, position) =>
      block.type === 'tool_use' &&
      unfinishedInput in block &&
      message?.content[position + 1]?.type !== 'fallback',
  ) as (ToolUseOf<E> & { [unfinishedInput]: string }) | undefined;
  if (call === undefined) return undefined;
  const text = call[unfinishedInput];
  const begin = text.length > 80 ? `${text.slice(0, 80)}...` : text;
  return new MessageStreamError(
    `The input of the call of ${call.name} (${call.id}) is not valid JSON: ${begin}`,
    { code: 'invalid_json', partial: message as MessageStreamError['partial'] },
  );
}
