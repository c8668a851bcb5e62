import type { BetaContentBlock } from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type {
  ContentBlock,
  Message,
  ServerToolUseBlock,
  StopReason,
  TextCitation,
  Usage,
} from '@anthropic-ai/sdk/resources/messages/messages';
import type { AnyStreamEvent, StreamEvent } from '../message/StreamEvent.ts';
import { checkedChunk, pieces } from './pieces.ts';

/** An event or content block of a type that the SDK may not know yet. */
export interface RawFields {
  type: string;
  [field: string]: unknown;
}

export interface TextOptions {
  /** Code points in a delta; `Infinity` sends the whole in one. Default: 4, about a token. */
  chunk?: number;
  /** The citations of the text; each is a delta before the text. Default: none. */
  citations?: readonly TextCitation[];
}

export interface ThinkingOptions {
  /** Code points in a delta; `Infinity` sends the whole in one. Default: 4, about a token. */
  chunk?: number;
  /** The signature, sent as the last delta; `''` leaves that delta out. Default: a fixed signature. */
  signature?: string;
}

export interface ToolUseOptions {
  /**
   * The id of the call. Default: `toolu_` (`srvtoolu_` for a server tool) and the index of the block. If
   * the id of the message is not `msg_1`, the part after `msg_` comes before the index: `toolu_2_0`.
   */
  id?: string;
  /** Code points of JSON in a delta; `Infinity` sends the whole in one. Default: 4. */
  chunk?: number;
  /** The text to send instead of `JSON.stringify(input)`, for an input that is cut off or invalid. */
  json?: string;
}

/** The fields of the message as a whole. */
export interface MessageFields {
  /** The id. Default: `msg_1`, or `msg_n` in the n-th reply of a `MessagesServer`. */
  id?: string;
  /** The model. Default: `claude-opus-5-5`. */
  model?: Message['model'];
  /**
   * The final counters. `message_start` has the same counters, but with 1 output token. Default: 25 input
   * tokens, one output token for each 4 characters of content, all other counters `null`.
   */
  usage?: Partial<Usage>;
  /** The stop reason. Default: `tool_use` if there is a tool call, else `end_turn`. */
  stopReason?: StopReason | (string & {}) | null;
  /** The stop sequence. With a value, `stop_reason` defaults to `stop_sequence`. Default: `null`. */
  stopSequence?: string | null;
  /** The stop details. With a value, `stop_reason` defaults to `refusal`. Default: `null`. */
  stopDetails?: Message['stop_details'];
  /** Default: `null`. */
  container?: Message['container'];
}

interface BlockPart {
  start: (index: number, messageId: string) => RawFields;
  deltas: () => Iterable<RawFields>;
  length: number;
}
type Part = BlockPart | { event: RawFields };

const SIGNATURE = 'c2lnbmF0dXJl';
const FIRST = 'msg_1';

/** A reply that is being built; see `messageEvents`. */
export class MessageEvents implements Iterable<StreamEvent> {
  readonly #parts: readonly Part[];
  readonly #fields: MessageFields;

  private constructor(parts: readonly Part[], fields: MessageFields) {
    this.#parts = parts;
    this.#fields = fields;
  }

  /** A reply without content. Not a static field: the compiler writes one that fails when loaded. */
  static empty(): MessageEvents {
    return new MessageEvents([], {});
  }

