import { MAX_FRAME_LENGTH } from '../message/frameLimit.ts';

/** What a `FrameReader` tells. */
export interface FrameListener {
  /** A frame with data; a frame of type `error` also without. */
  onFrame(event: string | undefined, data: string): void;
  onComment(): void;
  /** Is shown where a frame may begin; takes it and returns where it ends, or returns `at`. */
  takeAt(text: string, at: number): number;
  /** A frame is longer than allowed; throws. */
  onTooLong(): never;
}

/**
 * Splits the text of an event stream, cut anywhere, into its frames
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation).
 *
 * `retry` is ignored: how long to wait is the reader's own to say.
 */
export class FrameReader {
  readonly #listener: FrameListener;
  readonly #maxLength: number;
  /** A line whose end has not come, in parts: joined once, since it may be long and cut often. */
  #unended: string[] = [];
  #unendedLength = 0;
  #event: string | undefined;
  #data: string | undefined;
  /** The `id` of the frame that is being read. */
  #id: string | undefined;
  #lastId: string | undefined;
  #endsInCR = false;
  #stopped = false;

  constructor(listener: FrameListener, maxLength: number = MAX_FRAME_LENGTH) {
    this.#listener = listener;
    this.#maxLength = maxLength;
  }

  /** The `id` of the last frame that was accepted: the next connection continues after it. */
  get lastId(): string | undefined {
    return this.#lastId;
  }

  /** The frame that was handed over last is a whole event or error: its `id` counts. */
  accept(): void {
    if (this.#id === undefined) return;
    this.#lastId = this.#id;
    this.#id = undefined;
  }

  stop(): void {
    this.#stopped = true;
  }

  read(chunk: string): void {
    let text = this.#withLineFeeds(chunk);
    if (!text.includes('\n')) return this.#keep(text);
    if (this.#unended.length > 0) {
      text = this.#unended.join('') + text;
      this.#unended = [];
      this.#unendedLength = 0;
    }
    let at = 0;
    while (!this.#stopped) {
      const isBetween = this.#event === undefined && this.#data === undefined;
      const taken = isBetween ? this.#listener.takeAt(text, at) : at;
      if (taken > at) {
        at = taken;
        continue;
      }
      const end = text.indexOf('\n', at);
      if (end < 0) break;
      this.#readLine(text, at, end);
      at = end + 1;
    }
    if (at < text.length) this.#keep(text.slice(at));
  }

  /** Keeps the part of a line whose end has not come. */
  #keep(text: string): void {
    this.#unended.push(text);
    this.#unendedLength += text.length;
    this.#requireLength(this.#unendedLength);
  }

  #requireLength(length: number): void {
    if (length + (this.#data?.length ?? 0) > this.#maxLength) this.#listener.onTooLong();
  }

  #readLine(text: string, at: number, end: number): void {
    if (at === end) return this.#endFrame();
    const data = valueOf('data', text, at, end);
    if (data !== undefined) {
      this.#requireLength(data.length);
      this.#data = this.#data === undefined ? data : `${this.#data}\n${data}`;
    } else if (text[at] === ':') {
      this.#listener.onComment();
    } else {
      this.#event = valueOf('event', text, at, end) ?? this.#event;
      const id = valueOf('id', text, at, end);
      // As the standard says, one with NUL is ignored.
      if (id !== undefined && !id.includes('\0')) this.#id = id;
    }
  }

  #endFrame(): void {
    const event = this.#event;
    const data = this.#data;
    this.#event = this.#data = undefined;
    if (data !== undefined) this.#listener.onFrame(event || undefined, data);
    else if (event === 'error') this.#listener.onFrame(event, '');
    // The `id` of a frame that was not accepted does not count.
    this.#id = undefined;
  }

  /** Ends every line in LF; an LF that completes the CR of the chunk before ends nothing. */
  #withLineFeeds(chunk: string): string {
    const text = this.#endsInCR && chunk.startsWith('\n') ? chunk.slice(1) : chunk;
    this.#endsInCR = chunk.endsWith('\r');
    return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
  }
}

/** The value in the line from `at` to `end`; `undefined` where that is another field's. */
function valueOf(field: string, text: string, at: number, end: number): string | undefined {
  if (!text.startsWith(field, at)) return undefined;
  const colon = at + field.length;
  if (colon === end) return '';
  if (text[colon] !== ':') return undefined;
  return text.slice(text[colon + 1] === ' ' ? colon + 2 : colon + 1, end);
}
