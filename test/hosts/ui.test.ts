import {
  DefaultChatTransport,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  type UIMessage,
} from 'ai';
import { messageEvents, MessagesServer } from 'claude-rx/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { readStream } from '../support/uiPage.ts';
import { gated } from './gated.ts';
import { NestService } from './nestService.ts';

let server: MessagesServer;
let service: NestService;
let transport: DefaultChatTransport<UIMessage>;

beforeAll(async () => {
  server = await MessagesServer.start({ strict: true });
  service = await NestService.start({ ANTHROPIC_API_KEY: 'key', ANTHROPIC_BASE_URL: server.url });
  transport = new DefaultChatTransport({ api: `${service.url}/api/ui` });
});
afterAll(async () => {
  await service.stop();
  await server.close();
});

let first = 0;
beforeEach(() => (first = server.requests.length));

const user: UIMessage = { id: 'u', role: 'user', parts: [{ type: 'text', text: 'Hi' }] };

async function send(chatId: string, messages: UIMessage[] = [user]) {
  const last = messages.at(-1);
  const messageId = last?.role === 'assistant' ? last.id : undefined;
  const stream = await transport.sendMessages({
    chatId,
    messages,
    trigger: 'submit-message',
    messageId,
    abortSignal: undefined,
  });
  return readStream(stream, messageId === undefined ? undefined : last);
}
const resume = (chatId: string) => transport.reconnectToStream({ chatId });
const typesOf = ({ parts }: UIMessage) => parts.map(({ type }) => type);

it('serves a reply, with tools of the service', async () => {
  server.reply(messageEvents.thinking('Hm').toolUse('get_weather', { city: 'Rome' }));
  server.reply(messageEvents.text('It is warm.'));
  const { message, errors } = await send('tools');
  expect(errors).toEqual([]);
  expect(typesOf(message)).toEqual([
    'step-start',
    'reasoning',
    'dynamic-tool',
    'step-start',
    'text',
  ]);
  expect(message.parts[2]).toMatchObject({ state: 'output-available', input: { city: 'Rome' } });
});

it('goes on after an approval, and a page that resumes then gets the whole message', async () => {
  server.reply(messageEvents.toolUse('book_hotel', { city: 'Rome', nights: 2 }, { id: 'toolu_1' }));
  const { message: asked } = await send('approval');
  const call = asked.parts[1] as { type: 'dynamic-tool'; state: string; approval: { id: string } };
  expect(call.state).toBe('approval-requested');
  Object.assign(call, {
    state: 'approval-responded',
    approval: { id: call.approval.id, approved: true },
  });
  expect(lastAssistantMessageIsCompleteWithApprovalResponses({ messages: [asked] })).toBe(true);

  const { reply, open } = gated(messageEvents.text('It is booked.'), 3);
  server.reply(reply);
  const sent = send('approval', [user, asked]);
  await expect.poll(() => server.requests.length).toBe(first + 2);
  const resumed = readStream((await resume('approval'))!);
  open();
  const [{ message }, { message: replayed, errors }] = await Promise.all([sent, resumed]);
  expect(errors).toEqual([]);
  expect(replayed.id).toBe(message.id);
  expect(typesOf(replayed)).toEqual(typesOf(message));
  expect(replayed.parts[1]).toMatchObject({
    state: 'output-available',
    output: 'Booked 2 nights in Rome.',
  });
  expect(replayed.parts.at(-1)).toMatchObject({ text: 'It is booked.' });
});

it('replays a reply that is over, and answers 204 where there is none', async () => {
  server.reply(messageEvents.text('Hello'));
  const { message } = await send('over');
  const { message: again, errors } = await readStream((await resume('over'))!);
  expect([again, errors]).toEqual([message, []]);
  expect(await resume('none')).toBeNull();
  expect(server.requests.length).toBe(first + 1);
});

it('ends the request and its readers with a stop', async () => {
  const reply = messageEvents.text('Hello world', { chunk: 2 });
  server.reply({ events: reply, fault: { kind: 'stall', beforeEvent: 4 } });
  const sent = send('stop');
  await expect.poll(() => server.requests.length).toBe(first + 1);
  const stopped = await fetch(`${service.url}/api/ui/stop/stop`, { method: 'POST' });
  expect(stopped.status).toBe(204);
  const { chunks, errors } = await sent;
  expect([chunks.at(-1)?.type, errors]).toEqual(['abort', []]);
  await server.idle();
});

it('states a cut as an error', async () => {
  const reply = messageEvents.text('Hello world', { chunk: 2 });
  server.reply({ events: reply, fault: { kind: 'end', beforeEvent: 4 } });
  const { errors } = await send('cut');
  expect(errors).toEqual(['The reply was cut off.']);
});

it.each([
  ['no id', { messages: [user] }],
  ['no messages', { id: 'a', messages: [] }],
  ['a message without parts', { id: 'a', messages: [{ role: 'user' }] }],
])('refuses a request with %s', async (_, body) => {
  const response = await fetch(`${service.url}/api/ui`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
});
