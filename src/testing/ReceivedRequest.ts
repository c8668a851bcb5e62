/**
 * How a request ended: `complete` when the whole reply was sent, `client-left` when the client
 * closed the connection before that, `faulted` when a fault, or the closing of the server, cut it.
 */
export type Outcome = 'complete' | 'client-left' | 'faulted';

/** A request to a `MessagesServer`, and the state of its reply. */
export interface ReceivedRequest {
  readonly method: string;
  /** The path with the query, such as `/v1/messages?beta=true`. */
  readonly path: string;
  /** The headers. Names are in lower case; values of repeated headers are joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  /** The parsed JSON, or the text if it is not valid JSON. */
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into it
  readonly body: any;
  /** The `request-id` of the response. */
  readonly id: string;
  /** The number of events of the reply that were sent completely. */
  readonly eventsSent: number;
  /** The number of bytes of the body that were sent. */
  readonly bytesSent: number;
  readonly outcome: 'pending' | Outcome;
  /** Resolves with the outcome; it never rejects. */
  readonly finished: Promise<Outcome>;
  /** The error of `handle`, or of the iteration over the events. */
  readonly error: unknown;
}

/** The same, writable for the server. */
export type RequestState = { -readonly [K in keyof ReceivedRequest]: ReceivedRequest[K] };
