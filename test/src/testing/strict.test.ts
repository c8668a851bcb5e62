import type Anthropic from '@anthropic-ai/sdk';
import { messageEvents } from 'claude-rx/testing';
import { describe, expect, it } from 'vitest';
import { params, useServer } from '../../server.ts';

describe('a strict MessagesServer', () => {
  const strict = useServer({ strict: true });
  const signed = { signature: 'c2lnbmVk' };
  const ask = (messages: Anthropic.MessageParam[]) =>
    strict.client.messages.create({ ...params, messages, stream: true });
  const refusal = (messages: Anthropic.MessageParam[]): Promise<Error> =>
    ask(messages).then(
      () => expect.unreachable('it was taken'),
      (error: Error) => error,
    );

  it('refuses with 400 what the API refuses, and keeps the reply for a better one', async () => {
    strict.server.reply(messageEvents.text('Hello'));
    const error = await refusal([{ role: 'assistant', content: 'Hi' }]);
    expect(error).toMatchObject({ status: 400, type: 'invalid_request_error' });
    expect(error.message).toContain('first message must use the');
    const taken = await ask([{ role: 'user', content: 'Hi' }]);
    let last = '';
    for await (const { type } of taken) last = type;
    expect(last).toBe('message_stop');
  });

  it.each(['events', 'an async iterable'])(
    'remembers the thinking it has sent, as %s',
    async (kind) => {
      const reply = messageEvents.thinking('They greet me.', signed).text('Hello');
      const slowly = async function* () {
        yield* reply;
      };
      strict.server.reply(kind === 'events' ? reply : { events: slowly() });
      const hi = { role: 'user' as const, content: 'Hi' };
      const { content } = await strict.client.messages
        .stream({ ...params, messages: [hi] })
        .finalMessage();
      const [thought, ...rest] = content as Anthropic.ContentBlockParam[];
      const changed = { ...thought, thinking: 'They greet' } as Anthropic.ContentBlockParam;
      const error = await refusal([hi, { role: 'assistant', content: [changed, ...rest] }, hi]);
      expect(error.message).toContain('cannot be modified');
      strict.server.reply(messageEvents.text('Again'));
      const again = [hi, { role: 'assistant' as const, content: [thought!, ...rest] }, hi];
      const message = await strict.client.messages.create({ ...params, messages: again });
      expect(message.content).toMatchObject([{ text: 'Again' }]);
    },
  );

  it('counts tokens: the same for the same request, wherever the cache begins', async () => {
    const count = (content: Anthropic.ContentBlockParam[]) =>
      strict.client.messages.countTokens({
        model: params.model,
        messages: [{ role: 'user', content }],
      });
    const short = await count([{ type: 'text', text: 'Hi' }]);
    const long = await count([{ type: 'text', text: 'Hi'.repeat(401) }]);
    const cached = await count([
      { type: 'text', text: 'Hi', cache_control: { type: 'ephemeral' } },
    ]);
    expect(long.input_tokens - short.input_tokens).toBe(200);
    expect(cached).toEqual(short);
    await expect(count([])).rejects.toMatchObject({ status: 400 });
  });
});
