/** What the service process of `service.ts` says of a run. */
export interface Usage {
  /** Milliseconds of CPU. */
  cpu: number;
  /** Calls of `write` and `writev` on the sockets of its readers. */
  writes: number;
  /** The most that the heap and its buffers held, in bytes. */
  memory: number;
}

/** So many readers follow one reply of a relay. */
export const FOLLOWERS = 100;
