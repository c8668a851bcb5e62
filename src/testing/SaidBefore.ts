import { MessageBuilder } from '../message/MessageBuilder.ts';
import type { AnyStreamEvent, MessageOf } from '../message/StreamEvent.ts';
import type { CheckedReply } from './Reply.ts';

/** A content block as it stands in a request. */
export interface AnyBlock {
  type: string;
  [field: string]: unknown;
}

/** What has been said in replies, as far as a later request must repeat it unchanged. */
export class SaidBefore {
  /** The thinking that goes with each signature. */
  readonly #thoughts = new Map<unknown, Set<unknown>>();
  /** The signatures of the thinking that came before a call in the same reply. */
  readonly #beforeCall = new Map<unknown, readonly unknown[]>();
  /** The last blocks of the turns that were paused. */
  readonly #paused = new Set<string>();

  /** The same events; each is remembered before it is given, so that no request can be faster. */
  *listen<E>(events: Iterable<E>): Generator<E> {
    const builder = new MessageBuilder<AnyStreamEvent>();
    for (const event of events) {
      this.#hear(builder, event as unknown as AnyStreamEvent);
      yield event;
    }
  }

  /** `listen`, for events that come by and by. */
  async *listenAsync<E>(events: AsyncIterable<E>): AsyncGenerator<E> {
    const builder = new MessageBuilder<AnyStreamEvent>();
    for await (const event of events) {
      this.#hear(builder, event as unknown as AnyStreamEvent);
      yield event;
    }
  }

  /** Whether this thinking is not what was signed. What another server has signed is not known. */
  isModified({ signature, thinking }: AnyBlock): boolean {
    const signed = this.#thoughts.get(signature);
    return signed !== undefined && !signed.has(thinking);
  }

  /** Whether thinking is missing that came before a call in its reply. */
  lacksThoughts(turn: readonly AnyBlock[]): boolean {
    const sent = new Set(turn.map(({ signature }) => signature));
    return turn.some(({ type, id }) => {
      const before = type === 'tool_use' ? this.#beforeCall.get(id) : undefined;
      return before?.some((signature) => !sent.has(signature)) ?? false;
    });
  }

  /** Whether a reply ended with this block and is to be sent back to go on. */
  wasPausedAt(block: AnyBlock): boolean {
    return this.#paused.has(canonical(block));
  }

  #hear(builder: MessageBuilder<AnyStreamEvent>, event: AnyStreamEvent): void {
    builder.push(event);
    const isOfInterest =
      event.type === 'content_block_stop' ||
      event.type === 'message_delta' ||
      (event.type === 'content_block_delta' && event.delta?.type === 'signature_delta');
    if (isOfInterest && builder.message) this.#remember(builder.message);
  }

  #remember({ content, stop_reason }: MessageOf<AnyStreamEvent>): void {
    const signatures: unknown[] = [];
    for (const block of content) {
      if (block.type === 'thinking') {
        signatures.push(block.signature);
        const signed = this.#thoughts.get(block.signature) ?? new Set();
        this.#thoughts.set(block.signature, signed.add(block.thinking));
      } else if (block.type === 'tool_use') this.#beforeCall.set(block.id, [...signatures]);
    }
    const last = content.at(-1);
    const isPaused = stop_reason === 'pause_turn' || stop_reason === 'compaction';
    if (last && isPaused) this.#paused.add(canonical(last as unknown as AnyBlock));
  }
}

/** The same reply, which is remembered while it is sent. A body that is sent as it is, is not read. */
export function remembered(reply: CheckedReply, said: SaidBefore): CheckedReply {
  const { events } = reply;
  if (events === undefined) return reply;
  const heard = Symbol.iterator in events ? said.listen(events) : said.listenAsync(events);
  return { ...reply, events: heard };
}

/** The same text for the same block, whatever the order of its fields, and without its nulls. */
function canonical(block: AnyBlock): string {
  const { cache_control: _, ...fields } = block;
  return JSON.stringify(fields, (_key, value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .filter(([, field]) => field !== null)
            .toSorted(([one], [other]) => (one < other ? -1 : 1)),
        )
      : value,
  );
}
