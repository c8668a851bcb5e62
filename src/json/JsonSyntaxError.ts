/** The position of the first error in a JSON text. */
export interface JsonErrorPosition {
  /** The index of the invalid UTF-16 code unit in the whole text, from 0. */
  readonly position: number;
  /** The line, from 1. A line ends at a line feed, so CR LF counts once. */
  readonly line: number;
  /** The column, from 1, in UTF-16 code units. */
  readonly column: number;
  /**
   * The text up to and with the invalid code unit, at most 40 code units. It has no text after it, so that
   * the error is the same however the text was split.
   */
  readonly context: string;
}

/** Thrown for text that is not JSON, or that ends before the JSON value is complete. */
export class JsonSyntaxError extends SyntaxError implements JsonErrorPosition {
  override readonly name: string = 'JsonSyntaxError';
  readonly position: number;
  readonly line: number;
  readonly column: number;
  readonly context: string;

  constructor(problem: string, { position, line, column, context }: JsonErrorPosition) {
    super(`${problem} at line ${line}, column ${column} of the JSON: ${JSON.stringify(context)}`);
    this.position = position;
    this.line = line;
    this.column = column;
    this.context = context;
  }
}
