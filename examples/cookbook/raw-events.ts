// Every event as it comes, pings too: what all operators work on.
import { fromMessages } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { lastValueFrom, tap } from 'rxjs';
import { connect, question } from './connect.ts';

await using api = await connect({
  events: messageEvents.thinking('A greeting.', { chunk: 6 }).text('Hello!', { chunk: 3 }),
  fault: { kind: 'ping', beforeEvent: 1 },
});

const events$ = fromMessages(api.client, question('Say hello.'));
await lastValueFrom(
  events$.pipe(
    tap(({ type, ...fields }) => {
      const shown = JSON.stringify(fields);
      console.log(type.padEnd(20), shown.length > 90 ? `${shown.slice(0, 87)}...` : shown);
    }),
  ),
);
