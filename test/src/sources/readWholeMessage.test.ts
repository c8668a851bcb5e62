import { eventsOf, fromMessages, MessageBuilder, type ResponseInfo } from 'claude-rx';
import { httpError, messageEvents } from 'claude-rx/testing';
import { take } from 'rxjs';
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

  it('fails where onResponse does', async () => {
    http.server.reply(answer);
    const problem = new Error('no');
    const onResponse = () => {
      throw problem;
    };
    expect(await failure(ask({ onResponse }))).toMatchObject({ cause: problem });
  });
});
