// One operator in Rx code that is there already: behind the SDK's own stream, and without Claude.
import { bufferText } from 'claude-rx/operators/bufferText';
import { requireMessageStop } from 'claude-rx/operators/requireMessageStop';
import { textOnly } from 'claude-rx/operators/textOnly';
import { messageEvents } from 'claude-rx/testing';
import { concatMap, defer, from, interval, lastValueFrom, map, scan, take, tap } from 'rxjs';
import { connect, question } from './connect.ts';

await using api = await connect(
  messageEvents.text('Rx code that was there before.', { chunk: 10 }),
);

// Before: a `filter` and a `map` of one's own, and a reply that is cut looks whole.
const stream$ = defer(() => api.client.messages.create({ ...question('Hi'), stream: true })).pipe(
  concatMap((stream) => from(stream)),
);

const text$ = stream$.pipe(
  requireMessageStop(), // now it ends with an error instead
  textOnly(),
  scan((text, piece) => text + piece, ''),
);
console.log(await lastValueFrom(text$));

// An operator for text takes any text.
const ticks$ = interval(10).pipe(
  take(20),
  map((tick) => `${tick} `),
);
await lastValueFrom(
  ticks$.pipe(
    bufferText(60),
    tap((text) => console.log(text)),
  ),
);
