import Anthropic from '@anthropic-ai/sdk';
import { MessagesServer, type Reply } from 'claude-rx/testing';
import { hasKey } from '../hasKey.ts';

export interface Connection extends AsyncDisposable {
  client: Anthropic;
}

/**
 * A client of the real API when there is a key, else of a server on loopback that gives
 * these replies, one for each request.
 */
export async function connect(...replies: Reply[]): Promise<Connection> {
  if (hasKey) {
    return { client: new Anthropic(), [Symbol.asyncDispose]: async () => {} };
  }
  return connectOffline(...replies);
}

/** The same without the real API, for replies that break where an example wants them to. */
export async function connectOffline(...replies: Reply[]): Promise<Connection> {
  const server = await MessagesServer.start();
  for (const reply of replies) server.reply(reply);
  const client = new Anthropic({ apiKey: 'none', baseURL: server.url, maxRetries: 0 });
  return { client, [Symbol.asyncDispose]: () => server.close() };
}

/** A request with one question; MODEL chooses another model. */
export function question(content: string) {
  return {
    model: process.env['MODEL'] ?? 'claude-opus-5-5',
    max_tokens: 2048,
    messages: [{ role: 'user' as const, content }],
  };
}

// A reader that stops early, such as `head`, is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});
