/** Carries lines to the inspector. None of its functions throws. */
export interface Transport {
  /** Whether lines can be sent now. */
  isReady(): boolean;
  /** Sends lines; `hello` is sent before them on a new connection. */
  send(lines: string, hello: string): void;
  /** Sends the last lines at the end of the program or page, without a long wait. */
  end(lines: string, hello: string, isLast: boolean): void;
  /** Calls `ending` when the program or page ends; returns a function that removes the listener. */
  onEnd(ending: (isLast: boolean) => void): () => void;
}
