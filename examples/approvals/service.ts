// A service whose tool waits for a click, in plain `node:http`. The chat is a file, so that the click
// still works after a reload of the page, a restart of the service, and days later.
import type Anthropic from '@anthropic-ai/sdk';
import { toMessageStreamError } from 'claude-rx';
import { Conversation, type ConversationState } from 'claude-rx/conversation';
import { defineTool, type ToolAnswer } from 'claude-rx/tools';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { distinctUntilChanged, lastValueFrom, map, type Observable } from 'rxjs';
import { z } from 'zod';

const page = fileURLToPath(new URL('page.html', import.meta.url));
/** Where `npm run build` of `examples/angular-chat` puts the page in Angular. */
const angular = fileURLToPath(new URL('../angular-chat/dist/browser/', import.meta.url));
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};
const LONGEST_BODY = 100_000;

export interface ApprovalServiceOptions {
  client: Anthropic;
  /** Where the chat is stored. */
  file: string;
  /** Does what was approved. */
  pay: (to: string, amount: number) => string;
}

/**
 * `GET /chat`, `POST /send { text }`, `POST /answer { answers: [{ id, approved }] }`, and the page: plain at `/`, in
 * Angular at `/approvals`, once that is built.
 */
export function approvalService({ client, file, pay }: ApprovalServiceOptions): Server {
  const conversation = load(file, client, pay);
  // With each message that settles: a payment that has begun is never made a second time.
  conversation.state$
    .pipe(
      map(({ messages }) => messages),
      distinctUntilChanged(),
    )
    .subscribe(() => {
      // Whole or not at all, also where the process ends meanwhile.
      writeFileSync(`${file}.new`, JSON.stringify(conversation));
      renameSync(`${file}.new`, file);
    });

  return createServer((request, response) => {
    const answer = (status: number, value: unknown) =>
      response
        .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
        .end(JSON.stringify(value));
    const route = `${request.method} ${request.url}`;
    const shownFile = fileFor(route);
    if (shownFile) {
      response
        .writeHead(200, { 'content-type': TYPES[extname(shownFile)] })
        .end(readFileSync(shownFile));
    } else if (route === 'GET /chat') {
      answer(200, shown(conversation.state));
    } else if (route === 'POST /send' || route === 'POST /answer') {
      bodyOf(request)
        .then((body) =>
          lastValueFrom(exchange(conversation, route, body), { defaultValue: undefined }),
        )
        .then(() => answer(200, shown(conversation.state)))
        .catch((error: unknown) => {
          // A second click, from another tab too: there is nothing to answer any more.
          const isWrong =
            error instanceof TypeError || toMessageStreamError(error).code === 'request';
          answer(isWrong ? 409 : 502, {
            error: isWrong ? 'That is not possible now.' : 'It failed.',
          });
        });
    } else {
      answer(404, { error: 'There is no such page.' });
    }
  });
}

/** The file of a page, if there is one. Names with other characters reach no folder. */
function fileFor(route: string): string | undefined {
  if (route === 'GET /') return page;
  const name =
    route === 'GET /approvals' ? 'index.html' : /^GET \/([\w-]+\.(js|css))$/.exec(route)?.[1];
  const path = join(angular, name ?? '');
  return name !== undefined && existsSync(path) ? path : undefined;
}

function load(file: string, client: Anthropic, pay: ApprovalServiceOptions['pay']): Conversation {
  const params = { model: process.env['MODEL'] ?? 'claude-opus-5-5', max_tokens: 1024 };
  const payBill = defineTool({
    name: 'pay_bill',
    description: 'Pays a bill by bank transfer',
    input: z.object({ to: z.string(), amount: z.number().positive() }),
    run: ({ to, amount }) => pay(to, amount),
  });
  const options = { tools: [payBill], approve: () => 'defer' as const };
  if (!existsSync(file)) return new Conversation(client, params, options);
  return Conversation.fromJSON(JSON.parse(readFileSync(file, 'utf8')), client, params, options);
}

const Send = z.object({ text: z.string().min(1).max(10_000) });
const Answer = z.object({
  answers: z.array(z.object({ id: z.string(), approved: z.boolean() })).max(100),
});

function exchange(conversation: Conversation, route: string, body: unknown): Observable<unknown> {
  if (route === 'POST /send') return conversation.send(take(Send, body).text);
  return conversation.answer(take(Answer, body).answers as ToolAnswer[]);
}

function take<T>(schema: z.ZodType<T>, body: unknown): T {
  const { data, error } = schema.safeParse(body);
  if (error) throw new TypeError(error.message);
  return data;
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  // A form of another site cannot send this type.
  if (request.headers['content-type'] !== 'application/json') throw new TypeError('no JSON');
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    // Read to its end, so that the page gets an answer, but not kept.
    if (text.length <= LONGEST_BODY) text += chunk;
  }
  if (text.length > LONGEST_BODY) throw new TypeError('too long');
  try {
    return JSON.parse(text);
  } catch {
    throw new TypeError('no JSON');
  }
}

/** What the page shows: no results of tools, no thinking. */
function shown({ messages, pending }: ConversationState): object {
  const said = messages.filter(({ role, text }) => role !== 'system' && text !== '');
  return { messages: said.map(({ role, text }) => ({ role, text })), pending };
}
