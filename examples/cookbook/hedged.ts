// A second request where the first is slow to begin; the first text wins, the other is cancelled.
// Not by default: both requests are charged for their input, both count towards the rate limits, and
// the API is slow mostly when it is busy. Use it for short prompts where the wait matters most.
import { fromMessages, textOnly } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { lastValueFrom, type Observable, raceWith, switchMap, tap, timer } from 'rxjs';
import { connect, question } from './connect.ts';

await using api = await connect(
  { events: messageEvents.text('From the first request.'), delay: 5_000 },
  { events: messageEvents.text('From the second request.') },
);

const params = question('Say hello in five words.');
const ask = (): Observable<string> => fromMessages(api.client, params).pipe(textOnly());

/** How long to wait for the first text: longer than nearly all replies take. */
const HEDGE_AFTER = 300;

// `raceWith` keeps the first that emits, and unsubscribes from the other, which ends its request.
const reply$ = ask().pipe(raceWith(timer(HEDGE_AFTER).pipe(switchMap(ask))));
await lastValueFrom(reply$.pipe(tap((text) => process.stdout.write(text))));
process.stdout.write('\n');
