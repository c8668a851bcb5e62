import { type MessageStreamError, requireMessageStop, type StreamEvent } from 'claude-rx';
import { messageTimeout } from 'claude-rx/operators/messageTimeout';
import { messageEvents } from 'claude-rx/testing';
import { concat, from, map, NEVER, Observable, throwError } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MessageBuilder } from '../../../src/message/MessageBuilder.ts';
import { messageStart, outcomeOf, text, textStart } from '../../operators/events.ts';

afterEach(() => vi.restoreAllMocks());

/** How often an event is taken into a message while the source is read. */
function pushesOf(source: Observable<StreamEvent>): number {
  const push = vi.spyOn(MessageBuilder.prototype, 'push');
  outcomeOf(source);
  return push.mock.calls.length;
}

const reply = [...messageEvents.text('Hello world')];
const timeout = messageTimeout<StreamEvent>({ liveness: 1_000 });
const begun = [messageStart(), textStart(0), text(0, 'Hel')];

/** The `partial` of the error of a source that falls silent after its events. */
function partialOf(build: (silent: Observable<StreamEvent>) => Observable<StreamEvent>): unknown {
  let error: MessageStreamError | undefined;
  const scheduler = new TestScheduler(() => {});
  scheduler.run(() => {
    build(concat(from(begun), NEVER)).subscribe({
      error: (thrown: MessageStreamError) => (error = thrown),
    });
  });
  scheduler.flush();
  return error?.partial?.content;
}

describe('a message that two subscribers share', () => {
  it('is built once if messageTimeout directly follows a source', () => {
    const source = from(reply).pipe(requireMessageStop());
    expect(pushesOf(source.pipe(timeout))).toBe(reply.length);
  });

  it('is built twice if another operator is between them', () => {
    const source = from(reply).pipe(
      requireMessageStop(),
      map((event) => event),
      timeout,
    );
    expect(pushesOf(source)).toBe(2 * reply.length);
  });

  it('is built twice if only one of them keeps the content', () => {
    const source = from(reply).pipe(requireMessageStop({ keepContent: false }), timeout);
    expect(pushesOf(source)).toBeGreaterThan(reply.length);
    const partial = partialOf((silent) =>
      silent.pipe(requireMessageStop({ keepContent: false }), messageTimeout({ liveness: 10 })),
    );
    expect(partial).toEqual([{ type: 'text', text: 'Hel', citations: null }]);
  });

  it('is the `partial` of a timeout', () => {
    const partial = partialOf((silent) =>
      silent.pipe(requireMessageStop(), messageTimeout({ liveness: 10 })),
    );
    expect(partial).toEqual([{ type: 'text', text: 'Hel', citations: null }]);
  });

  it('is not the message of an earlier source', () => {
    const lost = throwError(() => new Error('lost')).pipe(requireMessageStop<StreamEvent>());
    const source = new Observable<StreamEvent>((subscriber) => {
      from(begun).subscribe((event) => subscriber.next(event));
      return lost.subscribe(subscriber);
    });
    const outcome = outcomeOf(source.pipe(timeout));
    expect((outcome.error as MessageStreamError).partial).toBeUndefined();
  });
});
