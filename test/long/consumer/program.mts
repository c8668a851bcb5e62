// A program that uses the installed package over real HTTP. It is compiled twice: as the ES module
// that it is, and as CommonJS, where the same imports become require() and the types of the SDK are
// another set of classes.
import Anthropic from '@anthropic-ai/sdk';
import {
  type BetaStreamEvent,
  bufferText,
  finalMessage,
  fromMessages,
  messageTimeout,
  MessageStreamError,
  type StreamEvent,
  textOnly,
} from 'claude-rx';
import * as operators from 'claude-rx/operators';
import { textOnly as textOnlyAlone } from 'claude-rx/operators/textOnly';
import { messageEvents, MessagesServer } from 'claude-rx/testing';
import { runTools, type ToolEvent } from 'claude-rx/tools';
import { lastValueFrom, type Observable, reduce } from 'rxjs';

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Does not compile unless the two types are the same. */
function same<A, B>(..._proof: Same<A, B> extends true ? [] : [never]): void {}

const params = {
  model: 'claude-opus-5-5',
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'Hello' }],
} satisfies Anthropic.MessageCreateParamsNonStreaming;

async function main() {
  const server = await MessagesServer.start();
  const client = new Anthropic({ baseURL: server.url, apiKey: 'none', maxRetries: 0 });
  const reply = fromMessages(client, params);
  const beta = fromMessages(client.beta, params);
  const pieces = reply.pipe(
    messageTimeout({ liveness: 30_000, progress: 120_000 }),
    textOnly(),
    bufferText(50),
  );
  const text = pieces.pipe(reduce((all, piece) => all + piece, ''));

  same<typeof reply, Observable<StreamEvent>>();
  same<typeof beta, Observable<BetaStreamEvent>>();
  same<typeof pieces, Observable<string>>();
  const loop = runTools(client, params, { tools: [] });
  const betaLoop = runTools(client.beta, params, { tools: [] });
  same<typeof loop, Observable<StreamEvent | ToolEvent>>();
  same<typeof betaLoop, Observable<BetaStreamEvent | ToolEvent<BetaStreamEvent>>>();
  const message = reply.pipe(finalMessage());
  const betaMessage = beta.pipe(finalMessage());
  same<typeof message, Observable<Anthropic.Message>>();
  same<typeof betaMessage, Observable<Anthropic.Beta.BetaMessage>>();
  same<MessageStreamError['partial'], Anthropic.Message | undefined>();
  // @ts-expect-error text is not a number: so `same` can fail
  same<typeof pieces, Observable<number>>();
  // @ts-expect-error a request needs messages
  fromMessages(client, { model: 'claude-opus-5-5', max_tokens: 1024 });

  server.reply(messageEvents.text('Hello from the server', { chunk: 5 }));
  const got = await lastValueFrom(text);
  server.reply(messageEvents.text('Hello'));
  const { stop_reason: stopReason } = await lastValueFrom(message);
  server.reply({
    events: messageEvents.text('Hello', { chunk: 5 }),
    fault: { kind: 'end', beforeEvent: 3 },
  });
  const failure: unknown = await lastValueFrom(text).catch((error: unknown) => error);
  await server.close();

  if (!(failure instanceof MessageStreamError)) throw failure;
  const { name, code, partial } = failure;
  console.log(
    JSON.stringify({
      text: got,
      stopReason,
      error: { name, code, content: partial?.content },
      sameOperator: operators.textOnly === textOnlyAlone && textOnly === textOnlyAlone,
    }),
  );
}

void main();
