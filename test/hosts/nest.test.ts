import {
  continueFrom,
  finalMessage,
  finalText,
  fromResponse,
  type MessageOf,
  MessageStreamError,
  retryResumable,
  type StreamEvent,
} from 'claude-rx';
import { httpError, messageEvents, MessagesServer } from 'claude-rx/testing';
import { firstValueFrom, lastValueFrom, type Observable, toArray } from 'rxjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backpressure } from '../../examples/nest-service/src/demo/scripts.ts';
import { NestService, quickReply, until } from './nestService.ts';

const KEY = 'sk-secret-of-the-service';
const prompt = (text: string) => ({ messages: [{ role: 'user' as const, content: text }] });
const hello = [...messageEvents.text('Hello wide world', { chunk: 4 })];

let server: MessagesServer;
let service: NestService;

beforeAll(async () => {
  server = await MessagesServer.start({ strict: true });
  server.handle(quickReply);
  service = await NestService.start({
    ANTHROPIC_API_KEY: KEY,
    ANTHROPIC_BASE_URL: server.url,
    FAULTS: 'true',
    LIVENESS_MS: '1000',
  });
});
afterAll(async () => {
  await service.stop();
  await server.close();
});

let before = 0;
const requests = () => server.requests.slice(before);
beforeEach(() => (before = server.requests.length));
afterEach(async () => {
  // Whatever a test did, nothing of it goes on.
  await server.idle();
  expect(await service.openReplies()).toBe(0);
});

const events = (reply: Observable<StreamEvent>) => lastValueFrom(reply.pipe(toArray()));
const failure = async (reply: Observable<unknown>): Promise<MessageStreamError> => {
  const error: unknown = await lastValueFrom(reply).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(MessageStreamError);
  return error as MessageStreamError;
};

