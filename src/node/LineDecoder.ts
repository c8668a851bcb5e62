import { Buffer } from 'node:buffer';
import { MessageStreamError } from '../message/MessageStreamError.ts';

const NEWLINE = 0x0a;

/**
 * Splits chunks of bytes into lines of text. The cost is linear, also for a line in many chunks: its
 * bytes are joined and decoded once.
 */
export class LineDecoder {
  readonly #onLine: (line: string) => void;
  readonly #maxLength: number;
  /** The unfinished line. */
  #pieces: Uint8Array[] = [];
  #length = 0;
  #isStopped = false;

  constructor(onLine: (line: string) => void, maxLength: number) {
    this.#onLine = onLine;
    this.#maxLength = maxLength;
  }

  /** @throws MessageStreamError when a line is longer than the limit. */
  push(chunk: Uint8Array): void {
    let begin = 0;
    while (!this.#isStopped) {
      const end = chunk.indexOf(NEWLINE, begin);
      this.#keep(chunk.subarray(begin, end < 0 ? undefined : end));
      if (end < 0) return;
      this.#take();
      begin = end + 1;
    }
  }

  /** Emits the last line, which may have no line break. */
  end(): void {
    if (!this.#isStopped) this.#take();
  }

  /** Emits no more lines, also in the middle of a chunk. */
  stop(): void {
    this.#isStopped = true;
    this.#pieces = [];
  }

  #keep(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#length += piece.length;
    if (this.#length <= this.#maxLength) return;
    const begin = Buffer.concat(this.#pieces.slice(0, 1)).toString('utf8', 0, 200);
    throw new MessageStreamError(
      `A line of the output is longer than ${this.#maxLength} bytes (\`maxLineLength\`): raise this ` +
        `option if the line is valid. It begins with ${JSON.stringify(begin)}`,
      { code: 'protocol' },
    );
  }

  #take(): void {
    if (this.#length === 0) return;
    const bytes = Buffer.concat(this.#pieces, this.#length);
    this.#pieces = [];
    this.#length = 0;
    this.#onLine(bytes.toString('utf8'));
  }
}
