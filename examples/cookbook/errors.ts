// A reply that breaks: one error, which says what to do and holds what had arrived.
import { fromMessages, MessageStreamError, textOnly } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { catchError, EMPTY, lastValueFrom, tap } from 'rxjs';
import { connectOffline, question } from './connect.ts';

await using api = await connectOffline({
  events: messageEvents.text('The answer is 42, because', { chunk: 5 }),
  fault: {
    kind: 'error',
    beforeEvent: 5,
    error: { type: 'overloaded_error', message: 'Overloaded' },
  },
});

const reply$ = fromMessages(api.client, question('What is the answer?')).pipe(
  textOnly(),
  tap((text) => process.stdout.write(text)),
  catchError((error: unknown) => {
    if (!(error instanceof MessageStreamError)) throw error;
    const [block] = error.partial?.content ?? [];
    console.log(`\n\n${error.message}`);
    console.log(`code: ${error.code}, worth a retry: ${error.retryable}`);
    console.log(`had arrived: ${block?.type === 'text' ? JSON.stringify(block.text) : 'nothing'}`);
    return EMPTY;
  }),
);
await lastValueFrom(reply$, { defaultValue: '' });
