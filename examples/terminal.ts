// Streams a reply to the terminal: from the real API when ANTHROPIC_API_KEY is set, else through
// the same SDK client from a Messages API server on loopback that plays a recording.
//
//   npm start
//   npm start -- "Explain backpressure" --model claude-opus-5-5
import Anthropic from '@anthropic-ai/sdk';
import {
  bufferText,
  fromMessages,
  measureStream,
  messageTimeout,
  type StreamMeasurements,
  textOnly,
} from 'claude-rx';
import { MessagesServer } from 'claude-rx/testing';
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { finalize, fromEvent, lastValueFrom, tap } from 'rxjs';

const DEFAULT_MODEL = 'claude-opus-5-5';
const DEFAULT_PROMPT = 'What is reactive programming, and why would I stream a reply with it?';
const USAGE = `npm start -- ["a prompt"] [--model ${DEFAULT_MODEL}]`;

async function main(): Promise<void> {
  const { prompt, model } = readArguments();
  const server = process.env['ANTHROPIC_API_KEY'] ? undefined : await startServer();
  const client = server ? new Anthropic({ apiKey: 'none', baseURL: server.url }) : new Anthropic();
  const params = {
    model,
    max_tokens: 4096,
    messages: [{ role: 'user' as const, content: prompt }],
  };

  process.stderr.write(`${prompt}\n(${server ? 'a recording, over loopback' : model})\n\n`);
  let summary = '';
  const reply = fromMessages(client, params).pipe(
    messageTimeout({ first: 60_000, liveness: 30_000, progress: 120_000 }),
    measureStream((measurements) => (summary = describe(measurements))),
    textOnly(),
    bufferText({ every: 40, until: fromEvent(process, 'SIGINT') }),
    tap((text) => process.stdout.write(text)),
    finalize(() => process.stderr.write(`\n\n${summary}\n`)),
  );
  try {
    await lastValueFrom(reply, { defaultValue: '' });
  } finally {
    await server?.close();
  }
}

function readArguments(): { prompt: string; model: string } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { model: { type: 'string', default: DEFAULT_MODEL } },
  });
  if (positionals.length > 1) throw new TypeError('put the prompt in quotes');
  return { prompt: positionals[0] ?? DEFAULT_PROMPT, model: values.model };
}

async function startServer(): Promise<MessagesServer> {
  const recording = await readFile(new URL('recordings/text.ndjson', import.meta.url), 'utf8');
  const server = await MessagesServer.start();
  return server.handle(() => ({ recording }));
}

function describe(measured: StreamMeasurements): string {
  const { outcome, inputTokens, outputTokens, tokensPerSecond, timeToFirstText, gaps } = measured;
  const ending = outcome === 'unsubscribed' ? 'stopped' : (measured.stopReason ?? outcome);
  return [
    ending,
    `${inputTokens ?? '?'} tokens in, ${outputTokens ?? '?'} out`,
    ...(tokensPerSecond === undefined ? [] : [`${tokensPerSecond.toFixed(0)} tokens/s`]),
    `first text after ${timeToFirstText ?? '-'} ms`,
    ...(gaps ? [`gaps p50 ${gaps.p50} ms, p95 ${gaps.p95} ms, max ${gaps.max} ms`] : []),
  ].join(' | ');
}

// A reader that has enough, such as `head`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

main().catch((error: unknown) => {
  const said = error instanceof Error ? error.message : String(error);
  const isUsage = error instanceof TypeError;
  process.stderr.write(isUsage ? `${said}\nUsage: ${USAGE}\n` : `${said}\n`);
  process.exitCode = 1;
});
