import { type BlockBuilder, unfinishedInput, unknownDeltas } from './BlockBuilder.ts';
import { blockEvents } from './blockEvents.ts';
import { eventsOf } from './eventsOf.ts';
import { blocksOf, MessageBuilder } from './MessageBuilder.ts';
import type { AnyStreamEvent, StreamEvent } from './StreamEvent.ts';

type Fields = Record<string, unknown>;

/**
 * Follows a reply, and replays it for late subscribers as the fewest events that the rest of the reply
 * can follow.
 *
 * It stores the message, not the events. Blocks keep their original `index`, even if a gateway skips or
 * repeats one, so that later deltas find their block.
 */
export class MessageReplay<E extends AnyStreamEvent = StreamEvent> {
  readonly #builder: MessageBuilder<E> = new MessageBuilder();
  readonly #blocks = blocksOf(this.#builder as never);

  push(event: E): void {
    this.#builder.push(event);
  }

  /** The events of the reply so far. */
  get events(): E[] {
    const { message, stopped } = this.#builder;
    if (message === undefined) return [];
    const whole = eventsOf<E>({ ...message, content: [] }, { open: !stopped });
    const [start, ...end] = whole as unknown as Fields[];
    const events = [start!];
    // This stop proves nothing so far, because no block has started after it.
    const stops: Fields[] = [];
    for (const block of this.#blocks.all) {
      const { index, isOpen, isFollowed, isSpoiled, takesInput } = block;
      events.push(...eventsOfBlock(block));
      // The input may lack a part for the reader too.
      if (isSpoiled) events.push(strayInput(this.#blocks.stray?.index));
      if (isOpen) continue;
      (takesInput && !isFollowed ? stops : events).push({ type: 'content_block_stop', index });
    }
    return [...events, ...stops, ...end].flatMap(withUnknownDeltas) as unknown as E[];
  }
}

/** The start and the deltas of a block. */
function eventsOfBlock({ block, index, isAside, isOpen }: BlockBuilder): Fields[] {
  const events = blockEvents(block as never, index as number, {
    open: true,
  }) as unknown as Fields[];
  if (isAside) {
    // A delta opened this block; another block has its index.
    const { text, thinking } = block;
    const empty = text === '' ? { type: 'text_delta', text } : { type: 'thinking_delta', thinking };
    const [start, ...deltas] = events;
    const [, ...unknown] = withUnknownDeltas(start!);
    const first =
      deltas.length > 0 ? deltas : [{ type: 'content_block_delta', index, delta: empty }];
    return [...first, ...unknown];
  }
  // The input came complete with the start of its block, and later text would replace it.
  const isWhole = isOpen && 'input' in block && !(unfinishedInput in block);
  return isWhole ? [{ ...events[0], content_block: block }] : events;
}

function strayInput(index: unknown): Fields {
  const delta = { type: 'input_json_delta', partial_json: ' ' };
  return { type: 'content_block_delta', index, delta };
}

/** Deltas of unknown types are kept under a symbol; as events, they can be written as JSON too. */
function withUnknownDeltas(event: Fields): Fields[] {
  const { index, content_block: block } = event;
  const { [unknownDeltas]: deltas, ...content_block } = (block ?? {}) as Fields & {
    [unknownDeltas]?: object[];
  };
  if (deltas === undefined) return [event];
  return [
    { ...event, content_block },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
  ];
}
