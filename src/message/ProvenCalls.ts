import { JsonText } from '../json/JsonText.ts';
import { BlockCursor } from './BlockCursor.ts';
import { type InvalidJsonError, invalidToolInput } from './InvalidJsonError.ts';
import { unfinishedInput } from './BlockBuilder.ts';
import type { AnyStreamEvent, ContentBlockOf, MessageOf, ToolUseOf } from './StreamEvent.ts';

/**
 * Hands out the calls in a reply that are proven complete, each of them once; and keeps the error
 * for the first of them that may not be used.
 */
export class ProvenCalls<E extends AnyStreamEvent> {
  readonly #cursor = new BlockCursor<E>();
  /** The calls that were handed out and may still be withdrawn, with their position. */
  readonly #positions = new Map<ToolUseOf<E>, number>();
  readonly #withdrawn = new WeakSet<ToolUseOf<E>>();
  /** The positions of blocks that may have been cut. */
  readonly #cut = new Set<number>();
  readonly #refused: { call: ToolUseOf<E>; error: InvalidJsonError }[] = [];
  #failure: InvalidJsonError | undefined;

  get message(): MessageOf<E> | undefined {
    return this.#cursor.message;
  }

  /** Takes the next event in, and gives the calls that it proves. */
  push(event: E): ToolUseOf<E>[] {
    this.#cursor.push(event);
    switch (event.type) {
      case 'content_block_start':
        // The refusal before a fallback may have cut the call.
        return this.#take(this.#cursor.takeAllButLast(), event.content_block?.type !== 'fallback');
      case 'message_delta':
        if (!event.delta?.stop_reason) return [];
        return this.#take(this.#cursor.takeAll(), event.delta.stop_reason === 'tool_use');
      case 'message_start':
      case 'resume':
        this.#withdraw();
        return [];
      case 'message_stop':
        // Now, because the next message of the source may begin after it.
        this.#failure = this.failure;
        this.#positions.clear();
        return [];
      default:
        return [];
    }
  }

  /** Whether the call was taken back after it was handed out. */
  isWithdrawn(call: ToolUseOf<E>): boolean {
    return this.#withdrawn.has(call);
  }

  /** Takes note that the call may not be used. */
  refuse(call: ToolUseOf<E>, error: InvalidJsonError): void {
    this.#refused.push({ call, error });
  }

  /** The error for a call that stands and may not be used. */
  get failure(): InvalidJsonError | undefined {
    const refused = this.#refused.find(({ call }) => !this.isWithdrawn(call));
    return this.#failure ?? refused?.error ?? this.malformed[0]?.error;
  }

  /** The calls that are complete and yet no JSON, each with its error. */
  get malformed(): { call: ToolUseOf<E>; error: InvalidJsonError }[] {
    const { taken, message } = this.#cursor;
    return taken
      .filter((block, position): block is UnfinishedCall<E> => {
        return block.type === 'tool_use' && unfinishedInput in block && !this.#cut.has(position);
      })
      .map((call) => ({ call, error: malformed(call, call[unfinishedInput], message) }));
  }

  #take(blocks: ContentBlockOf<E>[], areProven: boolean): ToolUseOf<E>[] {
    const begin = this.#cursor.taken.length - blocks.length;
    return blocks.filter((block, offset): block is ToolUseOf<E> => {
      if (!areProven) this.#cut.add(begin + offset);
      const isCall = areProven && block.type === 'tool_use' && !(unfinishedInput in block);
      if (isCall) this.#positions.set(block as ToolUseOf<E>, begin + offset);
      return isCall;
    });
  }

  #withdraw(): void {
    const keep = this.message?.content.length ?? 0;
    for (const position of this.#cut) if (position >= keep) this.#cut.delete(position);
    for (const [call, position] of this.#positions) {
      if (position < keep) continue;
      this.#positions.delete(call);
      this.#withdrawn.add(call);
    }
  }
}

type UnfinishedCall<E extends AnyStreamEvent> = ToolUseOf<E> & { [unfinishedInput]: string };

function malformed(
  call: { name: string; id: string },
  text: string,
  partial: object | undefined,
): InvalidJsonError {
  const json = new JsonText();
  json.push(text);
  const { value } = json;
  let cause: unknown;
  try {
    json.end();
  } catch (error) {
    cause = error;
  }
  const problem = `is not valid JSON: ${(cause as Error).message}`;
  return invalidToolInput(call, problem, { text, value, cause, partial });
}
