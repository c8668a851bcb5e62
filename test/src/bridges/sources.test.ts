import { type AnyStreamEvent, MessageStreamError, type StreamEvent } from 'claude-rx';
import { toAgUi } from 'claude-rx/ag-ui';
import { fromAgent, streamEvents } from 'claude-rx/agent';
import { Conversation } from 'claude-rx/conversation';
import { createRelay } from 'claude-rx/relay';
import { messageEvents } from 'claude-rx/testing';
import { defineTool, runTools } from 'claude-rx/tools';
import { toUiMessages } from 'claude-rx/ui';
import { concat, from, map, type Observable, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { pageOf, runPage } from '../../support/agUiPage.ts';
import { contentOfAgUi, contentOfUiMessage, type PageContent } from '../../support/pageContent.ts';
import { params, useServer } from '../../support/server.ts';
import { readChunks } from '../../support/uiPage.ts';

interface Page {
  content: PageContent;
  isError: boolean;
}

/** The message that the page of each bridge has after the events, with the real client. */
const bridges: [name: string, read: (events$: Observable<AnyStreamEvent>) => Promise<Page>][] = [
  [
    'toUiMessages',
    async (events$) => {
      const { message, errors } = await readChunks(events$.pipe(toUiMessages()));
      return { content: contentOfUiMessage(message), isError: errors.length > 0 };
    },
  ],
  [
    'toAgUi',
    async (events$) => {
      const page = await runPage(pageOf((input) => events$.pipe(toAgUi(input))));
      return { content: contentOfAgUi(page.newMessages), isError: page.error !== undefined };
    },
  ],
];

const look = defineTool({
  name: 'look',
  description: 'For a test',
  input: z.object({ at: z.string() }),
  run: ({ at }) => ({ seen: at }),
});
const asks = messageEvents
  .thinking('Hm')
  .text('I look. ')
  .toolUse('look', { at: 'x' }, { id: 't1' });
const says = messageEvents.text('Done');
const whole: Page = {
  content: {
    text: 'I look. Done',
    reasoning: 'Hm',
    calls: [{ name: 'look', input: { at: 'x' } }],
    results: [{ seen: 'x' }],
  },
  isError: false,
};

describe.each(bridges)('%s', (_, read) => {
  const api = useServer({ strict: true });
  const loop = () => {
    api.server.reply(asks, says);
    return runTools(api.client, params, { tools: [look] });
  };

  it('takes a loop of tools', async () => {
    expect(await read(loop())).toEqual(whole);
  });

  it('fails where the start of the reply is missing', async () => {
    const events = [...asks].slice(1);
    expect(await read(from(events))).toMatchObject({ isError: true });
  });

  it('takes a Conversation', async () => {
    api.server.reply(asks, says);
    const { model, max_tokens } = params;
    const conversation = new Conversation(api.client, { model, max_tokens }, { tools: [look] });
    expect(await read(conversation.send('Hi'))).toEqual(whole);
  });

  it('takes a follower of the relay', async () => {
    const relay = createRelay<AnyStreamEvent>();
    const { id } = await relay.publish(loop());
    expect(await read(relay.follow(id).pipe(map(({ event }) => event)))).toEqual(whole);
    await relay.close();
  });

  it('takes what Claude Code and the Agent SDK send', async () => {
    const partial = (event: StreamEvent) => ({
      type: 'stream_event',
      event,
      parent_tool_use_id: null,
      session_id: 's',
      uuid: 'u',
    });
    const result = {
      type: 'user',
      parent_tool_use_id: null,
      session_id: 's',
      message: {
        role: 'user',
        content: [{ type: 'tool_result', tool_use_id: 't1', content: '{"seen":"x"}' }],
      },
    };
    async function* query() {
      yield { type: 'system', subtype: 'init', session_id: 's' };
      for (const event of asks) yield partial(event);
      yield result;
      for (const event of says) yield partial(event);
      yield { type: 'result', subtype: 'success', is_error: false, session_id: 's', result: '' };
    }
    // `streamEvents` emits replies, without the results of Claude Code's tools.
    const content = { ...whole.content, results: [] };
    const page = await read(fromAgent(query() as never).pipe(streamEvents()));
    expect(page).toEqual({ ...whole, content });
  });

  it('states a result whose end did not come', async () => {
    const found = { type: 'web_search_tool_result', tool_use_id: 's1', content: [] };
    const reply = messageEvents
      .serverToolUse('web_search', { query: 'x' }, { id: 's1' })
      .block(found);
    const events = Array.from(reply);
    const at = events.findLastIndex(({ type }) => type === 'content_block_start');
    const lost = throwError(() => new MessageStreamError('lost', { code: 'connection' }));
    const { content, isError } = await read(concat(from(events.slice(0, at + 1)), lost));
    expect([content.results, isError]).toEqual([[[]], true]);
  });
});
