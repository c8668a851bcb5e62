import { MessageStreamError, type StreamEvent } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { concat, finalize, from, NEVER, type Observable, throwError } from 'rxjs';

export const events: readonly StreamEvent[] = [...messageEvents.text('Hello world', { chunk: 4 })];

/** A model whose prompt says what becomes of the reply, and the requests that are open. */
export class TestModel {
  readonly open: string[] = [];
  readonly ask = (prompt: string): Observable<StreamEvent> => {
    const error = new MessageStreamError('Overloaded', { code: 'overloaded', retryAfterMs: 7 });
    const start = from(events.slice(0, 4));
    const replies: Record<string, Observable<StreamEvent>> = {
      whole: from(events),
      cut: concat(
        start,
        throwError(() => error),
      ),
      endless: concat(start, NEVER),
    };
    this.open.push(prompt);
    return replies[prompt]!.pipe(
      finalize(() => void this.open.splice(this.open.indexOf(prompt), 1)),
    );
  };
}
