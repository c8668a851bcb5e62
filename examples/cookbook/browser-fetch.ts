// What a browser does: a `fetch` of one's own server, which has the key, and a state for the page.
// Here both are in one file; in a page there is only the first half, and no SDK in its bundle.
import { fromMessages, fromResponse, messageState, pipeToResponse } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { lastValueFrom, tap } from 'rxjs';
import { connect, question } from './connect.ts';

/** The page: the state fits a signal, `AsyncPipe` or a `useState`, and it never errors. */
function chat(url: string, prompt: string) {
  return fromResponse((signal) => fetch(url, { method: 'POST', body: prompt, signal })).pipe(
    messageState(),
  );
}

/** The server: asks, and sends every event on; when the page goes, the request is aborted. */
async function serve(): Promise<string> {
  server.on('request', async (request, response) => {
    let prompt = '';
    for await (const chunk of request.setEncoding('utf8')) prompt += chunk;
    pipeToResponse(fromMessages(api.client, question(prompt)), response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/chat`;
}

await using api = await connect({
  events: messageEvents.text('Hello from the other side.', { chunk: 9 }),
  pace: 20,
});
const server = createServer();
const state$ = chat(await serve(), 'Say hello.');
await lastValueFrom(state$.pipe(tap(({ status, text }) => console.log(status.padEnd(9), text))));
server.close();
