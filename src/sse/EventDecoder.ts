import { recallContinuation } from '../message/continuation.ts';
import { revivedError } from '../message/errorFrame.ts';
import { isRecord } from '../message/record.ts';
import { MessageStreamError } from '../message/MessageStreamError.ts';
import type { StreamEvent } from '../message/StreamEvent.ts';
import { fromApiError } from '../message/toMessageStreamError.ts';
import { DeltaTemplate } from './DeltaTemplate.ts';
import { FrameReader } from './FrameReader.ts';
import { Utf8Decoder } from './Utf8Decoder.ts';

/** As many characters of bad data are shown in an error. */
const SHOWN = 200;
/** As many characters of a body without events are kept: enough for an error in JSON. */
const KEPT = 16_384;

interface Value {
  type?: unknown;
  error?: unknown;
  claude_rx?: unknown;
}

/**
 * Turns the bytes of an event stream, cut anywhere, into stream events.
 *
 * - All events of a chunk are handed to `onEvent` before `push` returns.
 * - A frame without `event:` is taken by the `type` in its data; comments and empty frames become
 *   `ping`, so that whoever measures liveness sees them.
 * - An error frame, or data that is no event, throws a `MessageStreamError`; the events before it
 *   have been handed over.
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
  readonly #frames: FrameReader = new FrameReader({
    onFrame: (event, data) => this.#take(event, data),
    onComment: () => this.#emit({ type: 'ping' }),
    takeAt: (text, at) => {
      const event = this.#delta?.take(text, at);
      if (event === undefined) return at;
      // Before the event is out: templates are shared, and who gets it may read another reply.
      const { end } = this.#delta!;
      this.#emit(event);
      return end;
    },
  });
  #head = '';
  #count = 0;
  #ending = false;
  #stopped = false;

  constructor(onEvent: (event: StreamEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** How many events have been handed over. */
  get count(): number {
    return this.#count;
  }

  /** The last `id:` of a frame; while an event is handed over, or an error frame thrown, its own. */
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
    if (event === 'ping') return this.#emit({ type: 'ping' });
    if (data === '') return this.#ending ? undefined : this.#emit({ type: 'ping' });
    const value = this.#parse(data, event);
    if (value === undefined) return;
    if (event === 'error' || value.type === 'error') throw fromApiError({ body: value });
    // A seam that was sent on: what broke the attempt before is an error again.
    if (value.type === 'resume') value.error = revivedError(value.error) ?? value.error;
    if (value.type === 'content_block_delta') {
      this.#delta = DeltaTemplate.learn(event, data, value) ?? this.#delta;
    }
    recallContinuation(value);
    if (typeof value.type === 'string') return this.#emit(value as StreamEvent);
    if (value.error) throw fromApiError({ body: value });
    if (event === undefined) throw noEvent('a frame without a type', data);
    this.#emit({ ...value, type: event } as StreamEvent);
  }

  #parse(data: string, event: string | undefined): Value | undefined {
    let value: unknown;
    try {
      value = JSON.parse(data);
    } catch (cause) {
      if (event === 'error') return { error: { message: data } };
      if (this.#ending) return undefined;
      throw noEvent('data that is not JSON', data, cause);
    }
    if (isRecord(value)) return value;
    if (event === 'error') return { error: { message: String(value) } };
    throw noEvent('data that is no event', data);
  }
}

function noEvent(what: string, data: string, cause?: unknown): MessageStreamError {
  return new MessageStreamError(
    `The stream holds ${what}: ${JSON.stringify(data.slice(0, SHOWN))}`,
    {
      code: 'protocol',
      cause,
    },
  );
}
