import type Anthropic from '@anthropic-ai/sdk';
import { messageEvents } from 'claude-rx/testing';
import { describe, expect, it } from 'vitest';
import { params, useServer } from '../../support/server.ts';

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

  it('misses no thinking without a signature before a call', async () => {
    const hi = { role: 'user' as const, content: 'Hi' };
    const call = { type: 'tool_use' as const, id: 'toolu_1', name: 'a', input: {} };
    const unsigned = messageEvents.thinking('They greet me.', { signature: '' });
    strict.server.reply(unsigned.toolUse('a', {}, { id: 'toolu_1' }), messageEvents.text('Again'));
    const thinking = { type: 'adaptive' as const };
    await strict.client.messages.create({ ...params, thinking, messages: [hi] });
    const result = { type: 'tool_result' as const, tool_use_id: 'toolu_1' };
    const messages = [
      hi,
      { role: 'assistant' as const, content: [call] },
      { role: 'user' as const, content: [result] },
    ];
    const message = await strict.client.messages.create({ ...params, thinking, messages });
    expect(message.content).toMatchObject([{ text: 'Again' }]);
  });

  it('refuses thinking before which something has changed', async () => {
    const thought = messageEvents.thinking('They greet me.', signed).text('Hello');
    strict.server.reply(thought, messageEvents.text('Again'), messageEvents.text('Again'));
    const hi = { role: 'user' as const, content: 'Hi' };
    const { content } = await strict.client.messages.create({ ...params, messages: [hi] });
    const answer = {
      role: 'assistant' as const,
      content: content as Anthropic.ContentBlockParam[],
    };
    const hey = { role: 'user' as const, content: 'Hey' };
    const cached = {
      type: 'text' as const,
      text: 'Hi',
      cache_control: { type: 'ephemeral' as const },
    };
    await ask([hi, answer, hey]);
    await ask([{ role: 'user', content: [cached] }, answer, hey]);
    const moved = await refusal([hey, answer, hi]);
    expect(moved.message).toMatch(/messages\.1\.content\.0: .*bound to a different conversation/);
    const system = strict.client.messages.create({
      ...params,
      system: 'Be brief',
      messages: [hi, answer, hey],
    });
    await expect(system).rejects.toThrow(/bound to a different conversation/);
  });

  it('requires the thinking before a call, unless something before it has changed', async () => {
    const thinking = { type: 'adaptive' as const };
    const call = messageEvents.thinking('Hm', signed).toolUse('look', {}, { id: 'a' });
    strict.server.reply(call, messageEvents.text('Again'));
    const hi = { role: 'user' as const, content: 'Hi' };
    await strict.client.messages.create({ ...params, thinking, messages: [hi] });
    const answered: Anthropic.MessageParam[] = [
      { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'look', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a' }] },
    ];
    const messages = [hi, ...answered];
    const lacking = strict.client.messages.create({ ...params, thinking, messages });
    await expect(lacking).rejects.toThrow(/must be passed back/);
    const hey = { role: 'user' as const, content: 'Hey' };
    await strict.client.messages.create({ ...params, thinking, messages: [hey, ...answered] });
  });

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
