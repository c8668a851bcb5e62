// A reply that breaks three times and comes out in one piece: the text goes to standard output, a
// line for each seam to standard error. The real SDK client talks to a Messages API server on
// loopback, which resets the connection, then is overloaded, then falls silent.
//
//   npx tsx examples/resume.ts
//   npx tsx examples/resume.ts 2>/dev/null     the text alone
import Anthropic from '@anthropic-ai/sdk';
import {
  continueFrom,
  exponentialBackoff,
  fromMessages,
  fromRecording,
  finalText,
  messageTimeout,
  retryResumable,
  textOnly,
} from 'claude-rx';
import { type Fault, messageEvents, MessagesServer } from 'claude-rx/testing';
import { readFile } from 'node:fs/promises';
import { firstValueFrom, lastValueFrom, tap } from 'rxjs';

const FAULTS: readonly Fault[] = [
  { kind: 'rst', beforeEvent: 60 },
  { kind: 'error', beforeEvent: 45 },
  { kind: 'stall', beforeEvent: 35 },
];

const REASONS: ReadonlyMap<string, string> = new Map([
  ['connection', 'connection lost'],
  ['overloaded', 'server overloaded'],
  ['timeout', 'nothing came any more'],
]);

const params = {
  model: 'claude-opus-5-5',
  max_tokens: 4096,
  messages: [{ role: 'user' as const, content: 'What is a reactive stream?' }],
};

async function main(): Promise<void> {
  const server = await startServer(await readText());
  const client = new Anthropic({ apiKey: 'none', baseURL: server.url });
  const ask = (request: typeof params) =>
    fromMessages(client, request).pipe(messageTimeout({ first: 10_000, liveness: 1_000 }));

  const reply = ask(params).pipe(
    retryResumable({
      resume: ({ partial }) => ask(continueFrom(params, partial)),
      delay: exponentialBackoff({ initial: 200, max: 1_000 }),
      onRetry: ({ error, attempt }) => {
        const reason = REASONS.get(error.code) ?? error.message;
        process.stderr.write(`\n-- ${reason}, continuing (attempt ${attempt})\n`);
      },
    }),
    textOnly(),
    tap((text) => process.stdout.write(text)),
  );
  try {
    await lastValueFrom(reply);
  } finally {
    await server.close();
  }
}

/** What there is to say: the text of a recorded reply. */
async function readText(): Promise<string> {
  const recording = await readFile(new URL('recordings/text.ndjson', import.meta.url), 'utf8');
  return firstValueFrom(fromRecording(recording, { speed: Infinity }).pipe(finalText()));
}

/** A model with one thing to say, which goes on from where the request says that it broke off. */
async function startServer(text: string): Promise<MessagesServer> {
  const server = await MessagesServer.start();
  return server.handle(({ body }, index) => {
    const broken = body.messages.findLast(({ role }: { role: string }) => role === 'assistant');
    const said: string = broken?.content[0].text ?? '';
    // As models do that are asked to go on, it says its last words again.
    const rest = text.slice(Math.max(0, said.length - 20));
    const fault = FAULTS[index];
    return {
      events: messageEvents.text(rest, { chunk: 6 }),
      pace: 12,
      ...(fault && { fault }),
    };
  });
}

// A reader that stops early, such as `head`, is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
