/** An event of a reply as it is reported: known fields only, content shortened or replaced. */
export interface ReportedEvent {
  type: string;
  [field: string]: unknown;
}

/** A value that is no event, as it is reported. */
export interface ReportedValue {
  /** Such as `string`, `object`, or the `type` of the object. */
  type: string;
  /** What it contains, shortened. Only where content was asked for. */
  text?: string;
}

/** How a stage failed, as it is reported. */
export interface ReportedError {
  /** The code of a `MessageStreamError`, else the name of the error. */
  code: string;
  /** Only where content was asked for: a message may quote what was received. */
  message?: string;
}

/**
 * One line of what `inspect` reports. `id` names the subscription of a stage, `at` is in milliseconds
 * of the epoch, `into` the subscription that the values go to: the next stage of the pipeline.
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
