// One node of the service: it writes replies, and serves those that any node writes.
//
//   POST /replies               asks the model; answers with the id of the reply
//   GET /replies/<id>           the reply, as an event stream; ?after=<offset> goes on from there
//   POST /replies/<id>/stop     a person's Stop
import Anthropic from '@anthropic-ai/sdk';
import { continueFrom, fromMessages, messageTimeout } from 'claude-rx';
import { createRelay, relaySse } from 'claude-rx/relay';
import { RedisStore } from 'claude-rx/relay/redis';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createClient } from 'redis';

type Params = Anthropic.MessageCreateParamsNonStreaming;

const { REDIS_URL = 'redis://127.0.0.1:6379', PORT = '0', MODEL_URL } = process.env;
const anthropic = new Anthropic(MODEL_URL ? { baseURL: MODEL_URL, apiKey: 'none' } : {});
const ask = (params: Params) =>
  fromMessages(anthropic, params).pipe(messageTimeout({ first: 60_000, liveness: 30_000 }));

async function main(): Promise<void> {
  const redis = createClient({ url: REDIS_URL });
  redis.on('error', (error: Error) => process.stderr.write(`Redis: ${error.message}\n`));
  await redis.connect();
  const relay = createRelay({
    store: new RedisStore(redis),
    lease: 2_000,
    // Called on one of the nodes that somebody reads from, when the node that wrote has died.
    resume: ({ request, partial }) => {
      process.send?.({ writes: true });
      return ask(continueFrom(request as Params, partial));
    },
  });
  // The ids cannot be guessed. With accounts: `authorize: (request, id) => ...`
  const sse = relaySse(relay, { headers: { 'x-node': String(process.pid) } });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, , id, action] = new URL(request.url ?? '/', 'http://localhost').pathname.split('/');
    if (request.method === 'GET' && id)
      return void (await sse.pipeToResponse(request, response, id));
    if (action === 'stop' && id) await relay.stop(id, 'Stop was pressed');
    else process.send?.({ writes: true });
    const params: Params = {
      model: 'claude-opus-5-5',
      max_tokens: 4096,
      messages: [{ role: 'user', content: 'What is a reactive stream?' }],
    };
    const published = action ? id : (await relay.publish(ask(params), { request: params })).id;
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ id: published }));
  }
  const server = createServer((request, response) => {
    handle(request, response).catch((error: Error) => {
      process.stderr.write(`${error.message}\n`);
      response.destroy();
    });
  });
  server.listen(Number(PORT), '127.0.0.1', () => process.send?.({ port: server.address() }));
}

process.on('disconnect', () => process.exit());
// It may have ended while this node was being started.
if (!process.connected) process.exit();
void main();
