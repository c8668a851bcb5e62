import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

const agents = {
  'http:': new HttpAgent({ keepAlive: true }),
  'https:': new HttpsAgent({ keepAlive: true }),
};

/**
 * A `fetch` for the SDK's client that goes through `node:http`, without what undici's does for each
 * chunk of a body. It sends text bodies, follows no redirects, decompresses nothing, and knows of a
 * proxy what the agent it is given knows.
 */
export async function nodeHttpFetch(
  input: string | URL | Request,
  init: RequestInit = {},
): Promise<Response> {
  return fetchThrough(agents)(input, init);
}

export const fetchThrough =
  (by: { 'http:': HttpAgent; 'https:': HttpAgent }) =>
  (input: string | URL | Request, init: RequestInit = {}): Promise<Response> =>
    new Promise((resolve, reject) => {
      const url = new URL(input instanceof Request ? input.url : input);
      const { signal, method = 'GET', body } = init;
      const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const request = send(url, {
        method,
        agent: by[url.protocol as 'http:'],
        headers: Object.fromEntries(new Headers(init.headers)),
        // It ends the request, and with it the body, at any time.
        ...(signal && { signal }),
      });
      request.on('response', (message) => resolve(responseOf(message)));
      request.on('error', reject);
      request.end(typeof body === 'string' ? body : undefined);
    });

function responseOf(message: IncomingMessage): Response {
  const headers = new Headers();
  for (let i = 0; i < message.rawHeaders.length; i += 2) {
    headers.append(message.rawHeaders[i]!, message.rawHeaders[i + 1]!);
  }
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        message.on('data', (chunk: Buffer) => {
          controller.enqueue(chunk);
          if (controller.desiredSize! <= 0) message.pause();
        });
        message.on('end', () => controller.close());
        message.on('error', (error) => controller.error(error));
      },
      pull() {
        message.resume();
      },
      cancel() {
        message.destroy();
      },
    },
    { highWaterMark: 16 },
  );
  const status = message.statusCode!;
  return new Response(status === 204 || status === 304 ? null : body, {
    status,
    statusText: message.statusMessage!,
    headers,
  });
}
