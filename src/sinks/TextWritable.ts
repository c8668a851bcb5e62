/** The required part of a Node `Writable`: `process.stdout`, a file stream, a `ServerResponse`. */
export interface TextWritable {
  readonly destroyed?: boolean;
  readonly writableEnded?: boolean;
  write(text: string, callback?: () => void): boolean;
  end(callback?: () => void): unknown;
  destroy?(): unknown;
  on(event: string, listener: (error?: unknown) => void): unknown;
  off(event: string, listener: (error?: unknown) => void): unknown;
}
