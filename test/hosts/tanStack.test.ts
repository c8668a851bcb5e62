import { fetchServerSentEvents } from '@tanstack/ai-client';
import { finalMessage, pipeToResponse, type StreamEvent, toSseResponse } from 'claude-rx';
import { AG_UI_SSE, type AgUiInput, type AgUiRunRef, fromRunInput, toAgUi } from 'claude-rx/ag-ui';
import { createRelay } from 'claude-rx/relay';
import { messageEvents } from 'claude-rx/testing';
import { defineTool, runTools } from 'claude-rx/tools';
import { json } from 'node:stream/consumers';
import { from, lastValueFrom, map, type Observable, take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { useHttpServers } from '../support/httpServers.ts';
import { contentOfBlocks } from '../support/pageContent.ts';
import { RandomPage, runPages } from '../support/randomPages.ts';
import { recordings, repliesOf } from '../support/recordings.ts';
import { expectPageOfFault, faultKinds, faultsOf } from '../support/replyFaults.ts';
import { params, until, useServer } from '../support/server.ts';
import { contentOfTanStack, tanStackPage } from './tanStackPage.ts';

it.each(recordings)('$name reaches the client as finalMessage has it', async (recording) => {
  for (const reply of repliesOf(recording)) {
    const { content } = await lastValueFrom(from(reply).pipe(finalMessage()));
    const { client, errors } = tanStackPage('http://localhost/', {
      fetch: async (_, init) => {
        const input = JSON.parse(String(init?.body));
        return toSseResponse(from(reply).pipe(toAgUi(input)), AG_UI_SSE);
      },
    });
    await client.sendMessage('Hi');
    expect([client.getStatus(), errors]).toEqual(['ready', []]);
    expect(contentOfTanStack(client)).toEqual(contentOfBlocks(content));
  }
});

describe('a service', () => {
  const api = useServer({ strict: true });
  const listen = useHttpServers();

  it.each(faultKinds)(
    'shows what had arrived, and how it ended, after the fault %s',
    async (kind) => {
      let reply$!: Observable<StreamEvent>;
      const { url } = await listen(async (request, response) => {
        const input = (await json(request)) as never;
        pipeToResponse(reply$.pipe(toAgUi(input)), response, AG_UI_SSE);
      });
      for (const fault of faultsOf(kind)) {
        await expectPageOfFault(api, fault, async (given$) => {
          reply$ = given$;
          const { client, errors } = tanStackPage(url);
          await client.sendMessage('Hi');
          expect(client.getStatus()).toBe(errors.length > 0 ? 'error' : 'ready');
          return { content: contentOfTanStack(client), isError: errors.length > 0 };
        });
      }
    },
  );

  const input = z.object({ at: z.string() });
  const description = 'For a test';
  const look = defineTool({ name: 'look', description, input, run: ({ at }) => `at ${at}` });
  /** A service with tools of its own, one of which waits for an approval. */
  const agent = async () => {
    const { url } = await listen(async (request, response) => {
      const run = (await json(request)) as AgUiInput & AgUiRunRef;
      const { messages, tools, answers } = fromRunInput(run);
      const thinking = { type: 'adaptive' as const };
      const events$ = runTools(
        api.client,
        { ...params, thinking, messages },
        {
          tools: [look, ...tools],
          answers,
          approve: ({ name, input: given }) =>
            name === 'look' && (given as { at: string }).at === 'secret' ? 'defer' : true,
        },
      );
      pipeToResponse(events$.pipe(toAgUi(run)), response, AG_UI_SSE);
    });
    return url;
  };
  it('runs a loop of tools, and takes back what the client sends next', async () => {
    api.server.reply(
      messageEvents.thinking('Hm', { signature: 's1' }).text('So').toolUse('look', { at: 'x' }),
      messageEvents.thinking('Ah', { signature: 's2' }).text('Done'),
      messageEvents.text('Bye'),
    );
    const { client, errors } = tanStackPage(await agent());
    await client.sendMessage('Hi');
    await client.sendMessage('Thanks');
    expect(errors).toEqual([]);
    expect(contentOfTanStack(client)).toEqual({
      text: 'SoDoneBye',
      reasoning: 'HmAh',
      calls: [{ name: 'look', input: { at: 'x' } }],
      results: ['at x'],
    });
    // The client sends all thinking of a run first. It is back at its place.
    const turns: { content: { type: string; signature?: string }[] }[] =
      api.server.requests.at(-1)!.body.messages;
    const kinds = turns.map(({ content }) =>
      content.map(({ type, signature }) => signature ?? type),
    );
    expect(kinds).toEqual([
      ['text'],
      ['s1', 'text', 'tool_use'],
      ['tool_result'],
      ['s2', 'text'],
      ['text'],
    ]);
  });

  it.each([
    [true, 'at secret'],
    [false, /not approved/],
  ])('asks for an approval, and goes on with it: %s', async (approved, result) => {
    api.server.reply(messageEvents.toolUse('look', { at: 'secret' }, { id: 'toolu_1' }));
    const { client, errors } = tanStackPage(await agent());
    await client.sendMessage('Hi');
    expect(contentOfTanStack(client).results).toEqual([]);
    api.server.reply(messageEvents.text('Done'), messageEvents.text('Bye'));
    await client.addToolApprovalResponse({ id: 'toolu_1', approved });
    await until(() => contentOfTanStack(client).text === 'Done' && !client.getIsLoading());
    expect(errors).toEqual([]);
    expect(contentOfTanStack(client).results).toEqual([
      typeof result === 'string' ? result : expect.stringMatching(result),
    ]);
    await client.sendMessage('Thanks');
    expect([errors, contentOfTanStack(client).text]).toEqual([[], 'DoneBye']);
  });

  it('has the client run its tools, and goes on with their results', async () => {
    api.server.reply(messageEvents.toolUse('where', { at: 'x' }, { id: 'toolu_1' }));
    api.server.reply(messageEvents.text('Done'), messageEvents.text('Bye'));
    const { client, errors } = tanStackPage(await agent(), {
      tools: [{ name: 'where', description, inputSchema: input, execute: () => 'here' }] as never,
    });
    await client.sendMessage('Hi');
    await until(() => contentOfTanStack(client).text === 'Done' && !client.getIsLoading());
    const { content } = api.server.requests[1]!.body.messages.at(-1);
    expect(content).toMatchObject([{ tool_use_id: 'toolu_1', content: 'here' }]);
    await client.sendMessage('Thanks');
    expect([errors, contentOfTanStack(client).text]).toEqual([[], 'DoneBye']);
  });
});

it('joins a run that the relay has kept, from its start', async () => {
  const relay = createRelay();
  const { id } = await relay.publish(from(messageEvents.text('Hello world', { chunk: 3 })));
  const urls: string[] = [];
  const fetchClient: typeof fetch = async (url) => {
    urls.push(String(url));
    const events$ = relay.follow(id).pipe(map(({ event }) => event));
    return toSseResponse(events$.pipe(toAgUi({ threadId: 't', runId: 'r' })), AG_UI_SSE);
  };
  const connection = fetchServerSentEvents('http://localhost/api/agent', { fetchClient });
  const chunks = [];
  for await (const chunk of connection.joinRun!('r')) chunks.push(chunk);
  expect(urls).toEqual(['http://localhost/api/agent?offset=-1&runId=r']);
  const text = chunks.map((chunk) => ('delta' in chunk ? chunk.delta : '')).join('');
  expect([text, chunks.at(-1)?.type]).toEqual(['Hello world', 'RUN_FINISHED']);
  await relay.close();
});

/** Sends a few messages, whatever has become of the replies. */
class TanStackChat extends RandomPage {
  async run(): Promise<void> {
    const { client, errors } = tanStackPage('http://localhost/', {
      fetch: async (_, init) => {
        const input = JSON.parse(String(init?.body)) as AgUiInput & AgUiRunRef;
        const { messages, answers } = fromRunInput(input);
        const events$ = this.loop(messages, answers).pipe(
          toAgUi(input, { errorText: ({ message }) => message }),
          take(this.patience(0.8)),
        );
        return toSseResponse(events$, AG_UI_SSE);
      },
    });
    for (let count = 0; count < 3; count++) {
      await client.sendMessage('So?');
      this.ended(client.getStatus(), errors.splice(0)[0]?.message);
    }
  }
}

it('sends back what is accepted, whatever the replies', async () => {
  const seeds = Array.from({ length: 200 }, (_, index) => index + 1);
  const tally = await runPages(seeds, TanStackChat);
  console.log(JSON.stringify(tally));
  expect(tally.cases).toBe(seeds.length);
  expect(tally.thoughts).toBeGreaterThan(5);
});
