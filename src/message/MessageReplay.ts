import { unfinishedInput, unknownDeltas } from './BlockBuilder.ts';
import { eventsOf } from './eventsOf.ts';
import { MessageBuilder } from './MessageBuilder.ts';
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
  /** The `index` of each block of the message. */
  #indices: unknown[] = [];
  /** Whether the last block has had its stop. */
  #isLastStopped = false;
  /** Of the last event, where that was a delta: the next of the same kind begins no block. */
  #runIndex: unknown;
  #runType: unknown;

  push(event: E): void {
    const { type, index, delta } = event as unknown as Fields;
    const before = type === 'message_start' ? this.#builder.message : undefined;
    this.#builder.push(event);

    const deltaType = (delta as Fields | undefined)?.['type'];
    const isDelta = type === 'content_block_delta';
    if (isDelta && index === this.#runIndex && deltaType === this.#runType) return;
    this.#runIndex = index;
    this.#runType = isDelta ? deltaType : undefined;

    const message = this.#builder.message;
    if (type === 'message_start' && message !== before) this.#indices = [];
    const length = message?.content.length ?? 0;
    const known = this.#indices.length;
    this.#indices.length = Math.min(known, length);
    while (this.#indices.length < length) {
      this.#indices.push(type === 'message_start' ? this.#indices.length : index);
    }
    const isForLast = index === this.#indices.at(-1);
    if (length !== known || (isDelta && isForLast)) this.#isLastStopped = false;
    if (type === 'content_block_stop' && isForLast) this.#isLastStopped = true;
  }

  /** The reply so far; what follows it is the rest. */
  get events(): E[] {
    const { message, stopped } = this.#builder;
    if (message === undefined) return [];
    const events = eventsOf<E>(message, { open: !stopped }) as unknown as Fields[];
    const last = message.content.at(-1) as Fields | undefined;
    if (last && !stopped && message.stop_reason == null) {
      const index = message.content.length - 1;
      if (this.#isLastStopped) events.push({ type: 'content_block_stop', index });
      // An input that came whole with the start of its block.
      else if ('input' in last && !(unfinishedInput in last)) {
        const start = events.findLastIndex(({ type }) => type === 'content_block_start');
        events.splice(start, Infinity, { ...events[start], content_block: last });
      }
    }
    return events
      .map((event) => ('index' in event ? { ...event, index: this.#indexOf(event) } : event))
      .flatMap(withUnknownDeltas) as unknown as E[];
  }

  #indexOf({ index }: Fields): unknown {
    return this.#indices[index as number];
  }
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
