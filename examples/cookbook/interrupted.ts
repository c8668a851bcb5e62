// A connection that is lost in the middle of a sentence, and a reader who does not notice.
import type Anthropic from '@anthropic-ai/sdk';
import {
  continueFrom,
  exponentialBackoff,
  fromMessages,
  retryResumable,
  textOnly,
} from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { lastValueFrom, tap } from 'rxjs';
import { connectOffline, question } from './connect.ts';

await using api = await connectOffline(
  {
    events: messageEvents.text('Once upon a time there was a stream that', { chunk: 8 }),
    fault: { kind: 'rst', beforeEvent: 6 },
  },
  // The model goes on from what it is told had arrived.
  messageEvents.text(' there was a stream that never broke.', { chunk: 8 }),
);

const params = question('Tell me a very short story.');
const ask = (request: Anthropic.MessageCreateParamsNonStreaming) =>
  fromMessages(api.client, request);

const reply$ = ask(params).pipe(
  retryResumable({
    resume: ({ partial }) => ask(continueFrom(params, partial)),
    delay: exponentialBackoff({ initial: 100 }),
    onRetry: ({ error, attempt }) => console.error(`\n-- ${error.code}: attempt ${attempt}`),
  }),
  textOnly(),
  tap((text) => process.stdout.write(text)),
);
await lastValueFrom(reply$);
console.log();
