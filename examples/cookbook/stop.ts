// A Stop button: the text so far stays, the request is aborted at once, and nothing is an error.
import { fromMessages, messageState, takeUntilAborted } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { lastValueFrom, tap } from 'rxjs';
import { connect, question } from './connect.ts';

const endless = messageEvents.text('and so on '.repeat(500), { chunk: 10 });
await using api = await connect({ events: endless, pace: 10 });

const button = new AbortController();
const state$ = fromMessages(api.client, question('Count to a thousand, in words.')).pipe(
  takeUntilAborted(button.signal),
  messageState(),
  // Somebody presses it when there are 40 characters.
  tap(({ text }) => text.length >= 40 && button.abort(new Error('the user pressed Stop'))),
);
const { status, text, error } = await lastValueFrom(state$);
console.log(`${status}: ${JSON.stringify(text)}`);
console.log(error?.message);