  /** A text block. */
  text(text: string, { chunk, citations }: TextOptions = {}): MessageEvents {
    checkString('text', 'text', text);
    const size = checkedChunk('text', chunk);
    const cited = structuredClone(citations);
    return this.#block({
      start: () => ({ type: 'text', text: '', citations: cited ? [] : null }),
      *deltas() {
        for (const citation of cited ?? []) {
          yield { type: 'citations_delta', citation: structuredClone(citation) };
        }
        for (const piece of pieces(text, size)) yield { type: 'text_delta', text: piece };
      },
      length: text.length,
    });
  }

  /** A thinking block, with its signature. */
  thinking(text: string, { chunk, signature = SIGNATURE }: ThinkingOptions = {}): MessageEvents {
    checkString('thinking', 'text', text);
    const size = checkedChunk('thinking', chunk);
    return this.#block({
      start: () => ({ type: 'thinking', thinking: '', signature: '' }),
      *deltas() {
        for (const thinking of pieces(text, size)) yield { type: 'thinking_delta', thinking };
        if (signature !== '') yield { type: 'signature_delta', signature };
      },
      length: text.length,
    });
  }

  /** An encrypted thinking block, complete in its start. */
  redactedThinking(data: string): MessageEvents {
    checkString('redactedThinking', 'data', data);
    return this.block({ type: 'redacted_thinking', data });
  }

  /** A call of a client-side tool. Its input begins with an empty delta, as in the API. */
  toolUse(name: string, input: unknown = {}, options: ToolUseOptions = {}): MessageEvents {
    return this.#call('tool_use', 'toolu_', name, input, options);
  }

  /** A call of a tool that the API runs; add its result with `block`. */
  serverToolUse(
    name: ServerToolUseBlock['name'] | (string & {}),
    input: unknown = {},
    options: ToolUseOptions = {},
  ): MessageEvents {
    return this.#call('server_tool_use', 'srvtoolu_', name, input, options);
  }

  /** A block that is complete in its start: the result of a server tool, a `fallback`. */
  block(block: ContentBlock | BetaContentBlock | RawFields): MessageEvents {
    checkString('block', 'block.type', block?.type);
    const copy = structuredClone(block) as unknown as RawFields;
    const start = () => structuredClone(copy);
    return this.#block({ start, deltas: () => [], length: JSON.stringify(copy).length });
  }

  /** A ping between two blocks. */
  ping(): MessageEvents {
    return this.event({ type: 'ping' });
  }

  /**
   * Any event, unchanged, at this place. The reply may then not be valid. A `content_block_start` increases
   * the index of the following blocks.
   */
  event(event: AnyStreamEvent | RawFields): MessageEvents {
    checkString('event', 'event.type', event?.type);
    return new MessageEvents([...this.#parts, { event: event as RawFields }], this.#fields);
  }

  /** Fields of the message; later ones replace earlier ones. */
  with(fields: MessageFields): MessageEvents {
    return new MessageEvents(this.#parts, { ...this.#fields, ...fields });
  }

  /** The same reply as the `count`-th reply of a server, with unique default ids. */
  numbered(count: number): MessageEvents {
    return new MessageEvents(this.#parts, { id: `msg_${count}`, ...this.#fields });
  }

  *[Symbol.iterator](): Generator<StreamEvent, void, undefined> {
    // The SDK's helpers write into `message_start.message`, so each iteration makes new objects.
    const message = this.#emptyMessage();
    const { id } = message;
    yield { type: 'message_start', message };
    let index = 0;
    let hasCall = false;
    for (const part of this.#parts) {
      if ('event' in part) {
        yield part.event as unknown as StreamEvent;
        if (part.event.type === 'content_block_start') {
          index = Math.max(index, Number(part.event['index']) + 1);
          hasCall ||= isCall(part.event['content_block'] as RawFields);
        }
      } else {
        const block = part.start(index, id);
        hasCall ||= isCall(block);
        yield { type: 'content_block_start', index, content_block: block as never };
        for (const delta of part.deltas()) {
          yield { type: 'content_block_delta', index, delta: delta as never };
        }
        yield { type: 'content_block_stop', index };
        index++;
      }
    }
    yield this.#messageDelta(hasCall);
    yield { type: 'message_stop' };
  }

  #block(part: BlockPart): MessageEvents {
    return new MessageEvents([...this.#parts, part], this.#fields);
  }

  #call(
    type: 'tool_use' | 'server_tool_use',
    prefix: string,
    name: string,
    input: unknown,
    { id, chunk, json = inputText(input) }: ToolUseOptions,
  ): MessageEvents {
    checkString(type === 'tool_use' ? 'toolUse' : 'serverToolUse', 'name', name);
    const size = checkedChunk('toolUse', chunk);
    return this.#block({
      start: (index, messageId) => ({
        type,
        id:
          id ??
          prefix + (messageId === FIRST ? index : `${messageId.replace('msg_', '')}_${index}`),
        name,
        input: {},
        caller: { type: 'direct' },
      }),
      *deltas() {
        yield { type: 'input_json_delta', partial_json: '' };
        for (const piece of pieces(json, size)) {
          yield { type: 'input_json_delta', partial_json: piece };
        }
      },
      length: name.length + json.length,
    });
  }

  #usage(): Usage {
    const length = this.#parts.reduce((sum, part) => sum + ('length' in part ? part.length : 0), 0);
    return {
      cache_creation: null,
      cache_creation_input_tokens: null,
      cache_read_input_tokens: null,
      inference_geo: null,
      input_tokens: 25,
      output_tokens: Math.max(1, Math.ceil(length / 4)),
      output_tokens_details: null,
      server_tool_use: null,
      service_tier: null,
      speed: null,
      ...structuredClone(this.#fields.usage),
    };
  }

  #emptyMessage(): Message {
    const { id = FIRST, model = 'claude-opus-5-5' } = this.#fields;
    const usage = this.#usage();
    usage.output_tokens = Math.min(1, usage.output_tokens);
    usage.output_tokens_details = usage.server_tool_use = null;
    return {
      id,
      type: 'message',
      role: 'assistant',
      model,
      content: [],
      container: null,
      diagnostics: null,
      stop_details: null,
      stop_reason: null,
      stop_sequence: null,
      usage,
    };
  }

  #messageDelta(hasCall: boolean): StreamEvent {
    const { stopSequence = null, stopDetails = null, container = null } = this.#fields;
    const { input_tokens, output_tokens, cache_creation_input_tokens, ...rest } = this.#usage();
    const { cache_read_input_tokens, output_tokens_details, server_tool_use } = rest;
    const natural = hasCall ? 'tool_use' : 'end_turn';
    const implied = stopDetails ? 'refusal' : stopSequence === null ? natural : 'stop_sequence';
    const { stopReason = implied } = this.#fields;
    return {
      type: 'message_delta',
      delta: structuredClone({
        container,
        stop_details: stopDetails,
        stop_reason: stopReason as StopReason | null,
        stop_sequence: stopSequence,
      }),
      usage: {
        cache_creation_input_tokens,
        cache_read_input_tokens,
        input_tokens,
        output_tokens,
        output_tokens_details,
        server_tool_use,
      },
    };
  }
}

