// A chat in the terminal, with two tools that look into the files of the working directory: with the
// real API when ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN is set, else through the same SDK client with
// a stand-in on loopback that knows how to use the tools.
//
//   npx tsx examples/chat.ts                    Ctrl-C stops the reply, Ctrl-D leaves
//   npx tsx examples/chat.ts chat.json          continues what /save has written
//   echo 'Search for "switchMap"' | npx tsx examples/chat.ts
import Anthropic from '@anthropic-ai/sdk';
import {
  continueFrom,
  exponentialBackoff,
  fromMessages,
  type MessageStreamError,
  messageTimeout,
  retryResumable,
} from 'claude-rx';
import { Conversation, type ConversationEvent } from 'claude-rx/conversation';
import { messageEvents, MessagesServer, type ReceivedRequest } from 'claude-rx/testing';
import { defineTool } from 'claude-rx/tools';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import {
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  filter,
  finalize,
  from,
  fromEvent,
  ignoreElements,
  lastValueFrom,
  map,
  merge,
  type Observable,
  switchMap,
  takeUntil,
  tap,
} from 'rxjs';
import { z } from 'zod';
import { hasKey } from './hasKey.ts';

const MODEL = 'claude-opus-5-5';
/** US dollars for a million tokens. */
const PRICES = { input: 5, output: 25 };
const SAVED = 'chat.json';
const USAGE = `Usage: npx tsx examples/chat.ts [file]

A chat in the terminal; with a file, it continues the chat that /save has written there.
With ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN set, Claude answers; else a stand-in on loopback.
`;
const HELP = `/stop         stops the reply (so does Ctrl-C)
/retry        asks the last question again
/save [file]  writes the chat to a file; default: ${SAVED}
/tokens       the tokens of the next request, and those used so far
/quit         leaves (so does Ctrl-D)`;

const isTerminal = process.stdout.isTTY === true;
const print = (text: string) => process.stdout.write(text);

const readTool = defineTool({
  name: 'read_file',
  description:
    'Reads a text file below the working directory: at most its first 10,000 characters.',
  input: z.object({ path: z.string().describe('Relative to the working directory') }),
  run: async ({ path }) => (await readFile(inside(path), 'utf8')).slice(0, 10_000),
});

const searchTool = defineTool({
  name: 'search_files',
  description:
    'Searches all text files below the working directory for a text, and gives the lines.',
  input: z.object({ text: z.string().min(1) }),
  // Progress after each file, then the lines: the last value is the result.
  run: ({ text }) =>
    defer(() => textFiles(process.cwd())).pipe(
      switchMap((paths) => {
        const found: string[] = [];
        const search = (path: string, index: number): Observable<string> =>
          from(linesWith(text, path)).pipe(
            map((lines) => {
              found.push(...lines);
              return `${index + 1} of ${paths.length} files`;
            }),
          );
        return concat(
          from(paths).pipe(concatMap(search)),
          defer(() => [found.length > 0 ? found.slice(0, 20).join('\n') : 'Nothing found.']),
        );
      }),
    ),
});

async function main(): Promise<void> {
  const file = process.argv[2];
  if (file === '--help' || file === '-h') return void print(`${USAGE}\n${HELP}\n`);
  const server = hasKey ? undefined : await startServer();
  const client = server ? new Anthropic({ apiKey: 'none', baseURL: server.url }) : new Anthropic();
  try {
    const conversation = await open(client, file);
    print(
      `${server ? 'A stand-in on loopback (set ANTHROPIC_API_KEY to ask Claude)' : MODEL}. /help lists the commands.\n`,
    );
    // Not before: it reads at once, and lines that nobody hears are gone.
    const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: '> ' });
    await chat(conversation, lines);
  } finally {
    await server?.close();
  }
}

