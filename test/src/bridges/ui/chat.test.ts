import {
  AbstractChat,
  type ChatInit,
  type ChatState,
  type ChatStatus,
  DefaultChatTransport,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  lastAssistantMessageIsCompleteWithToolCalls,
  type UIMessage,
} from 'ai';
import { pipeToResponse, type StreamEvent } from 'claude-rx';
import { createRelay } from 'claude-rx/relay';
import { messageEvents } from 'claude-rx/testing';
import { defineTool, runTools, type RunToolsOptions } from 'claude-rx/tools';
import { fromUiMessages, toUiMessages, UI_MESSAGE_SSE } from 'claude-rx/ui';
import { json } from 'node:stream/consumers';
import { map, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { useHttpServers } from '../../../support/httpServers.ts';
import { params, until, useServer } from '../../../support/server.ts';

class State implements ChatState<UIMessage> {
  status: ChatStatus = 'ready';
  error: Error | undefined = undefined;
  messages: UIMessage[];
  constructor(messages: UIMessage[] = []) {
    this.messages = messages;
  }
  pushMessage = (message: UIMessage) => {
    this.messages = [...this.messages, structuredClone(message)];
  };
  popMessage = () => {
    this.messages = this.messages.slice(0, -1);
  };
  replaceMessage = (index: number, message: UIMessage) => {
    this.messages = this.messages.with(index, structuredClone(message));
  };
  snapshot = <T>(thing: T): T => structuredClone(thing);
}

/** The chat behind `useChat`, without React. */
class Chat extends AbstractChat<UIMessage> {
  constructor({ messages = [], ...init }: ChatInit<UIMessage>) {
    super({ ...init, state: new State(messages) });
  }
}

const input = z.object({ at: z.string() });
const look = (run: (() => string) | undefined) =>
  defineTool({ name: 'look', description: 'For a test', input, ...(run && { run }) } as never);

describe('a chat of the AI SDK', () => {
  const http = useServer({ strict: true });
  const listen = useHttpServers();

  /** A service with one tool. */
  async function service(options: RunToolsOptions): Promise<string> {
    const { url } = await listen(async (request, response) => {
      const body = (await json(request)) as { messages: UIMessage[] };
      const { messages, answers, messageId } = fromUiMessages(body.messages);
      const thinking = { type: 'adaptive' as const };
      const reply$ = runTools(
        http.client,
        { ...params, thinking, messages },
        { ...options, answers },
      );
      pipeToResponse(reply$.pipe(toUiMessages({ messageId })), response, UI_MESSAGE_SSE);
    });
    return `${url}/chat`;
  }
  const partsOf = (chat: Chat) => chat.lastMessage?.parts ?? [];
  const callOf = (chat: Chat, id = 't1') =>
    partsOf(chat).find((part) => 'toolCallId' in part && part.toolCallId === id) as {
      state: string;
      output?: unknown;
      approval?: { id: string };
    };
  const asks = messageEvents
    .thinking('Hm', { signature: 'a1' })
    .toolUse('look', { at: 'x' }, { id: 't1' })
    .toolUse('other', { at: 'y' }, { id: 't2' });
  const other = defineTool({ name: 'other', description: 'For a test', input, run: () => 'fine' });
  const answers = messageEvents.thinking('So', { signature: 'a2' }).text('Done');

  it.each([
    [true, 'output-available', 'seen'],
    [false, 'output-denied', undefined],
  ])(
    'is asked for an approval, and goes on with its answer: %s',
    async (approved, state, output) => {
      http.server.reply(asks, answers, messageEvents.text('Bye'));
      const api = await service({
        tools: [look(() => 'seen'), other],
        approve: ({ name }) => (name === 'look' ? 'defer' : true),
      });
      const chat = new Chat({
        transport: new DefaultChatTransport({ api }),
        sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
      });
      await chat.sendMessage({ text: 'Hi' });
      expect([chat.status, chat.error]).toEqual(['ready', undefined]);
      expect(callOf(chat)).toMatchObject({ state: 'approval-requested' });
      expect(callOf(chat, 't2')).toMatchObject({ state: 'output-available', output: 'fine' });
      await chat.addToolApprovalResponse({
        id: callOf(chat).approval!.id,
        approved,
        reason: 'as I say',
      });
      await until(() => http.server.requests.length === 2 && chat.status === 'ready');
      expect(chat.error).toBeUndefined();
      expect(chat.messages).toHaveLength(2);
      expect(callOf(chat)).toMatchObject({ state, ...(output && { output }) });
      expect(partsOf(chat).at(-1)).toMatchObject({ type: 'text', text: 'Done' });
      await chat.sendMessage({ text: 'Thanks' });
      expect([chat.status, chat.error]).toEqual(['ready', undefined]);
      // The thinking of both replies, in front of what followed it.
      const sent = JSON.stringify(http.server.requests[2]!.body.messages);
      expect([sent.includes('"a1"'), sent.includes('"a2"')]).toEqual([true, true]);
    },
  );

  it('runs a tool of its own, and goes on with its output', async () => {
    http.server.reply(asks, answers);
    const api = await service({ tools: [look(undefined), other] });
    const called: string[] = [];
    const chat: Chat = new Chat({
      transport: new DefaultChatTransport({ api }),
      sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithToolCalls,
      onToolCall: ({ toolCall }) => {
        called.push(toolCall.toolName);
        if (toolCall.toolName !== 'look') return;
        const { toolCallId } = toolCall;
        void chat.addToolOutput({
          tool: 'look' as never,
          toolCallId,
          output: { here: [1] } as never,
        });
      },
    });
    await chat.sendMessage({ text: 'Hi' });
    await until(() => http.server.requests.length === 2 && chat.status === 'ready');
    expect([chat.error, called]).toEqual([undefined, ['look', 'other']]);
    expect(chat.messages).toHaveLength(2);
    expect(partsOf(chat).at(-1)).toMatchObject({ type: 'text', text: 'Done' });
    const { content } = http.server.requests[1]!.body.messages.at(-1);
    expect(content[0]).toMatchObject({ tool_use_id: 't1', content: '{"here":[1]}' });
  });

  it('goes on with the next message where an approval was left open', async () => {
    http.server.reply(asks, answers);
    const api = await service({ tools: [look(() => 'seen'), other], approve: () => 'defer' });
    const chat = new Chat({ transport: new DefaultChatTransport({ api }) });
    await chat.sendMessage({ text: 'Hi' });
    await chat.sendMessage({ text: 'Never mind' });
    expect([chat.status, chat.error]).toEqual(['ready', undefined]);
    expect(partsOf(chat).at(-1)).toMatchObject({ text: 'Done' });
  });

  it('resumes a reply of the relay after a reload, and finds nothing where none runs', async () => {
    const relay = createRelay();
    const source = new Subject<StreamEvent>();
    const { id } = await relay.publish(source);
    const { url } = await listen(async (request, response) => {
      const status = await relay.status(request.url === '/chat/c1/stream' ? id : 'none');
      if (status?.state !== 'streaming') return void response.writeHead(204).end();
      const chunks$ = relay.follow(id).pipe(
        map(({ event }) => event),
        toUiMessages(),
      );
      pipeToResponse(chunks$, response, UI_MESSAGE_SSE);
    });
    const api = `${url}/chat`;
    const [first, second] = [Array.from(messageEvents.text('Hello', { chunk: 3 })).slice(0, 3), 3];
    for (const event of first) source.next(event);
    const user: UIMessage = { id: 'u', role: 'user', parts: [{ type: 'text', text: 'Hi' }] };
    const transport = new DefaultChatTransport<UIMessage>({ api });
    const chat = new Chat({ id: 'c1', messages: [user], transport });
    const resumed = chat.resumeStream();
    await until(() => chat.lastMessage?.role === 'assistant' && partsOf(chat).length > 1);
    for (const event of Array.from(messageEvents.text('Hello', { chunk: 3 })).slice(second))
      source.next(event);
    source.complete();
    await resumed;
    expect([chat.status, chat.error]).toEqual(['ready', undefined]);
    expect(partsOf(chat).at(-1)).toMatchObject({ text: 'Hello', state: 'done' });
    const none = new Chat({ id: 'c2', messages: [user], transport });
    await none.resumeStream();
    expect([none.status, none.messages]).toEqual(['ready', [user]]);
    await relay.close();
  });

  it('ends with an error where a reply is cut', async () => {
    http.server.reply({ events: asks, fault: { kind: 'end', beforeEvent: 4 } });
    const api = await service({ tools: [other] });
    const chat = new Chat({ transport: new DefaultChatTransport({ api }) });
    await chat.sendMessage({ text: 'Hi' });
    expect([chat.status, chat.error?.message]).toEqual(['error', 'The reply was cut off.']);
  });
});
