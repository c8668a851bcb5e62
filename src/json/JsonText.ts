import {
  IncrementalJsonParser,
  type IncrementalJsonParserConfig,
} from './IncrementalJsonParser.ts';
import type { JsonValue } from './JsonValue.ts';

/** JSON text that a model is writing. What is wrong with it is kept until the end. */
export class JsonText {
  readonly #parser: IncrementalJsonParser;
  #text = '';

  constructor(config?: IncrementalJsonParserConfig) {
    this.#parser = new IncrementalJsonParser(config);
  }

  /** All of the text so far. */
  get text(): string {
    return this.#text;
  }

  /** The value so far; of text that is no JSON, what was good of it. */
  get value(): JsonValue | undefined {
    return this.#parser.value;
  }

  /** Whether the text so far is one whole value, and could not be the beginning of another. */
  get complete(): boolean {
    return this.#parser.complete;
  }

  push(piece: string): void {
    this.#text += piece;
    try {
      this.#parser.push(piece);
    } catch {
      // The parser stays with its error, and `end` throws it.
    }
  }

  takeElements(): JsonValue[] {
    return this.#parser.takeElements();
  }

  /**
   * The whole value.
   *
   * @throws JsonSyntaxError when the text is not one whole JSON value
   */
  end(): JsonValue {
    return this.#parser.end();
  }
}
