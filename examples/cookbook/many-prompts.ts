// Many prompts through one pipeline: under the rate limits, with progress, and each failure by itself.
import { finalText, fromMessages, RequestGate } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { catchError, from, lastValueFrom, map, mergeMap, of, scan, tap } from 'rxjs';
import { connect, question } from './connect.ts';

const cities = ['Lima', 'Oslo', 'Cairo', 'Quito', 'Hanoi', 'Accra'];
await using api = await connect(
  ...cities.map(() => ({ events: messageEvents.text('In the morning.'), pace: 5 })),
);

const gate = new RequestGate({ concurrency: 3 });
const ask = (city: string) =>
  gate
    .run((options) =>
      fromMessages(api.client, question(`When is ${city} at its best? A few words.`), options),
    )
    .pipe(
      finalText(),
      map((text) => ({ city, text, failed: 0 })),
      // One that fails does not end the others.
      catchError((error: Error) => of({ city, text: error.message, failed: 1 })),
    );

const progress$ = from(cities).pipe(
  // The gate waits, and `mergeMap` only bounds how many are handed to it: below its `maxQueue`.
  mergeMap(ask, 500),
  tap(({ city, text }) => console.log(`${city}: ${text}`)),
  scan((sum, { failed }) => ({ done: sum.done + 1, failed: sum.failed + failed }), {
    done: 0,
    failed: 0,
  }),
  tap(({ done, failed }) => console.error(`${done} of ${cities.length}, ${failed} failed`)),
);
await lastValueFrom(progress$);
