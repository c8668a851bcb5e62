import { filter, map, type OperatorFunction } from 'rxjs';
import { isThinkingDelta } from '../src/message/guards.ts';
import { asString } from '../src/message/record.ts';
import { isRestated } from '../src/message/eventKinds.ts';
import type { AnyStreamEvent, EventsOnly } from '../src/message/StreamEvent.ts';

/**
 * Emits the thinking of a reply, piece by piece, as it arrives.
 *
 * ```text
 * source  --m--[--a--b--s--]--{--t--}--x--S|    [ ]: a block of thinking, s: its signature
 *         thinkingOnly()
 * result  --------a--b---------------------|
 * ```
 *
 * The pieces joined are the thinking blocks of the message joined. Nothing is inserted between two
 * blocks, and no piece is empty. With `thinking.display: 'omitted'` the thinking is empty, so nothing
 * is emitted (docs: /docs/en/build-with-claude/extended-thinking).
 *
 * - Error, complete: passed on.
 * - Unsubscribe: the source is unsubscribed.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, textOnly, thinkingOnly } from 'claude-rx';
 * import { map, merge, share } from 'rxjs';
 *
 * const events$ = fromMessages(new Anthropic(), {
 *   model: 'claude-opus-5-5',
 *   max_tokens: 4096,
 *   thinking: { type: 'adaptive', display: 'summarized' },
 *   messages: [{ role: 'user', content: 'Is 8191 prime?' }],
 * }).pipe(share());
 *
 * merge(
 *   events$.pipe(thinkingOnly(), map((thought) => `\x1b[2m${thought}\x1b[0m`)),
 *   events$.pipe(textOnly()),
 * ).subscribe((text) => process.stdout.write(text));
 * ```
 */
export function thinkingOnly<E = AnyStreamEvent>(): OperatorFunction<EventsOnly<E>, string>;
export function thinkingOnly(): OperatorFunction<AnyStreamEvent, string> {
  return (source) =>
    source.pipe(
      map(arrivingThinking),
      filter((thinking) => thinking !== ''),
    );
}

function arrivingThinking(event: AnyStreamEvent): string {
  if (isThinkingDelta(event)) return asString(event.delta.thinking);
  if (event.type !== 'content_block_start' || event.content_block?.type !== 'thinking') return '';
  if (isRestated(event)) return '';
  return asString(event.content_block.thinking);
}
