import {
  IncrementalJsonParser,
  type IncrementalJsonParserConfig,
} from './IncrementalJsonParser.ts';
import type { JsonValue } from './JsonValue.ts';

/** JSON text that a model is writing. Its syntax error is thrown only by `end`. */
export class JsonText {
  readonly #parser: IncrementalJsonParser;
  #text = '';

  constructor(config?: IncrementalJsonParserConfig) {
    this.#parser = new IncrementalJsonParser(config);
  }

  /** The text so far. */
  get text(): string {
    return this.#text;
  }

  /** The value so far; for invalid text, the value before the error. */
  get value(): JsonValue | undefined {
    return this.#parser.value;
  }

  /** Whether the text so far is one complete value that more text cannot change. */
  get complete(): boolean {
    return this.#parser.complete;
  }

  push(piece: string): void {
    this.#text += piece;
    try {
      this.#parser.push(piece);
    } catch {
      // The parser keeps its error, and `end` throws it.
    }
  }

  takeElements(): JsonValue[] {
    return this.#parser.takeElements();
  }

  /**
   * The complete value.
   *
   * @throws JsonSyntaxError when the text is not one complete JSON value
   */
  end(): JsonValue {
    return this.#parser.end();
  }
}
