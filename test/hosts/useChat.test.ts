import type { UIMessage } from 'ai';
import { type AnyStreamEvent, finalMessage, pipeToResponse } from 'claude-rx';
import { toUiMessages, UI_MESSAGE_SSE } from 'claude-rx/ui';
import { build } from 'esbuild';
import { readFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { useHttpServers } from '../support/httpServers.ts';
import { contentOfBlocks, contentOfUiMessage } from '../support/pageContent.ts';
import { recordings, repliesOf } from '../support/recordings.ts';
import { expectPageOfFault, faultKinds, faultsOf } from '../support/replyFaults.ts';
import { useServer } from '../support/server.ts';
import { TestBrowser } from './browser.ts';

let script: string;
let browser: TestBrowser;
beforeAll(async () => {
  const { outputFiles } = await build({
    stdin: {
      contents: await readFile(join(import.meta.dirname, 'useChatPage.js'), 'utf8'),
      // It has React and `@ai-sdk/react`.
      resolveDir: join(import.meta.dirname, '../../examples/react-chat'),
    },
    bundle: true,
    format: 'iife',
    write: false,
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  script = outputFiles[0]!.text;
  browser = await TestBrowser.start();
});
afterAll(() => browser.close());

const api = useServer();
const listen = useHttpServers();
let page: Page;
let reply$: Observable<AnyStreamEvent>;
let asked = 0;

const service: RequestListener = (request, response) => {
  if (request.method === 'POST') {
    pipeToResponse(reply$.pipe(toUiMessages()), response, UI_MESSAGE_SSE);
  } else if (request.url === '/') {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><body><script src="/page.js"></script>');
  } else {
    response.statusCode = request.url === '/page.js' ? 200 : 204;
    response.end(request.url === '/page.js' ? script : undefined);
  }
};
beforeEach(async () => {
  const { url } = await listen(service);
  ({ page } = await browser.open(url));
  return () => page.close();
});

/** What `useChat` has of a reply in the browser. */
async function ask(given$: Observable<AnyStreamEvent>) {
  reply$ = given$;
  const { messages, status, error } = await page.evaluate(
    (id) =>
      (
        globalThis as unknown as {
          ask(id: string): Promise<{ messages: UIMessage[]; status: string; error?: string }>;
        }
      ).ask(id),
    `chat-${asked++}`,
  );
  expect(status).toBe(error === undefined ? 'ready' : 'error');
  const none: UIMessage = { id: '', role: 'assistant', parts: [] };
  const message = messages.find(({ role }) => role === 'assistant') ?? none;
  return { content: contentOfUiMessage(message), isError: error !== undefined };
}

it.each(recordings)('$name reaches useChat as finalMessage has it', async (recording) => {
  for (const reply of repliesOf(recording)) {
    const { content } = await lastValueFrom(from(reply).pipe(finalMessage()));
    expect(await ask(from(reply))).toEqual({ content: contentOfBlocks(content), isError: false });
  }
});

it.each(faultKinds)('useChat has what had arrived, and how it ended, after %s', async (kind) => {
  for (const fault of faultsOf(kind)) await expectPageOfFault(api, fault, ask);
});
