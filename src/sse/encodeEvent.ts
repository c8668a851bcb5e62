import type { AnyStreamEvent } from '../message/StreamEvent.ts';

/** What can be written as a frame: the events of a reply, `error`, and types yet unknown. */
export type EncodableEvent = AnyStreamEvent | { type: string; [field: string]: unknown };

export interface EncodeEventOptions {
  /** What ends a line; the standard allows these three. Default: `'\n'`. */
  lineEnding?: '\n' | '\r\n' | '\r';
  /** Whether the frame names its type in a line of its own, as the API does. Default: `true`. */
  eventLine?: boolean;
}

/**
 * One event as one SSE frame, `event: <type>` and `data: <json>`, as the API writes it
 * (docs: /docs/en/build-with-claude/streaming).
 *
 * The JSON holds no raw line break, so that a frame is always two lines and an empty one.
 *
 * @throws {TypeError} when `event` has no `type`, or one that would break out of its line.
 *
 * @example
 * ```ts
 * import { encodeEvent } from 'claude-rx';
 *
 * encodeEvent({ type: 'ping' }); // 'event: ping\ndata: {"type":"ping"}\n\n'
 * ```
 */
export function encodeEvent(
  event: EncodableEvent,
  { lineEnding = '\n', eventLine = true }: EncodeEventOptions = {},
): string {
  const { type } = event;
  if (typeof type !== 'string' || /[\r\n\0]/.test(type)) {
    throw new TypeError(
      `An event needs a type of one line to be written as SSE, got ${JSON.stringify(type)}`,
    );
  }
  const data = `data: ${JSON.stringify(event)}${lineEnding}${lineEnding}`;
  return eventLine ? `event: ${type}${lineEnding}${data}` : data;
}
