/** Where a text stops being JSON. */
export interface JsonErrorPosition {
  /** UTF-16 code units in front of the offending one, from the start of the whole text. */
  readonly position: number;
  /** From 1. A line ends at a line feed, so CR LF counts once. */
  readonly line: number;
  /** From 1, in UTF-16 code units. */
  readonly column: number;
  /**
   * The text that led there, at most 40 code units, up to and with the offending one. Nothing behind
   * it, so that a text gives the same error however it was split.
   */
  readonly context: string;
}

/** The text is not JSON or, at its end, not yet one whole JSON value. */
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
