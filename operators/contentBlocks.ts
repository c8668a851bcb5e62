import { concatMap, defer, filter, map, type OperatorFunction } from 'rxjs';
import { EndedBlocks } from '../src/calls/EndedBlocks.ts';
import type { AnyStreamEvent, ContentBlockOf } from '../src/message/StreamEvent.ts';

/**
 * Emits each content block of a reply, whole, when it ends.
 *
 * ```text
 * source  --m--[--a--b--]--{--c--d--}--x--S|    [ ]: a text block, { }: a tool call
 *         contentBlocks()
 * result  --------------A-----------B------|    A: the text a + b, B: the call
 * ```
 *
 * A block ends with its `content_block_stop`, whatever other blocks are open, since gateways write
 * several in turns. Where a gateway leaves that out, a block ends with the stop reason or with
 * `message_stop`. It is the block as `MessageBuilder` and `accumulateMessage` have it, never emitted
 * twice.
 *
 * The end of a tool call does not prove that it is complete: a reply that is cut off ends its last
 * block too. An input that is not strict JSON is held as text under the key `unfinishedInput`, and
 * `input` is then `{}`. To run tools, use `toolUses`, which emits neither sort.
 *
 * - A block that a `resume` withdraws before it ended is not emitted.
 * - Error: passed on; the block that it cut is not emitted, and is in `error.partial`. A block that goes
 *   on after it was emitted, and the input of a call that has not started, are a `MessageStreamError`
 *   with code `protocol`.
 * - Complete: passed on. A source that completes without `message_stop` leaves the unfinished block
 *   out; put `requireMessageStop` before it if that should be an error.
 * - Unsubscribe: the source is unsubscribed.
 *
 * @example
 * ```ts
 * import { contentBlocks, fromResponse, unfinishedInput } from 'claude-rx';
 *
 * fromResponse((signal) => fetch('/api/chat', { method: 'POST', signal }))
 *   .pipe(contentBlocks())
 *   .subscribe((block) => {
 *     if (block.type === 'text') console.log(block.text);
 *     else if (unfinishedInput in block) console.log('a cut call:', block[unfinishedInput]);
 *     else console.log(block.type);
 *   });
 * ```
 */
export function contentBlocks<E extends AnyStreamEvent>(): OperatorFunction<E, ContentBlockOf<E>> {
  return (source) =>
    defer(() => {
      const ended = new EndedBlocks<E>();
      return source.pipe(
        map((event) => ended.push(event)),
        filter((blocks) => blocks.length > 0),
        concatMap((blocks) => blocks),
      );
    });
}
