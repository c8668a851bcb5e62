/** What is done next with a connection. */
export type Step =
  /** `events` counts the events of the reply whose last byte is among these. */
  | { do: 'send'; bytes: Uint8Array; events: number }
  | { do: 'wait'; ms: number }
  /** From here on one byte at a time. */
  | { do: 'drip'; ms: number }
  /** The end of the body; `early` when it is a fault. */
  | { do: 'end'; early: boolean }
  | { do: 'fin' }
  | { do: 'rst' };
