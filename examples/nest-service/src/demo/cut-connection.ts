import type { StreamEvent } from 'claude-rx';
import type { Response } from 'express';
import { map, type MonoTypeOperatorFunction } from 'rxjs';

/** The event before which the connection breaks: after a little thinking and a few lines of text. */
const CUT_AT = 130;

/** A fault for the demo: the connection to the reader breaks in the middle of the reply. */
export function cutConnection(response: Response): MonoTypeOperatorFunction<StreamEvent> {
  return map((event, index) => {
    if (index === CUT_AT) response.socket?.resetAndDestroy();
    return event;
  });
}