describe('POST /api/chat', () => {
  it('gives fromResponse the events of the reply', async () => {
    server.reply(hello);
    expect(await events(fromResponse(await service.post(prompt('Hi'))))).toEqual(hello);
    expect(requests()[0]?.body).toMatchObject({ stream: true, messages: prompt('Hi').messages });
  });

  it('keeps the key to itself', async () => {
    server.reply(hello);
    const response = await service.post(prompt('Hi'));
    const sent = JSON.stringify([...response.headers]) + (await response.text());
    expect(requests()[0]?.headers['authorization']).toBe(`Bearer ${KEY}`);
    expect(sent + service.log).not.toContain(KEY);
  });

  it.each([
    ['no messages', { messages: [] }, 'messages: Too small'],
    ['a field it does not know', { ...prompt('Hi'), model: 'other' }, 'Unrecognized key: "model"'],
    [
      'a role it does not know',
      { messages: [{ role: 'system', content: 'x' }] },
      'messages.0.role',
    ],
    [
      'a conversation that ends with a reply',
      { messages: [{ role: 'assistant', content: [{ type: 'text', text: 'x' }] }] },
      'must end with a turn of the user',
    ],
    ['a prompt of 50,001 characters', prompt('x'.repeat(50_001)), 'messages.0.content'],
  ])('refuses %s, and asks nobody', async (_, body, message) => {
    const error = await failure(fromResponse(await service.post(body)));
    expect(error).toMatchObject({ code: 'request', status: 400, retryable: false });
    expect(error.message).toContain(message);
    expect(requests()).toEqual([]);
  });

  it('refuses what is no JSON, and a body that is too large', async () => {
    const post = (body: string) =>
      fetch(`${service.url}/api/chat`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
    expect(await failure(fromResponse(await post('{"messages":')))).toMatchObject({ status: 400 });
    expect(await failure(fromResponse(await post(`"${'x'.repeat(5_000_000)}"`)))).toMatchObject({
      status: 413,
      errorType: 'request_too_large',
    });
  });

  it('sends an error in the middle of a reply as a frame that is that error again', async () => {
    server.reply({ events: hello, fault: { kind: 'error', beforeEvent: 4 } });
    const error = await failure(fromResponse(await service.post(prompt('Hi'))));
    expect(error).toMatchObject({ code: 'overloaded', retryable: true });
    expect(error.partial?.content).toMatchObject([{ text: 'Hello wi' }]);
  });

  it('sends an error before the reply in the same way, and no detail of what is its own', async () => {
    server.reply(httpError(400, { message: 'messages: too long' }));
    expect(await failure(fromResponse(await service.post(prompt('Hi'))))).toMatchObject({
      code: 'request',
      message: 'The request was refused.',
    });
    server.reply(httpError(401, { message: `invalid key ${KEY}` }));
    const error = await failure(fromResponse(await service.post(prompt('Hi'))));
    expect(error).toMatchObject({ code: 'api', retryable: false });
    expect(error.message).toBe('The model failed to answer.');
  });

  it('ends a reply that falls silent', async () => {
    server.reply({ events: hello, fault: { kind: 'stall', beforeEvent: 4 } });
    expect(await failure(fromResponse(await service.post(prompt('Hi'))))).toMatchObject({
      code: 'timeout',
      retryable: true,
    });
    expect(await requests()[0]?.finished).toBe('client-left');
  });

  it('aborts its request when the reader leaves', async () => {
    server.reply({ events: hello, pace: 5, fault: { kind: 'stall', beforeEvent: 4 } });
    const leaving = new AbortController();
    const response = await service.post(prompt('Hi'), leaving.signal);
    await response.body!.getReader().read();
    expect(await service.openReplies()).toBe(1);
    leaving.abort();
    expect(await requests()[0]?.finished).toBe('client-left');
  });

  it.each(['cut', 'stall'] as const)(
    'carries a reply on for who asks for the rest of it, exactly, after the fault %s',
    async (fault) => {
      const conversation = prompt('Explain backpressure');
      const ask = (body: object) => fromResponse((signal) => service.post(body, signal));
      const seams: string[] = [];
      const reply = ask({ ...conversation, fault }).pipe(
        retryResumable({
          resume: ({ partial, error }) => {
            seams.push(error.code);
            return ask({ ...conversation, ...(partial && { partial }) });
          },
        }),
      );
      const message: MessageOf<StreamEvent> = await firstValueFrom(reply.pipe(finalMessage()));
      expect(message.content).toMatchObject([
        { type: 'thinking', thinking: backpressure.thinking },
        { type: 'text', text: backpressure.text },
      ]);
      expect(seams).toEqual([fault === 'cut' ? 'connection' : 'timeout']);
      const [first, second, ...others] = requests();
      expect(others).toEqual([]);
      expect(await first?.finished).toBe('client-left');
      // What the service asks for is what this package would have asked for itself.
      const partial = { ...message, usage: {}, content: second?.body.messages[1].content };
      const { messages } = continueFrom({ ...first?.body }, partial as never);
      expect(second?.body.messages).toEqual(messages);
    },
  );
});

describe('GET /api/ask', () => {
  const ask = (text: string, headers: Record<string, string> = {}) =>
    fetch(`${service.url}/api/ask?${new URLSearchParams({ prompt: text }).toString()}`, {
      headers,
    });

  it('gives an EventSource, and fromResponse, the events of the reply', async () => {
    server.reply(hello);
    const response = await ask('Hi');
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(await events(fromResponse(response))).toEqual(hello);
  });

  it('sends an error as a frame that is that error again', async () => {
    server.reply({ events: hello, fault: { kind: 'rst', beforeEvent: 4 } });
    const error = await failure(fromResponse(await ask('Hi')));
    expect(error).toMatchObject({ code: 'connection', retryable: true });
  });

  it('refuses a question without a prompt, and a second one of the same EventSource', async () => {
    expect(await failure(fromResponse(await ask('')))).toMatchObject({ status: 400 });
    const again = await ask('Hi', { 'last-event-id': '7' });
    expect([again.status, await again.text()]).toEqual([204, '']);
    expect(requests()).toEqual([]);
  });

  it('aborts its request when the reader leaves', async () => {
    server.reply({ events: hello, fault: { kind: 'stall', beforeEvent: 4 } });
    const response = await ask('Hi');
    await until(() => requests()[0]?.eventsSent === 4);
    await response.body!.cancel();
    expect(await requests()[0]?.finished).toBe('client-left');
  });
});

describe('the service', () => {
  it('counts and times the replies', async () => {
    const complete = 'replies_total{outcome="complete",code="none"}';
    const overloaded = 'replies_total{outcome="error",code="overloaded"}';
    const counts = async () =>
      Promise.all(
        [complete, overloaded, 'reply_first_text_seconds_count'].map((name) =>
          service.metric(name),
        ),
      );
    const [wholeBefore = 0, brokenBefore = 0, timedBefore = 0] = await counts();
    server.reply(hello, { events: hello, fault: { kind: 'error', beforeEvent: 4 } });
    await events(fromResponse(await service.post(prompt('Hi'))));
    await failure(fromResponse(await service.post(prompt('Hi'))));
    const after = [wholeBefore + 1, brokenBefore + 1, timedBefore + 2];
    await until(async () => (await counts()).join() === after.join());
    expect(await service.metric('tokens_total{direction="out"}')).toBeGreaterThan(0);
  });

  it('ends with an error that is worth another try when it is told to, and leaves at once', async () => {
    const other = await NestService.start({
      ANTHROPIC_API_KEY: KEY,
      ANTHROPIC_BASE_URL: server.url,
    });
    server.reply({ events: hello, fault: { kind: 'stall', beforeEvent: 4 } });
    const response = await other.post(prompt('Hi'));
    const error = failure(fromResponse(response));
    await until(() => requests()[0]?.eventsSent === 4);
    expect(['SIGTERM', 0]).toContain(await other.stop());
    expect(await error).toMatchObject({ code: 'overloaded', retryable: true });
    expect(await requests()[0]?.finished).toBe('client-left');
  });

  it('plays replies where there is no key', async () => {
    const other = await NestService.start({});
    const reply = fromResponse(await other.post(prompt('Explain backpressure')));
    expect(await firstValueFrom(reply.pipe(finalText()))).toBe(backpressure.text);
    await other.stop();
  });
});
