/** Carries lines to the inspector. None of its functions throws. */
export interface Transport {
  /** Whether lines can be sent now. */
  isReady(): boolean;
  /** Sends lines; `hello` is sent before them on a new connection. */
  send(lines: string, hello: string): void;
  /** Sends the last lines, as far as that is possible without waiting, or for long. */
  end(lines: string, hello: string, isLast: boolean): void;
  /** Calls `ending` when the program or page ends; returns a function that stops that. */
  onEnd(ending: (isLast: boolean) => void): () => void;
}
