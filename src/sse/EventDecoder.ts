import { revivedError } from '../message/errorFrame.ts';
import { frameTooLong, MAX_FRAME_LENGTH } from '../message/frameLimit.ts';
import { isRecord } from '../message/record.ts';
import { MessageStreamError, type MessageStreamErrorInit } from '../message/MessageStreamError.ts';
import type { StreamEvent } from '../message/StreamEvent.ts';
import { fromApiError } from '../message/toMessageStreamError.ts';
import { DeltaTemplate } from './DeltaTemplate.ts';
import { FrameReader } from './FrameReader.ts';
import { Utf8Decoder } from './Utf8Decoder.ts';

/** As many characters of bad data are shown in an error. */
const SHOWN = 200;
/** How the data of an event of the API begins. */
const BEGINS_LIKE_EVENT = /^\s*\{\s*"type"/;
/** As many characters of a body without events are kept: enough for an error in JSON. */
const KEPT = 16_384;

interface Value {
  type?: unknown;
  error?: unknown;
}

export interface EventDecoderOptions {
  /**
   * The longest frame, all its `data:` lines together, in UTF-16 code units. A longer one is an error
   * with code `protocol`. Default: 67,108,864 (64 MiB of ASCII).
   */
  maxFrameLength?: number | undefined;
}

/**
 * Turns the bytes of an event stream, cut anywhere, into stream events.
 *
 * - All events of a chunk are handed to `onEvent` before `push` returns.
 * - A frame without `event:` is taken by the `type` in its data; comments and empty frames become
 *   `ping`, so that clocks for liveness see them.
 * - An error frame, or data that is no event, throws a `MessageStreamError`; the events before it
 *   have been handed over. Data that is not JSON behind good events is a lost connection (code
 *   `connection`): a proxy has cut a frame and appended something. Otherwise it is `protocol`.
 * - A frame that is longer than `maxFrameLength` throws with code `protocol`.
 *
 * @example
 * ```ts
 * import { EventDecoder } from 'claude-rx';
 *
 * const decoder = new EventDecoder((event) => console.log(event.type));
 * decoder.push(new TextEncoder().encode('data: {"type":"ping"}\n'));
 * decoder.end();
 * ```
 */
export class EventDecoder {
  readonly #onEvent: (event: StreamEvent) => void;
  readonly #utf8: Utf8Decoder = new Utf8Decoder();
  #delta: DeltaTemplate | undefined = DeltaTemplate.latest;
  readonly #frames: FrameReader;
  #head = '';
  #count = 0;
  /** Whether a frame was a whole event: so this is an event stream. */
  #isProven = false;
  #ending = false;
  #stopped = false;

  constructor(
    onEvent: (event: StreamEvent) => void,
    { maxFrameLength = MAX_FRAME_LENGTH }: EventDecoderOptions = {},
  ) {
    this.#onEvent = onEvent;
    const listener = {
      onFrame: (event: string | undefined, data: string) => this.#take(event, data),
      onComment: () => this.#emit({ type: 'ping' }),
      takeAt: (text: string, at: number) => {
        const event = this.#delta?.take(text, at);
        if (event === undefined) return at;
        // Before the event is out: templates are shared, and who gets it may read another reply.
        const { end } = this.#delta!;
        this.#accept();
        this.#emit(event);
        return end;
      },
      onTooLong: () => {
        throw frameTooLong('The stream holds a frame', maxFrameLength);
      },
    };
    this.#frames = new FrameReader(listener, maxFrameLength);
  }

  /** How many events have been handed over. */
  get count(): number {
    return this.#count;
  }

  /**
   * The `id:` of the last frame that was a whole event or a whole error frame; while an event is
   * handed over, or an error frame thrown, its own. Bad data and an unfinished frame do not count.
   */
  get lastId(): string | undefined {
    return this.#frames.lastId;
  }

  /** How the body begins, while no event has been found in it: for error messages. */
  get head(): string {
    return this.#head;
  }

  /** Takes the next bytes. */
  push(chunk: Uint8Array): void {
    this.#feed(this.#utf8.decode(chunk));
  }

  /**
   * Says that no more bytes come: a last frame that lacks only its blank line is handed over, and
   * one that was cut is dropped.
   */
  end(): void {
    this.#ending = true;
    this.#feed(`${this.#utf8.end()}\n\n`);
  }

  /** Hands nothing over any more, not even the rest of the chunk that is being read. */
  stop(): void {
    this.#stopped = true;
    this.#frames.stop();
  }

  #feed(text: string): void {
    if (this.#stopped || text === '') return;
    if (this.#count === 0 && !this.#ending && this.#head.length < KEPT) {
      this.#head += text.slice(0, KEPT);
    }
    try {
      this.#frames.read(text);
    } catch (error) {
      // The reader was left in the middle of a chunk.
      this.stop();
      throw error;
    }
  }

  #emit(event: StreamEvent): void {
    if (this.#stopped) return;
    // What begins the body would hold all of its first chunk.
    if (this.#count++ === 0) this.#head = '';
    this.#onEvent(event);
  }

  #take(event: string | undefined, data: string): void {
    if (this.#stopped || data === '[DONE]') return;
    if (data === '' && this.#ending) return;
    if (event === 'ping') return this.#accepted({ type: 'ping' });
    if (data === '' && event !== 'error') return this.#emit({ type: 'ping' });
    const value = this.#parse(data, event);
    if (value === undefined) return;
    const hasType = typeof value.type === 'string';
    if (event === 'error' || value.type === 'error' || (!hasType && value.error)) {
      this.#accept();
      throw fromApiError({ body: value });
    }
    // A seam that was sent on: what broke the attempt before is an error again.
    if (value.type === 'resume') value.error = revivedError(value.error) ?? value.error;
    if (value.type === 'content_block_delta') {
      this.#delta = DeltaTemplate.learn(event, data, value) ?? this.#delta;
    }
    if (hasType) return this.#accepted(value as StreamEvent);
    if (event === undefined) throw badData('The stream holds a frame without a type', data);
    this.#accepted({ ...value, type: event } as StreamEvent);
  }

  #accepted(event: StreamEvent): void {
    this.#accept();
    this.#emit(event);
  }

  /** Of a frame whose blank line has not come nobody knows whether it was to go on. */
  #accept(): void {
    this.#isProven = true;
    if (!this.#ending) this.#frames.accept();
  }

  #parse(data: string, event: string | undefined): Value | undefined {
    let value: unknown;
    try {
      value = JSON.parse(data);
    } catch (cause) {
      // An error in plain text; one that begins as JSON was cut.
      if (event === 'error' && !/^\s*\{/.test(data)) return { error: { message: data } };
      if (this.#ending) return undefined;
      if (this.#isProven || BEGINS_LIKE_EVENT.test(data)) {
        // A proxy that loses its connection may append a page, or an error, to the frame it has begun.
        const what = 'The connection was lost inside a frame, and something else follows';
        throw badData(what, data, { code: 'connection', cause });
      }
      throw badData('The stream holds data that is not JSON', data, { code: 'protocol', cause });
    }
    if (isRecord(value)) return value;
    if (event === 'error') return { error: { message: String(value) } };
    throw badData('The stream holds data that is no event', data);
  }
}

function badData(
  what: string,
  data: string,
  init: MessageStreamErrorInit = { code: 'protocol' },
): MessageStreamError {
  return new MessageStreamError(`${what}: ${JSON.stringify(data.slice(0, SHOWN))}`, init);
}
