// The bodies of the Bedrock and Vertex clients, read through `fromMessages` over real HTTP.
import { AnthropicBedrock } from '@anthropic-ai/bedrock-sdk';
import { AnthropicVertex } from '@anthropic-ai/vertex-sdk';
import { AnthropicBedrock as AnthropicBedrockBefore1 } from 'bedrock-sdk-before-1';
import { fromMessages, type MessageStreamError, type StreamEvent } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';
import { lastValueFrom, type Observable, toArray } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const events = [...messageEvents.text('Grüße aus der Wolke 🌥️').toolUse('rain', { likely: true })];
const params = {
  model: 'anthropic.claude-opus-5-5',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};

let url: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let clientLeft: Promise<void>;
let close: () => Promise<void>;

beforeEach(async () => {
  let leave = () => {};
  clientLeft = new Promise((resolve) => (leave = resolve));
  const server = createServer((request, response) => {
    response.on('close', () => response.writableFinished || leave());
    request.resume().on('end', () => answer(request, response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
});
afterEach(() => close());

/** One frame of the AWS event stream encoding, as Bedrock sends it. */
function awsFrame(headers: Record<string, string>, payload: object): Buffer {
  const names = Object.entries(headers).map(([name, value]) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(Buffer.byteLength(value));
    return Buffer.concat([
      Buffer.from([name.length]),
      Buffer.from(name),
      Buffer.from([7]),
      length,
      Buffer.from(value),
    ]);
  });
  const head = Buffer.concat(names);
  const body = Buffer.from(JSON.stringify(payload));
  const prelude = Buffer.alloc(8);
  prelude.writeUInt32BE(16 + head.length + body.length);
  prelude.writeUInt32BE(head.length, 4);
  const checked = Buffer.concat([prelude, sum(prelude), head, body]);
  return Buffer.concat([checked, sum(checked)]);
}

function sum(bytes: Buffer): Buffer {
  const four = Buffer.alloc(4);
  four.writeUInt32BE(crc32(bytes));
  return four;
}

const chunk = (event: StreamEvent) =>
  awsFrame(
    { ':message-type': 'event', ':event-type': 'chunk', ':content-type': 'application/json' },
    { bytes: Buffer.from(JSON.stringify(event)).toString('base64') },
  );

function bedrock(sent: readonly StreamEvent[], { end = true, exception = '' } = {}): void {
  answer = (_, response) => {
    response.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream' });
    for (const event of sent) response.write(chunk(event));
    if (exception) {
      const headers = { ':message-type': 'exception', ':exception-type': exception };
      response.write(awsFrame(headers, { message: 'wait' }));
    }
    if (end) response.end();
  };
}

const received = (reply: Observable<unknown>) => lastValueFrom(reply.pipe(toArray()));
const failure = (reply: Observable<unknown>) =>
  received(reply).then(
    () => expect.unreachable('it completed'),
    (error: MessageStreamError) => error,
  );

describe.each([
  [
    'the Bedrock client, whose body is made an event stream',
    () =>
      new AnthropicBedrock({ baseURL: url, apiKey: 'test', awsRegion: 'us-east-1', maxRetries: 0 }),
  ],
  [
    'a Bedrock client before 1.0, whose body is read through its own stream',
    () =>
      new AnthropicBedrockBefore1({
        baseURL: url,
        skipAuth: true,
        awsRegion: 'us-east-1',
        maxRetries: 0,
      }),
  ],
])('%s', (_, client) => {
  // The SDK 0.x of the old client has types of its own; what counts here is what it does.
  const reply = () => fromMessages(client() as AnthropicBedrock, params);

  it('gives every event', async () => {
    bedrock(events);
    expect(await received(reply())).toEqual(events);
  });

  it('reports an end before message_stop, with what had arrived', async () => {
    bedrock(events.slice(0, 4));
    const error = await failure(reply());
    expect(error).toMatchObject({ code: 'truncated', retryable: true });
    expect(error.partial?.content[0]).toMatchObject({ type: 'text' });
  });

  it('reports an exception in the stream', async () => {
    bedrock(events.slice(0, 4), { exception: 'throttlingException' });
    expect(await failure(reply())).toMatchObject({ code: 'rate_limited', retryable: true });
  });

  it('closes the socket when the subscriber leaves during a stall', async () => {
    bedrock(events.slice(0, 4), { end: false });
    await new Promise<void>((resolve) => {
      let count = 0;
      const subscription = reply().subscribe(() => {
        if (++count < 4) return;
        // Not inside the burst: the stream is waiting for bytes when the subscriber leaves.
        setTimeout(() => resolve(subscription.unsubscribe()), 20);
      });
    });
    await clientLeft;
  });
});

describe('the Vertex client', () => {
  it('gives every event', async () => {
    let path = '';
    answer = (request, response) => {
      path = request.url!;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const event of events) {
        response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
      }
      response.end();
    };
    const authClient = {
      projectId: 'project',
      getRequestHeaders: () => Promise.resolve(new Headers()),
    } as unknown as NonNullable<ConstructorParameters<typeof AnthropicVertex>[0]>['authClient'];
    const client = new AnthropicVertex({
      baseURL: url,
      region: 'europe',
      projectId: 'p',
      authClient,
    });
    expect(await received(fromMessages(client, params))).toEqual(events);
    expect(path).toMatch(/:streamRawPredict$/);
  });
});
