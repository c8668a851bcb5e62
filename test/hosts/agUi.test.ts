import { messageEvents, MessagesServer } from 'claude-rx/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pageOver, runPage, user } from '../support/agUiPage.ts';
import { contentOfAgUi } from '../support/pageContent.ts';
import { NestService } from './nestService.ts';

let server: MessagesServer;
let service: NestService;

beforeAll(async () => {
  server = await MessagesServer.start({ strict: true });
  service = await NestService.start({ ANTHROPIC_API_KEY: 'key', ANTHROPIC_BASE_URL: server.url });
});
afterAll(async () => {
  await service.stop();
  await server.close();
});

const agent = () => pageOver(`${service.url}/api/agent`);

it('serves a run of the real client, with tools of the service', async () => {
  server.reply(messageEvents.thinking('Hm').toolUse('get_weather', { city: 'Rome' }));
  server.reply(messageEvents.text('It is warm.'));
  const { newMessages, error } = await runPage(agent());
  expect(error).toBeUndefined();
  expect(contentOfAgUi(newMessages)).toMatchObject({
    text: 'It is warm.',
    reasoning: 'Hm',
    calls: [{ name: 'get_weather', input: { city: 'Rome' } }],
  });
});

it('asks for an approval, and goes on with it', async () => {
  const page = agent();
  server.reply(messageEvents.toolUse('book_hotel', { city: 'Rome', nights: 2 }, { id: 'toolu_1' }));
  const { interrupts } = await runPage(page);
  expect(interrupts).toMatchObject([{ toolCallId: 'toolu_1' }]);
  server.reply(messageEvents.text('Done.'));
  const resume = interrupts.map(({ id }) => ({
    interruptId: id,
    status: 'resolved' as const,
    payload: { approved: true },
  }));
  const { error } = await runPage(page, { resume });
  expect(error).toBeUndefined();
  // The call is in the message before.
  expect(contentOfAgUi(page.messages)).toMatchObject({
    text: 'Done.',
    results: ['Booked 2 nights in Rome.'],
  });
});

it('states a cut as an error, and goes on in the next run', async () => {
  const page = agent();
  const reply = messageEvents.text('Hello world', { chunk: 2 });
  server.reply({ events: reply, fault: { kind: 'end', beforeEvent: 4 } });
  expect((await runPage(page)).error).toMatchObject({ code: 'truncated' });
  page.addMessage(user('Again'));
  server.reply(messageEvents.text('Hello'));
  expect((await runPage(page)).error).toBeUndefined();
});

it.each([
  ['no run', { threadId: 't', messages: [user('Hi')] }],
  ['no message of the user', { threadId: 't', runId: 'r', messages: [{ role: 'assistant' }] }],
])('refuses an input with %s', async (_, body) => {
  const response = await fetch(`${service.url}/api/agent`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
});