/** A conversation in which each turn is timed, and carried on when it breaks. */
async function open(client: Anthropic, file: string | undefined): Promise<Conversation> {
  const ask = (params: Anthropic.MessageCreateParamsNonStreaming) =>
    fromMessages(client, params).pipe(messageTimeout({ first: 60_000, liveness: 30_000 }));
  const request = (params: Anthropic.MessageCreateParamsNonStreaming) =>
    ask(params).pipe(
      retryResumable({
        resume: ({ partial }) => ask(continueFrom(params, partial)),
        delay: exponentialBackoff(),
      }),
    );
  const params = {
    model: MODEL,
    max_tokens: 4096,
    system: 'You chat in a terminal: plain text, and brief. Use the tools to look into the files.',
  };
  const options = { client, tools: [readTool, searchTool], maxTurns: 10, prices: PRICES };
  if (file === undefined || !existsSync(file)) return new Conversation(request, params, options);
  const document: unknown = JSON.parse(await readFile(file, 'utf8'));
  const conversation = Conversation.fromJSON(document, request, params, options);
  for (const { role, text } of conversation.messages) {
    if (text) print(role === 'user' ? `> ${text}\n` : `${text}\n\n`);
  }
  return conversation;
}

/** One line after the other; only /stop and Ctrl-C do not wait. */
async function chat(conversation: Conversation, lines: Interface): Promise<void> {
  const isBusy = () => !/^(idle|stopped|error)$/.test(conversation.state.status);
  const end$ = fromEvent(lines, 'close');
  let isOpen = true;
  lines.once('close', () => (isOpen = false));
  // Newer versions of Node throw where an interface that is closed is to prompt.
  const prompt = () => isOpen && lines.prompt();
  const interrupts = merge(fromEvent(lines, 'SIGINT'), fromEvent(process, 'SIGINT')).subscribe(
    () => {
      if (isBusy()) return conversation.stop();
      print('\n(Ctrl-D leaves)\n');
      prompt();
    },
  );
  const typed = fromEvent(lines, 'line', (line: string) => line.trim()).pipe(
    takeUntil(end$),
    tap((line) => {
      if (line === '/stop') conversation.stop();
      if (line === '/quit') lines.close();
    }),
    filter((line) => line !== '' && line !== '/stop' && line !== '/quit'),
    concatMap((line) =>
      perform(conversation, line).pipe(
        catchError((error: Error) => {
          print(`\n! ${error.message}\n`);
          return EMPTY;
        }),
        finalize(prompt),
      ),
    ),
  );
  prompt();
  try {
    await lastValueFrom(typed, { defaultValue: undefined });
  } finally {
    interrupts.unsubscribe();
    lines.close();
  }
  if (isTerminal) print('\n');
}

function perform(conversation: Conversation, line: string): Observable<never> {
  const [command, argument = SAVED] = line.split(/\s+/);
  switch (command) {
    case '/retry':
      return shown(conversation, conversation.regenerate());
    case '/save':
      return defer(() => save(conversation, argument)).pipe(ignoreElements());
    case '/tokens':
      return conversation.countTokens().pipe(
        tap((count) => print(`${count} tokens in the next request; ${usageOf(conversation)}\n`)),
        ignoreElements(),
      );
    case '/help':
      print(`${HELP}\n`);
      return EMPTY;
    default:
      if (command?.startsWith('/')) {
        print(`Unknown command ${command}; /help lists the commands.\n`);
        return EMPTY;
      }
      return shown(conversation, conversation.send(line));
  }
}

/** Prints a reply while it comes, and what its tools do. */
function shown(
  conversation: Conversation,
  events: Observable<ConversationEvent>,
): Observable<never> {
  let line = '';
  return events.pipe(
    tap((event) => {
      print(lineOf(event, line));
      line = lineAfter(event, line);
    }),
    ignoreElements(),
    catchError((error: MessageStreamError) => {
      if (error.code === 'aborted') return EMPTY;
      throw error;
    }),
    finalize(() => print(conversation.state.status === 'stopped' ? ' (stopped)\n\n' : '\n\n')),
  );
}

