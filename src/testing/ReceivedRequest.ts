/**
 * How a request ended: `complete` when the whole reply was sent, `client-left` when the client
 * closed the connection before that, `faulted` when a fault, or the closing of the server, cut it.
 */
export type Outcome = 'complete' | 'client-left' | 'faulted';

/** What a `MessagesServer` was sent, and how far its answer has come. */
export interface ReceivedRequest {
  readonly method: string;
  /** With the query, such as `/v1/messages?beta=true`. */
  readonly path: string;
  /** Names in lower case; repeated ones joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  /** The parsed JSON; the text, where it is no JSON. */
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into it
  readonly body: any;
  /** The `request-id` it was answered with. */
  readonly id: string;
  /** How many events of the reply the connection has taken in full. */
  readonly eventsSent: number;
  /** How many bytes of the body the connection has taken. */
  readonly bytesSent: number;
  readonly outcome: 'pending' | Outcome;
  /** Resolves with the outcome; it never rejects. */
  readonly finished: Promise<Outcome>;
  /** What was thrown by `handle` or by the iteration of the events. */
  readonly error: unknown;
}

/** The same, for the server to write into. */
export type RequestState = { -readonly [K in keyof ReceivedRequest]: ReceivedRequest[K] };
