import { concatMap, defer, filter, map, type OperatorFunction } from 'rxjs';
import { EndedBlocks } from '../src/calls/EndedBlocks.ts';
import type { AnyStreamEvent, ContentBlockOf } from '../src/message/StreamEvent.ts';

/**
 * Emits each content block of a reply when the block ends.
 *
 * ```text
 * source  --m--[--a--b--]--{--c--d--}--x--S|    [ ]: a text block, { }: a tool call
 *         contentBlocks()
 * result  --------------A-----------B------|    A: the text a + b, B: the call
 * ```
 *
 * A block ends with its own `content_block_stop`, even if other blocks are open, since some gateways
 * interleave blocks. If a gateway leaves out that event, a block ends with the stop reason or with
 * `message_stop`. The value is the block of `accumulateMessage`; each block is emitted once.
 *
 * The end of a tool call does not prove that the call is complete: a reply that is cut off ends its
 * last block too. If the input is not strict JSON, `input` is `{}`, and its text is under the key
 * `unfinishedInput`. To run tools, use `toolUses`, which emits only complete and valid calls.
 *
 * - A block that a `resume` withdraws before its end is not emitted.
 * - Error: passed on. The unfinished block is not emitted; it is in `error.partial`. More content for
 *   a block that was emitted, and input for a call that has not started, are a `MessageStreamError`
 *   with code `protocol`.
 * - Complete: passed on. If the source completes without `message_stop`, the unfinished block is not
 *   emitted; put `requireMessageStop` before this operator if that should be an error.
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
