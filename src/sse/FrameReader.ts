/** What a `FrameReader` tells. */
export interface FrameListener {
  onFrame(event: string | undefined, data: string): void;
  onComment(): void;
  /** Is shown where a frame may begin; takes it and returns where it ends, or returns `at`. */
  takeAt(text: string, at: number): number;
}

/**
 * Splits the text of an event stream, cut anywhere, into its frames
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation).
 *
 * `retry` is ignored: how long to wait is the reader's own to say.
 */
export class FrameReader {
  readonly #listener: FrameListener;
  /** A line whose end has not come, in parts: joined once, since it may be long and cut often. */
  #unended: string[] = [];
  #event: string | undefined;
  #data: string | undefined;
  #lastId: string | undefined;
  #endsInCR = false;
  #stopped = false;

  constructor(listener: FrameListener) {
    this.#listener = listener;
  }

  /** The last `id`: the next connection says it, to go on from there. */
  get lastId(): string | undefined {
    return this.#lastId;
  }

  stop(): void {
    this.#stopped = true;
  }

  read(chunk: string): void {
    let text = this.#withLineFeeds(chunk);
    if (!text.includes('\n')) {
      this.#unended.push(text);
      return;
    }
    if (this.#unended.length > 0) {
      text = this.#unended.join('') + text;
      this.#unended = [];
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
    if (at < text.length) this.#unended.push(text.slice(at));
  }

  #readLine(text: string, at: number, end: number): void {
    if (at === end) return this.#endFrame();
    const data = valueOf('data', text, at, end);
    if (data !== undefined) {
      this.#data = this.#data === undefined ? data : `${this.#data}\n${data}`;
    } else if (text[at] === ':') {
      this.#listener.onComment();
    } else {
      this.#event = valueOf('event', text, at, end) ?? this.#event;
      this.#lastId = valueOf('id', text, at, end) ?? this.#lastId;
    }
  }

  #endFrame(): void {
    const event = this.#event;
    const data = this.#data;
    this.#event = this.#data = undefined;
    if (data !== undefined) this.#listener.onFrame(event || undefined, data);
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
