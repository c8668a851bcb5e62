// A `fetch` for the SDK's client on a server with very many slow streams: through `node:http`, which
// takes less for each chunk than the built-in fetch. What it costs and gains: docs/performance.md.
//
//   const client = new Anthropic({ fetch: nodeHttpFetch() });
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

export interface Agents {
  /** For `http:`. Default: one that keeps connections alive. */
  http?: HttpAgent;
  /** For `https:`: the place for an agent that goes through a proxy. Default: as for `http`. */
  https?: HttpsAgent;
}

/**
 * It is what the Messages API needs of `fetch`, and no more: bodies are text, redirects are handed
 * back and not followed, nothing is decompressed (nor asked for), `HTTP_PROXY` is not read.
 *
 * @throws TypeError when the request has an undici `dispatcher`, which it could not heed.
 */
export function nodeHttpFetch({
  http = new HttpAgent({ keepAlive: true }),
  https = new HttpsAgent({ keepAlive: true }),
}: Agents = {}): (input: string | URL | Request, init?: RequestInit) => Promise<Response> {
  return async (input, init = {}) => {
    if ('dispatcher' in init) {
      throw new TypeError('nodeHttpFetch: pass an agent in place of `fetchOptions.dispatcher`');
    }
    const url = new URL(input instanceof Request ? input.url : input);
    const { signal, method = 'GET', body } = init;
    const isSecure = url.protocol === 'https:';
    return new Promise((resolve, reject) => {
      const request = (isSecure ? httpsRequest : httpRequest)(url, {
        method,
        agent: isSecure ? https : http,
        headers: Object.fromEntries(new Headers(init.headers)),
        // It ends the request at any time, and with it the body.
        ...(signal && { signal }),
      });
      request.on('response', (message) => resolve(responseOf(message)));
      request.on('error', reject);
      request.end(typeof body === 'string' ? body : undefined);
    });
  };
}

/** How many chunks may wait for their reader before the server has to. */
const WAITING = 16;

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
      pull: () => void message.resume(),
      cancel: () => void message.destroy(),
    },
    { highWaterMark: WAITING },
  );
  const { statusCode: status = 200, statusMessage: statusText = '' } = message;
  return new Response(status === 204 || status === 304 ? null : body, {
    status,
    statusText,
    headers,
  });
}
