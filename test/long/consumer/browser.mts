// What a page has, and its tests: a response and the DOM, no SDK client and nothing of Node.
import { accumulateMessage, fromResponse, MessageStreamError, textOnly } from 'claude-rx';
import { bufferText } from 'claude-rx/operators/bufferText';
import { fromRelay } from 'claude-rx/relay';
import { messageEvents } from 'claude-rx/testing';
import { from, map, type Observable } from 'rxjs';

const reply = fromResponse((signal) => fetch('/api/chat', { method: 'POST', signal }), {
  onResponse: ({ requestId, headers }) => {
    document.title = requestId ?? headers.get('content-type') ?? '';
  },
});

const text: Observable<string> = reply.pipe(textOnly(), bufferText(50));
const stopReason: Observable<string | null> = reply.pipe(
  accumulateMessage(),
  map((message) => message.stop_reason),
);

// @ts-expect-error the text is a string
const wrong: Observable<number> = reply.pipe(textOnly());

text.subscribe({
  next: (piece) => document.body.append(piece),
  error: (error) => {
    if (error instanceof MessageStreamError && error.retryable) document.body.append(error.code);
  },
});
stopReason.subscribe();
wrong.subscribe();
from(messageEvents.text('Hello')).pipe(textOnly()).subscribe();
fromRelay('/replies/x')
  .pipe(textOnly())
  .subscribe((piece) => document.body.append(piece));