/**
 * Builds the events of a valid reply, from a chain of blocks. It can be iterated several times.
 *
 * ```text
 * messageEvents.text('Hello', { chunk: 3 })
 *
 * message_start
 * content_block_start  0 text
 * content_block_delta  0 'Hel'
 * content_block_delta  0 'lo'
 * content_block_stop   0
 * message_delta        end_turn
 * message_stop
 * ```
 *
 * - Each step returns a new reply and does not change the previous one. Each iteration makes new event
 *   objects, except those passed to `event`.
 * - Text is cut between code points, so no delta has half a character. The same calls give the same events
 *   and ids. A `MessagesServer` numbers its replies: the default ids of the second reply are `msg_2` and
 *   `toolu_2_0`.
 * - The message has all fields of the SDK's `Message`; nullable fields are `null` unless given.
 * - An empty text or input has a start and a stop, but no content in its deltas.
 *
 * Wire format: docs /docs/en/build-with-claude/streaming.
 *
 * @throws {TypeError} at the call, for a `chunk` that is not a whole number of at least 1 (or
 *   `Infinity`), and for a text, name or type that is not a string.
 *
 * @example
 * ```ts
 * import { textOnly } from 'claude-rx';
 * import { messageEvents } from 'claude-rx/testing';
 * import { from } from 'rxjs';
 *
 * const reply = messageEvents
 *   .thinking('They want the weather.')
 *   .text('Let me look. ', { chunk: 5 })
 *   .toolUse('get_weather', { city: 'Paris' })
 *   .with({ usage: { input_tokens: 412 } });
 *
 * from(reply).pipe(textOnly()).subscribe((text) => console.log(text)); // 'Let m', 'e loo', 'k. '
 * console.log([...reply].length);
 * ```
 */
export const messageEvents: MessageEvents = MessageEvents.empty();

function isCall(block: RawFields): boolean {
  return block.type === 'tool_use';
}

function inputText(input: unknown): string {
  const json: string | undefined = JSON.stringify(input);
  if (json === undefined) {
    throw new TypeError(
      `messageEvents.toolUse: the input must be a value that JSON can hold, got ${String(input)}`,
    );
  }
  // A call without arguments has no input text in the stream.
  return json === '{}' ? '' : json;
}

function checkString(method: string, what: string, value: unknown): void {
  if (typeof value !== 'string') {
    throw new TypeError(`messageEvents.${method}: ${what} must be a string, got ${typeof value}`);
  }
}
