import type { ThinkingBlock } from '@anthropic-ai/sdk/resources/messages/messages';
import { MessageBuilder } from '../message/MessageBuilder.ts';
import type { AnyStreamEvent, MessageOf } from '../message/StreamEvent.ts';
import type { CheckedReply } from './Reply.ts';

/** A content block of a request. */
export interface AnyBlock {
  type: string;
  [field: string]: unknown;
}

/** The parts of a request that thinking is bound to: the messages, and everything before them. */
export interface Prefixed {
  system?: unknown;
  tools?: unknown;
  messages?: unknown;
}

/** The fingerprint of everything before the messages of a request. */
export function seedOf({ system, tools }: Prefixed): string {
  const blocks = typeof system === 'string' ? [{ type: 'text', text: system }] : (system ?? []);
  return fingerprint('', canonical([blocks, tools ?? []]));
}

/**
 * Independent of the library's fingerprint, so that tests find faults in it. It does not use `node:crypto`,
 * which a page does not have. Two FNV-1a hashes with different primes.
 */
function fingerprint(before: string, text: string): string {
  let [one, other] = [0x811c9dc5, 0x9dc5811c];
  for (const part of [before, '\n', text]) {
    for (let at = 0; at < part.length; at++) {
      const unit = part.charCodeAt(at);
      one = Math.imul(one ^ unit, 0x01000193);
      other = Math.imul(other ^ unit, 0x5bd1e995) ^ (other >>> 15);
    }
  }
  return `${(one >>> 0).toString(36)}.${(other >>> 0).toString(36)}.${before.length + text.length}`;
}

/** The fingerprint of the content before, and one more block. */
export function withBlock(prefix: string, role: string, block: object): string {
  return fingerprint(prefix, `${role} ${canonical(block)}`);
}

/** The fingerprint of a whole request. */
function prefixOf(request: Prefixed): string {
  const { messages } = request as { messages: { role: string; content: string | AnyBlock[] }[] };
  // System messages are not turns.
  const turns = messages.filter(({ role }) => role !== 'system');
  return turns.reduce((prefix, { role, content }) => {
    const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
    return blocks.reduce((before, block) => withBlock(before, role, block), prefix);
  }, seedOf(request));
}

/** The content of replies that a later request must repeat unchanged. */
export class SaidBefore {
  /** The thinking of each signature. */
  readonly #thoughts = new Map<unknown, Set<unknown>>();
  /** The fingerprint of everything before each thinking when it was signed. */
  readonly #prefixes = new Map<unknown, Set<string>>();
  /** The signatures of the thinking before a call in the same reply. */
  readonly #beforeCall = new Map<unknown, readonly unknown[]>();
  /** The last blocks of paused turns. */
  readonly #paused = new Set<string>();

  /** The same events. Each event is remembered before it is sent, so that no request can come earlier. */
  *listen<E>(events: Iterable<E>, request?: Prefixed): Generator<E> {
    const builder = new MessageBuilder<AnyStreamEvent>();
    const prefix = request && prefixOf(request);
    for (const event of events) {
      this.#hear(builder, event as unknown as AnyStreamEvent, prefix);
      yield event;
    }
  }

  /** `listen`, for asynchronous events. */
  async *listenAsync<E>(events: AsyncIterable<E>, request?: Prefixed): AsyncGenerator<E> {
    const builder = new MessageBuilder<AnyStreamEvent>();
    const prefix = request && prefixOf(request);
    for await (const event of events) {
      this.#hear(builder, event as unknown as AnyStreamEvent, prefix);
      yield event;
    }
  }

  /** Whether this thinking was changed. Thinking of other servers is not known, and counts as unchanged. */
  isModified({ signature, thinking }: AnyBlock): boolean {
    const signed = this.#thoughts.get(signature);
    return signed !== undefined && !signed.has(thinking);
  }

  /**
   * Whether this thinking was signed with other content before it
   * (docs: /docs/en/build-with-claude/preserved-thinking/prefix-checks).
   */
  isMoved({ signature, data }: AnyBlock, prefix: string): boolean {
    const signed = this.#prefixes.get(signature ?? data);
    return signed !== undefined && !signed.has(prefix);
  }

  /**
   * Whether thinking before a call is missing that was in the reply, and that must be there. `prefixes`:
   * the fingerprints of everything before each block of the turn. If the content before the thinking has
   * changed, the thinking must be left out.
   */
  lacksThoughts(turn: readonly AnyBlock[], prefixes: ReadonlySet<string>): boolean {
    const sent = new Set(turn.map(({ signature }) => signature));
    const needed = turn.flatMap(({ type, id }) =>
      type === 'tool_use' ? (this.#beforeCall.get(id) ?? []) : [],
    );
    return needed.some((signature) => {
      const signed = this.#prefixes.get(signature);
      const fits = signed === undefined || [...signed].some((prefix) => prefixes.has(prefix));
      return fits && !sent.has(signature);
    });
  }

  #bind(signature: unknown, prefix: string | undefined): void {
    if (prefix === undefined) return;
    this.#prefixes.set(signature, (this.#prefixes.get(signature) ?? new Set()).add(prefix));
  }

  /** Whether a paused reply ended with this block, and must be sent back to continue. */
  wasPausedAt(block: AnyBlock): boolean {
    return this.#paused.has(canonical(block));
  }

  #hear(
    builder: MessageBuilder<AnyStreamEvent>,
    event: AnyStreamEvent,
    prefix: string | undefined,
  ): void {
    builder.push(event);
    const isOfInterest =
      event.type === 'content_block_stop' ||
      event.type === 'message_delta' ||
      (event.type === 'content_block_delta' && event.delta?.type === 'signature_delta');
    if (isOfInterest && builder.message) this.#remember(builder.message, prefix);
  }

  #sign(
    { thinking, signature }: ThinkingBlock,
    prefix: string | undefined,
    signatures: unknown[],
  ): void {
    // Text with half a character cannot be in a valid body.
    if (!/\p{Surrogate}/u.test(thinking)) signatures.push(signature);
    const signed = this.#thoughts.get(signature) ?? new Set();
    this.#thoughts.set(signature, signed.add(thinking));
    this.#bind(signature, prefix);
  }

  #remember({ content, stop_reason }: MessageOf<AnyStreamEvent>, prefix: string | undefined): void {
    const signatures: unknown[] = [];
    let before = prefix;
    for (const block of content) {
      if (block.type === 'thinking') {
        // Thinking without a signature cannot be sent back.
        if (block.signature) this.#sign(block, before, signatures);
      } else if (block.type === 'redacted_thinking') {
        this.#bind(block.data, before);
      } else if (block.type === 'tool_use') {
        this.#beforeCall.set(block.id, [...signatures]);
      }
      if (before !== undefined) before = withBlock(before, 'assistant', block);
    }
    const last = content.at(-1);
    const isPaused = stop_reason === 'pause_turn' || stop_reason === 'compaction';
    if (last && isPaused) this.#paused.add(canonical(last));
  }
}

/** The same reply to this request, remembered while it is sent. A raw body is not remembered. */
export function remembered(reply: CheckedReply, said: SaidBefore, request: Prefixed): CheckedReply {
  const { events } = reply;
  if (events === undefined) return reply;
  const heard =
    Symbol.iterator in events ? said.listen(events, request) : said.listenAsync(events, request);
  return { ...reply, events: heard };
}

/** JSON that does not depend on the order of fields, without nulls and cache breakpoints. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(
          Object.entries(part)
            .filter(([name, field]) => field !== null && name !== 'cache_control')
            .toSorted(([one], [other]) => (one < other ? -1 : 1)),
        )
      : part,
  );
}
