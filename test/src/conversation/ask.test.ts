import { ask } from 'claude-rx/conversation';
import { messageEvents } from 'claude-rx/testing';
import { describe, expect, it } from 'vitest';
import { failure, received, useServer } from '../../support/server.ts';

describe('ask', () => {
  const http = useServer({ strict: true });

  it('emits the text of the reply to a prompt', async () => {
    http.server.reply(messageEvents.thinking('Hm').text('Blue light', { chunk: 5 }));
    expect(await received(ask(http.client, 'Why is the sky blue?'))).toEqual(['Blue ', 'light']);
    expect(http.server.requests[0]!.body).toEqual({
      model: 'claude-opus-5-5',
      max_tokens: 4096,
      messages: [{ role: 'user', content: 'Why is the sky blue?' }],
      stream: true,
    });
  });

  it('accepts other parameters, or a whole request', async () => {
    http.server.reply(messageEvents.text('a'), messageEvents.text('b'));
    const params = { model: 'claude-haiku-4-5', system: 'Be brief' } as const;
    await received(ask(http.client, 'Why?', { params }));
    expect(http.server.requests[0]!.body).toMatchObject({ ...params, max_tokens: 4096 });
    const whole = {
      ...params,
      max_tokens: 5,
      messages: [{ role: 'user' as const, content: 'Hm' }],
    };
    await received(ask(http.client, whole));
    expect(http.server.requests[1]!.body).toEqual({ ...whole, stream: true });
  });

  it('emits the text at once without streaming', async () => {
    http.server.reply(messageEvents.text('Blue light', { chunk: 5 }));
    expect(await received(ask(http.client, 'Why?', { stream: false }))).toEqual(['Blue light']);
    expect(http.server.requests[0]!.body.stream).toBe(false);
  });

  it('sends a request for each subscription, and fails with the error of the request', async () => {
    http.server.reply(messageEvents.text('a'), {
      events: messageEvents.text('Blue'),
      fault: { kind: 'end', beforeEvent: 3 },
    });
    const answer = ask(http.client, 'Why?');
    expect(http.server.requests).toHaveLength(0);
    expect(await received(answer)).toEqual(['a']);
    expect(await failure(answer)).toMatchObject({ code: 'truncated' });
    expect(() => ask(http.client, ' ')).toThrow(/the prompt is empty/);
    expect(() => ask({} as never, 'Why?')).toThrow(/pass an SDK client/);
  });
});
