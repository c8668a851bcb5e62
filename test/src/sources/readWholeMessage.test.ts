import { eventsOf, finalMessage, fromMessages, MessageBuilder, type ResponseInfo } from 'claude-rx';
import { httpError, messageEvents } from 'claude-rx/testing';
import { lastValueFrom, take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { failure, params, received, until, useServer } from '../../support/server.ts';

const answer = messageEvents
  .thinking('Hm')
  .text('Hello wide world')
  .toolUse('look', { city: 'Lyon' });

describe('fromMessages that does not stream', () => {
  const http = useServer();
  const ask = (options = {}) => fromMessages(http.client, params, { stream: false, ...options });

  it('gives the events of the whole reply, the same as streamed but in larger pieces', async () => {
    http.server.reply(answer);
    let info: ResponseInfo | undefined;
    const events = await received(ask({ onResponse: (given: ResponseInfo) => (info = given) }));
    const builder = new MessageBuilder();
    for (const event of answer) builder.push(event);
    expect(events).toEqual(eventsOf(builder.message!));
    expect(info).toMatchObject({ status: 200, requestId: 'req_1' });
    expect(http.server.requests[0]!.body).toEqual({ ...params, stream: false });
  });

  it('stops at the event after which nobody listens, and aborts the request before', async () => {
    http.server.reply(answer, { events: answer, delay: 60_000 });
    expect(await received(ask().pipe(take(2)))).toHaveLength(2);
    const subscription = ask().subscribe();
    await until(() => http.server.requests.length === 2);
    subscription.unsubscribe();
    expect(await http.server.requests[1]!.finished).toBe('client-left');
  });

  it.each([
    ['an HTTP error', httpError(529), { code: 'overloaded', status: 529, retryable: true }],
    ['a page', { body: '<html>', headers: { 'content-type': 'text/html' } }, { code: 'protocol' }],
    ['nothing', { body: '' }, { code: 'protocol', requestId: 'req_1' }],
    ['JSON that is no message', { body: { type: 'other' } }, { code: 'protocol' }],
    [
      'a connection that is lost',
      { events: answer, fault: { kind: 'rst', atByte: 50 } as const },
      { code: 'connection', retryable: true },
    ],
  ])('fails at %s', async (_, reply, expected) => {
    http.server.reply(reply);
    expect(await failure(ask())).toMatchObject(expected);
  });

  it('leaves out what is no block', async () => {
    const content = [null, 'a', { text: 'b' }, { type: 'text', text: 'c' }];
    const body = {
      type: 'message',
      id: 'msg_1',
      role: 'assistant',
      content,
      stop_reason: 'end_turn',
    };
    http.server.reply({ body });
    const message = await lastValueFrom(ask().pipe(finalMessage()));
    expect(message.content).toEqual([{ type: 'text', text: 'c' }]);
  });

  it('refuses a message that says it is longer than it may be, and leaves the request', async () => {
    const body = JSON.stringify({ type: 'message', content: [], padding: 'x'.repeat(100_000) });
    http.server.reply({ body, headers: { 'content-length': String(body.length) } });
    const error = await failure(ask({ maxFrameLength: 10_000 }));
    expect(error).toMatchObject({ code: 'protocol', retryable: false, requestId: 'req_1' });
    expect(error.message).toMatch(/more than 10000 characters.*maxFrameLength/);
  });

  it('reads no more than it may where the SDK does not read the body', async () => {
    const encoder = new TextEncoder();
    let sent = 0;
    const endless = () =>
      new ReadableStream<Uint8Array>({
        pull: (controller) => {
          sent += 1_000;
          controller.enqueue(encoder.encode('x'.repeat(1_000)));
        },
      });
    const asResponse = () => Promise.resolve(new Response(endless()));
    const client = {
      messages: { create: () => ({ asResponse }) },
    } as unknown as typeof http.client;
    const options = { stream: false, maxFrameLength: 10_000 };
    expect(await failure(fromMessages(client, params, options))).toMatchObject({
      code: 'protocol',
      message: expect.stringContaining('10000 characters'),
    });
    expect(sent).toBeLessThan(20_000);
  });

  it('fails where onResponse does', async () => {
    http.server.reply(answer);
    const problem = new Error('no');
    const onResponse = () => {
      throw problem;
    };
    expect(await failure(ask({ onResponse }))).toMatchObject({ cause: problem });
  });
});
