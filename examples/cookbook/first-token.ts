// How long until something is to be seen, how fast it goes on, and where it hung.
import { fromMessages, measureStream } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { lastValueFrom } from 'rxjs';
import { connect, question } from './connect.ts';

await using api = await connect({
  events: messageEvents.thinking('They want it short.').text('The time to first token. '.repeat(8)),
  delay: 120,
  pace: 8,
});

const reply$ = fromMessages(api.client, question('What does a reader wait for?')).pipe(
  measureStream((measured) => {
    console.log(`first event  ${measured.timeToFirstEvent} ms`);
    console.log(`first text   ${measured.timeToFirstText} ms`);
    console.log(`gaps         p50 ${measured.gaps?.p50} ms, p95 ${measured.gaps?.p95} ms`);
    console.log(`pace         ${measured.tokensPerSecond?.toFixed(0)} tokens/s`);
    console.log(`stalls       ${measured.stalls.count}`);
    console.log(`end          ${measured.stopReason}, ${measured.outcome}`);
  }),
);
await lastValueFrom(reply$);
