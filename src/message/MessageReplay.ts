import { type BlockBuilder, unfinishedInput, unknownDeltas } from './BlockBuilder.ts';
import { blockEvents } from './blockEvents.ts';
import { eventsOf } from './eventsOf.ts';
import { blocksOf, MessageBuilder } from './MessageBuilder.ts';
import type { AnyStreamEvent, StreamEvent } from './StreamEvent.ts';

type Fields = Record<string, unknown>;

/**
 * Follows a reply, and says it again as the shortest run of events that the rest of it can follow.
 *
 * What it holds is the message, not the events. Blocks keep the `index` under which the reply speaks
 * of them, also where a gateway skips or repeats one, so that later deltas find their block.
 */
export class MessageReplay<E extends AnyStreamEvent = StreamEvent> {
  readonly #builder: MessageBuilder<E> = new MessageBuilder();
  readonly #blocks = blocksOf(this.#builder as never);

  push(event: E): void {
    this.#builder.push(event);
  }

  /** The reply so far; what follows it is the rest. */
  get events(): E[] {
    const { message, stopped } = this.#builder;
    if (message === undefined) return [];
    const whole = eventsOf<E>({ ...message, content: [] }, { open: !stopped });
    const [start, ...end] = whole as unknown as Fields[];
    const events = [start!];
    // A stop that proves nothing yet: no block has started after it.
    const stops: Fields[] = [];
    for (const block of this.#blocks.all) {
      const { index, isOpen, isFollowed, isSpoiled, takesInput } = block;
      events.push(...eventsOfBlock(block));
      // For the reader, too, its input may lack a part.
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
    // A delta has opened it, and the block with its index is another.
    const { text, thinking } = block;
    const empty = text === '' ? { type: 'text_delta', text } : { type: 'thinking_delta', thinking };
    const [start, ...deltas] = events;
    const [, ...unknown] = withUnknownDeltas(start!);
    const first =
      deltas.length > 0 ? deltas : [{ type: 'content_block_delta', index, delta: empty }];
    return [...first, ...unknown];
  }
  // An input that came whole with the start of its block, and that text would replace.
  const isWhole = isOpen && 'input' in block && !(unfinishedInput in block);
  return isWhole ? [{ ...events[0], content_block: block }] : events;
}

function strayInput(index: unknown): Fields {
  const delta = { type: 'input_json_delta', partial_json: ' ' };
  return { type: 'content_block_delta', index, delta };
}

/** Deltas of unknown types are kept under a symbol; as events they survive JSON as well. */
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
