import { type MonoTypeOperatorFunction, pipe, takeUntil } from 'rxjs';
import { requireMessageStop } from '../../operators/requireMessageStop.ts';
import type { Valve } from '../flow/Valve.ts';
import { whenAborted } from '../flow/whenAborted.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';

export interface SourceOptions {
  /**
   * Aborts the reply from outside: the Observable errors with code `aborted` and the signal's
   * reason as `cause`. (To cancel without a notification, unsubscribe.)
   */
  signal?: AbortSignal | undefined;
  /** Makes the source wait while a slow step is behind: see `Valve`. */
  valve?: Valve | undefined;
  /**
   * Whether the `partial` of an error holds the content. With `false` it holds all but that, and a
   * reply of any length takes no memory. Default: `true`.
   */
  keepContent?: boolean | undefined;
  /** Accepts a stream that ends after a `stop_reason` without `message_stop`. Default: `false`. */
  allowMissingMessageStop?: boolean | undefined;
}

export interface ResponseOptions extends SourceOptions {
  /** Called once with the response, when its headers are there and before its first event. */
  onResponse?: ((response: ResponseInfo) => void) | undefined;
  /**
   * The longest frame of the stream, in UTF-16 code units, and the longest message of a request that
   * does not stream: a longer one is an error with code `protocol`. Where the SDK reads such a message,
   * only a `content-length` that is longer is refused. Default: 67,108,864 (64 MiB of ASCII).
   */
  maxFrameLength?: number | undefined;
}

/** What the headers of a response say. */
export interface ResponseInfo {
  /** The API's `request-id`: quote it to support. */
  requestId: string | undefined;
  status: number;
  headers: Headers;
}

/** The one way in which every source ends. */
export function endings<E extends AnyStreamEvent>({
  signal,
  allowMissingMessageStop = false,
  keepContent = true,
}: SourceOptions = {}): MonoTypeOperatorFunction<E> {
  const end = requireMessageStop<E>({ allowMissing: allowMissingMessageStop, keepContent });
  return signal ? pipe(takeUntil<E>(whenAborted(signal)), end) : end;
}
