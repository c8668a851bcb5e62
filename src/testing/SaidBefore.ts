import { MessageBuilder } from '../message/MessageBuilder.ts';
import type { AnyStreamEvent, MessageOf } from '../message/StreamEvent.ts';
import type { CheckedReply } from './Reply.ts';

/** A content block as it stands in a request. */
export interface AnyBlock {
  type: string;
  [field: string]: unknown;
}

/** What of a request thinking is bound to: the messages, and what comes before them. */
export interface Prefixed {
  system?: unknown;
  tools?: unknown;
  messages?: unknown;
}

/** The fingerprint of all that comes before the messages of a request. */
export function seedOf({ system, tools }: Prefixed): string {
  const blocks = typeof system === 'string' ? [{ type: 'text', text: system }] : (system ?? []);
  return fingerprint('', canonical([blocks, tools ?? []]));
}

/**
 * Its own, so that a fault in the library's is found; and not that of `node:crypto`, which is not where
 * this file is imported in a page. Two FNV-1a hashes with different primes.
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

/** The fingerprint of what came before, and a block behind it. */
export function withBlock(prefix: string, role: string, block: object): string {
  return fingerprint(prefix, `${role} ${canonical(block)}`);
}

/** The fingerprint of a whole request. */
function prefixOf(request: Prefixed): string {
  const { messages } = request as { messages: { role: string; content: string | AnyBlock[] }[] };
  // Those of the system are no turns.
  const turns = messages.filter(({ role }) => role !== 'system');
  return turns.reduce((prefix, { role, content }) => {
    const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
    return blocks.reduce((before, block) => withBlock(before, role, block), prefix);
  }, seedOf(request));
}

/** What has been said in replies, as far as a later request must repeat it unchanged. */
export class SaidBefore {
  /** The thinking that goes with each signature. */
  readonly #thoughts = new Map<unknown, Set<unknown>>();
  /** What stood for all before each thinking when it was signed. */
  readonly #prefixes = new Map<unknown, Set<string>>();
  /** The signatures of the thinking that came before a call in the same reply. */
  readonly #beforeCall = new Map<unknown, readonly unknown[]>();
  /** The last blocks of the turns that were paused. */
  readonly #paused = new Set<string>();

  /** The same events; each is remembered before it is given, so that no request can be faster. */
  *listen<E>(events: Iterable<E>, request?: Prefixed): Generator<E> {
    const builder = new MessageBuilder<AnyStreamEvent>();
    const prefix = request && prefixOf(request);
    for (const event of events) {
      this.#hear(builder, event as unknown as AnyStreamEvent, prefix);
      yield event;
    }
  }

  /** `listen`, for events that come by and by. */
  async *listenAsync<E>(events: AsyncIterable<E>, request?: Prefixed): AsyncGenerator<E> {
    const builder = new MessageBuilder<AnyStreamEvent>();
    const prefix = request && prefixOf(request);
    for await (const event of events) {
      this.#hear(builder, event as unknown as AnyStreamEvent, prefix);
      yield event;
    }
  }

  /** Whether this thinking is not what was signed. What another server has signed is not known. */
  isModified({ signature, thinking }: AnyBlock): boolean {
    const signed = this.#thoughts.get(signature);
    return signed !== undefined && !signed.has(thinking);
  }

  /**
   * Whether this thinking was signed where something else came before it
   * (docs: /docs/en/build-with-claude/preserved-thinking/prefix-checks).
   */
  isMoved({ signature, data }: AnyBlock, prefix: string): boolean {
    const signed = this.#prefixes.get(signature ?? data);
    return signed !== undefined && !signed.has(prefix);
  }

  /**
   * Whether thinking is missing that came before a call in its reply, and that could be there:
   * `prefixes` stand for what comes before each block of the turn. Where something else comes before
   * it, it has to be missing.
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
    if (prefix === undefined || signature === '') return;
    this.#prefixes.set(signature, (this.#prefixes.get(signature) ?? new Set()).add(prefix));
  }

  /** Whether a reply ended with this block and is to be sent back to go on. */
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

  #remember({ content, stop_reason }: MessageOf<AnyStreamEvent>, prefix: string | undefined): void {
    const signatures: unknown[] = [];
    let before = prefix;
    for (const block of content) {
      if (block.type === 'thinking') {
        // With half a character in it, it can be in no valid body.
        if (!/\p{Surrogate}/u.test(block.thinking)) signatures.push(block.signature);
        const signed = this.#thoughts.get(block.signature) ?? new Set();
        this.#thoughts.set(block.signature, signed.add(block.thinking));
        this.#bind(block.signature, before);
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

/** The same reply to this request, which is remembered while it is sent. A body that is sent as it is, is not read. */
export function remembered(reply: CheckedReply, said: SaidBefore, request: Prefixed): CheckedReply {
  const { events } = reply;
  if (events === undefined) return reply;
  const heard =
    Symbol.iterator in events ? said.listen(events, request) : said.listenAsync(events, request);
  return { ...reply, events: heard };
}

/** The same text for the same value, whatever the order of its fields, and without nulls and breakpoints. */
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