/** What an event adds to the screen; `line` is the line of a tool that is to be replaced. */
function lineOf(event: ConversationEvent, line: string): string {
  switch (event.type) {
    case 'content_block_delta':
      return event.delta.type === 'text_delta' ? event.delta.text : '';
    case 'tool_start':
      return `\n[${event.name} ${JSON.stringify(event.input)}] `;
    case 'tool_progress':
      // Into a pipe goes only the end of it.
      return isTerminal ? '\b \b'.repeat(line.length) + String(event.progress) : '';
    case 'tool_result':
      return `${isTerminal && line ? ', ' : ''}${event.status}\n`;
    case 'resume':
      return '\n(continuing) ';
    default:
      return '';
  }
}

function lineAfter(event: ConversationEvent, line: string): string {
  if (event.type === 'tool_progress') return String(event.progress);
  return event.type === 'tool_start' || event.type === 'tool_result' ? '' : line;
}

async function save(conversation: Conversation, file: string): Promise<void> {
  await writeFile(file, JSON.stringify(conversation, null, 2));
  print(`Saved ${conversation.messages.length} messages to ${file}\n`);
}

function usageOf({ state: { usage, cost = 0 } }: Conversation): string {
  const { input_tokens, output_tokens, cache_read_input_tokens } = usage;
  const cached = `${cache_read_input_tokens} from the cache`;
  return `used: ${input_tokens} in, ${cached}, ${output_tokens} out, $${cost.toFixed(4)}`;
}

/** The path, where it leads below the working directory. */
function inside(path: string): string {
  const full = resolve(path);
  const outside = relative(process.cwd(), full);
  if (outside.startsWith('..') || resolve(outside) !== full) {
    throw new Error(`${path} is outside of the working directory`);
  }
  return full;
}

async function textFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.(ts|js|json|md|txt)$/.test(entry.name))
    .map((entry) => relative(process.cwd(), resolve(entry.parentPath, entry.name)))
    .filter((path) => !/(^|[\\/])(node_modules|dist|\.git)[\\/]|lock/.test(path))
    .toSorted();
}

async function linesWith(text: string, path: string): Promise<string[]> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  return lines.flatMap((line, index) =>
    line.includes(text) ? [`${path}:${index + 1}: ${line.trim().slice(0, 100)}`] : [],
  );
}

/** Somebody to talk to without a key: it uses the tools when asked to search or to read. */
async function startServer(): Promise<MessagesServer> {
  const server = await MessagesServer.start({ strict: true });
  return server.handle((request) => ({ events: answerTo(request), pace: 15 }));
}

function answerTo({ body, id }: ReceivedRequest): typeof messageEvents {
  const { messages } = body as { messages: Anthropic.MessageParam[] };
  const usage = { input_tokens: Math.ceil(JSON.stringify(messages).length / 4) };
  const reply = messageEvents.with({ id: `msg_${id}`, usage });
  const last = messages.at(-1)!.content as Anthropic.ContentBlockParam[];
  const result = last.find((block) => block.type === 'tool_result');
  const said = last.findLast((block) => block.type === 'text')?.text ?? '';
  if (result && !said) return reply.text(`Here is what I found:\n\n${excerptOf(result.content)}`);
  const [, text] = /\bsearch\b.*?["'“](.+?)["'”]/i.exec(said) ?? [];
  const [, path] = /\bread\s+["'“]?([\w./-]+\w)/i.exec(said) ?? [];
  const call = { id: `toolu_${id}` };
  if (text) return reply.text('Let me look. ').toolUse('search_files', { text }, call);
  if (path) return reply.text('Let me read it. ').toolUse('read_file', { path }, call);
  const isQuestion = ({ role, content }: Anthropic.MessageParam) =>
    role === 'user' && JSON.stringify(content).includes('"text"');
  const questions = messages.filter(isQuestion).length;
  return reply.text(
    `You have asked me ${questions} ${questions === 1 ? 'thing' : 'things'}. I am only a stand-in, ` +
      'but I can use tools: ask me to search for "retryResumable", or to read package.json.',
  );
}

function excerptOf(content: Anthropic.ToolResultBlockParam['content']): string {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  return text.split('\n').slice(0, 5).join('\n').slice(0, 500);
}

// A reader that stops early, such as `head`, is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
