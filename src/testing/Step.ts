/** The next action on a connection. */
export type Step =
  /** `events` is the number of events of the reply that end in these bytes. */
  | { do: 'send'; bytes: Uint8Array; events: number }
  | { do: 'wait'; ms: number }
  /** From here on one byte at a time. */
  | { do: 'drip'; ms: number }
  /** The end of the body; `early` when it is a fault. */
  | { do: 'end'; early: boolean }
  | { do: 'fin' }
  | { do: 'rst' };
