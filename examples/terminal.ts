// Streams a reply to the terminal: from the real API when ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN is
// set, else through the same SDK client from a Messages API server on loopback that plays a recording.
//
//   npm start
//   npm start -- "Explain backpressure" --model claude-opus-5-5
//   npm start -- --help
import Anthropic from '@anthropic-ai/sdk';
import {
  fromMessages,
  measureStream,
  type MessageStreamError,
  messageTimeout,
  segmentText,
  type StreamMeasurements,
  textOnly,
} from 'claude-rx';
import { MessagesServer } from 'claude-rx/testing';
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { finalize, fromEvent, lastValueFrom, map, takeUntil, tap } from 'rxjs';
import { hasKey } from './hasKey.ts';
import { wrapWords } from './wrapWords.ts';

const DEFAULT_MODEL = 'claude-opus-5-5';
const DEFAULT_PROMPT = 'What is reactive programming, and why would I stream a reply with it?';
const USAGE = `Usage: npm start -- ["a prompt"] [--model ${DEFAULT_MODEL}]

Streams a reply to the terminal. Ctrl-C stops it.
With ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN set, Claude answers the prompt.
Without a key it plays a recorded reply through a local server, always the same one.
`;
const NEXT = `Next: npx tsx examples/chat.ts    a chat with tools
      npx tsx examples/resume.ts  a reply that breaks and continues
      examples/README.md          all examples; docs/README.md has the guides
`;

async function main(): Promise<void> {
  const { help, prompt, model } = readArguments();
  if (help) {
    process.stdout.write(USAGE);
    return;
  }
  const server = hasKey ? undefined : await startServer();
  // One retry, so that a server that cannot be reached is reported soon.
  const client = server
    ? new Anthropic({ apiKey: 'none', baseURL: server.url })
    : new Anthropic({ maxRetries: 1 });
  const asked = server ? DEFAULT_PROMPT : (prompt ?? DEFAULT_PROMPT);
  const params = {
    model,
    max_tokens: 4096,
    messages: [{ role: 'user' as const, content: asked }],
  };

  note(`${asked}\n(${server ? 'a recorded reply' : model})\n`);
  if (server && prompt !== undefined) {
    note('(your own prompt needs a key: set ANTHROPIC_API_KEY)\n');
  }
  note('\n');
  let shown = 0;
  let summary = '';
  const reply = fromMessages(client, params).pipe(
    messageTimeout({ first: 60_000, liveness: 30_000, progress: 120_000 }),
    measureStream((measured) => (summary = describe(measured, shown))),
    textOnly(),
    takeUntil(fromEvent(process, 'SIGINT')),
    tap((text) => (shown += text.length)),
    segmentText('word', { settle: 500 }),
    map(wrapWords(columnsOf(process.stdout))),
    tap((text) => process.stdout.write(text)),
    finalize(() => note(summary && `\n\n${summary}\n`)),
  );
  try {
    await lastValueFrom(reply, { defaultValue: '' });
    note(`\n${NEXT}`);
  } catch (error) {
    throw new Error(problemOf(error, client.baseURL), { cause: error });
  } finally {
    await server?.close();
  }
}

/** Writes beside the reply, which is all that goes to a file or a pipe. */
function note(text: string): void {
  process.stderr.write(wrapWords(columnsOf(process.stderr))(text));
}

function columnsOf(stream: NodeJS.WriteStream): number {
  return stream.isTTY ? stream.columns : Infinity;
}

function readArguments(): { help: boolean; prompt: string | undefined; model: string } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      model: { type: 'string', default: DEFAULT_MODEL },
    },
  });
  if (positionals.length > 1) throw new TypeError('Put the prompt in quotes.');
  return { ...values, prompt: positionals[0] };
}

async function startServer(): Promise<MessagesServer> {
  const recording = await readFile(new URL('recordings/text.ndjson', import.meta.url), 'utf8');
  const server = await MessagesServer.start();
  return server.handle(() => ({ recording }));
}

function describe(measured: StreamMeasurements, shown: number): string {
  const { outcome, inputTokens, outputTokens, tokensPerSecond, timeToFirstText, gaps } = measured;
  if (measured.events === 0) return '';
  // The API counts at the end: of a reply that was stopped only the characters are known.
  const isWhole = outcome === 'complete';
  const ending = outcome === 'unsubscribed' ? 'stopped' : (measured.stopReason ?? outcome);
  return [
    ending,
    ...(inputTokens === undefined ? [] : [`${inputTokens} tokens in`]),
    isWhole ? `${outputTokens ?? '?'} out` : `${shown} characters shown`,
    ...(tokensPerSecond === undefined || !isWhole
      ? []
      : [`${tokensPerSecond.toFixed(0)} tokens/s`]),
    ...(timeToFirstText === undefined ? [] : [`first text after ${timeToFirstText} ms`]),
    ...(gaps ? [`gaps p50 ${gaps.p50} ms, p95 ${gaps.p95} ms, max ${gaps.max} ms`] : []),
  ].join(' | ');
}

/** Which address cannot be reached, and why; otherwise what the error says. */
function problemOf(error: unknown, address: string): string {
  let cause = error;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  const { message, code } = cause as NodeJS.ErrnoException;
  return (error as MessageStreamError).code === 'connection'
    ? `Cannot reach ${address}: ${message || code}`
    : String((error as Error).message);
}

// A reader that stops early, such as `head`, is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof TypeError) process.stderr.write(`\n${USAGE}`);
  process.exitCode = 1;
});
