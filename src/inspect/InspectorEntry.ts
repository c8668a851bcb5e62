/** A reported event of a reply: only known fields, with the content shortened or replaced. */
export interface ReportedEvent {
  type: string;
  [field: string]: unknown;
}

/** A reported value that is not an event. */
export interface ReportedValue {
  /** Such as `string`, `object`, or the `type` of the object. */
  type: string;
  /** The content of the value, shortened. Only if content is reported. */
  text?: string;
}

/** The reported error of a stage. */
export interface ReportedError {
  /** The code of a `MessageStreamError`, else the name of the error. */
  code: string;
  /** Only if content is reported, because a message may quote content. */
  message?: string;
}

/**
 * One entry that `inspect` reports. `id` is the subscription of a stage, `at` is in milliseconds since
 * the epoch, and `into` is the subscription of the next stage of the pipeline.
 */
export type InspectorEntry =
  | { type: 'process'; at: number; name: string }
  | { type: 'subscribe'; id: number; at: number; stage: string; content: boolean; into?: number }
  | { type: 'join'; id: number; at: number; into: number }
  | { type: 'event'; id: number; at: number; event: ReportedEvent; count?: number }
  | { type: 'value'; id: number; at: number; value: ReportedValue; count?: number }
  | { type: 'valve'; id: number; at: number; depth: number; isOpen: boolean }
  | { type: 'complete'; id: number; at: number }
  | { type: 'unsubscribe'; id: number; at: number }
  | { type: 'error'; id: number; at: number; error: ReportedError }
  | { type: 'dropped'; at: number; count: number };
