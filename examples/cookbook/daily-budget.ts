// A budget of tokens a day: counted from the usage of each reply, refused before a request is sent.
import { finalText, fromMessages, measureStream, RequestGate } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { catchError, lastValueFrom, of, throwError } from 'rxjs';
import { connect, question } from './connect.ts';

const reply = messageEvents.text('Yes.').with({ usage: { input_tokens: 40, output_tokens: 20 } });
await using api = await connect(reply, reply, reply);

const DAILY_TOKENS = 100;
/** In a service: a counter in your database, as a restart forgets this one. */
const budget = { day: '', used: 0 };

function left(): number {
  const day = new Date().toISOString().slice(0, 10);
  if (budget.day !== day) Object.assign(budget, { day, used: 0 });
  return DAILY_TOKENS - budget.used;
}

const gate = new RequestGate({ concurrency: 1 });
const ask = (content: string) =>
  gate
    .run((options) =>
      // Looked at when the request is sent, not when it begins to wait.
      left() > 0
        ? fromMessages(api.client, question(content), options).pipe(
            // Reports on every ending: of a reply that was stopped, what is known.
            measureStream(({ inputTokens = 0, outputTokens = 0 }) => {
              budget.used += inputTokens + outputTokens;
            }),
          )
        : throwError(() => new Error(`The budget of ${DAILY_TOKENS} tokens a day is used up`)),
    )
    .pipe(
      finalText(),
      catchError((error: Error) => of(error.message)),
    );

for (let index = 0; index < 3; index++) {
  const text = await lastValueFrom(ask('Is the sky blue? One word.'));
  console.log(`${Math.max(0, left())} tokens are left today: ${text}`);
}
