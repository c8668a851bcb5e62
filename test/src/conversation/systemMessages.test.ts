import { Conversation, type ConversationOptions } from 'claude-rx/conversation';
import { messageEvents } from 'claude-rx/testing';
import { defineTool } from 'claude-rx/tools';
import { NEVER } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { failure, received, useServer } from '../../support/server.ts';

const params = { model: 'claude-opus-5-5', max_tokens: 1024 };
const thinking = { type: 'enabled', budget_tokens: 500 } as const;
const change = (type: 'tool_removal' | 'tool_addition', name = 'wipe') => ({
  type,
  tool: { type: 'tool_reference' as const, name },
});
const removal = [change('tool_removal')];
const addition = [change('tool_addition')];
const system = (content: object[]) => ({ role: 'system', content });
const call = messageEvents.thinking('Hm.', { signature: 'c2ln' }).toolUse('wipe', {});
const done = messageEvents.text('Done.');

describe('a system message in a conversation', () => {
  const http = useServer({ strict: true });
  const wipe = vi.fn(() => 'wiped');
  const tools = [defineTool({ name: 'wipe', description: 'd', input: z.object({}), run: wipe })];
  const talk = (options: ConversationOptions = {}, more: object = {}) => {
    wipe.mockClear();
    return new Conversation(
      http.client,
      { ...params, thinking, ...more },
      { tools, cache: false, ...options },
    );
  };
  const reload = (conversation: Conversation) =>
    Conversation.fromJSON(JSON.parse(JSON.stringify(conversation)), http.client, params, {
      tools,
      cache: false,
    });
  const roles = (index = -1) =>
    http.server.requests.at(index)!.body.messages.map(({ role }: { role: string }) => role);

  it('withdraws a tool, also after a reload, and adds it again', async () => {
    http.server.reply(done, call, done, call, done);
    const conversation = talk();
    await received(conversation.send('Hi'));
    conversation.addSystemMessage(removal);
    const loaded = reload(conversation);
    expect(loaded.messages.at(-1)).toMatchObject({
      role: 'system',
      blocks: [{ block: removal[0] }],
    });
    await received(loaded.send('Wipe it'));
    expect(wipe).not.toHaveBeenCalled();
    expect(roles()).toEqual(['user', 'assistant', 'system', 'user', 'assistant', 'user']);
    expect(http.server.requests.at(-1)!.body.messages[2]).toEqual(system(removal));
    loaded.addSystemMessage(addition);
    await received(loaded.send('Now?'));
    expect(wipe).toHaveBeenCalledTimes(1);
  });

  it('is taken from `params.messages`', async () => {
    http.server.reply(call, done);
    const messages = [{ role: 'user', content: 'Hi' }, system(removal)];
    const conversation = talk({}, { messages });
    expect(conversation.messages.map(({ role }) => role)).toEqual(['user', 'system']);
    await received(conversation.send('Wipe it'));
    expect(wipe).not.toHaveBeenCalled();
  });

  it('withdraws a tool whose call waits for an answer', async () => {
    http.server.reply(call, done, done);
    const conversation = talk({ approve: () => 'defer' });
    await received(conversation.send('Wipe it'));
    const { pending } = conversation.state;
    conversation.addSystemMessage(removal);
    const loaded = reload(conversation);
    expect(loaded.state.pending).toEqual(pending);
    await received(loaded.answer(pending.map(({ id }) => ({ id, approved: true }))));
    expect(wipe).not.toHaveBeenCalled();
    expect(JSON.stringify(http.server.requests.at(-1)!.body)).toContain("There is no tool 'wipe'");
    expect(roles()).toEqual(['user', 'assistant', 'user', 'system']);
    await received(loaded.send('Thanks'));
    expect(loaded.state.status).toBe('idle');
  });

  it.each(['regenerate', 'edit', 'fork'])('is kept by %s', async (how) => {
    http.server.reply(done, call, done);
    const conversation = talk();
    await received(conversation.send('Hi'));
    conversation.addSystemMessage(removal);
    if (how === 'regenerate') await received(conversation.regenerate());
    else if (how === 'edit') await received(conversation.edit(0, 'Wipe it'));
    else await received(conversation.fork().send('Wipe it'));
    expect(wipe).not.toHaveBeenCalled();
    expect(roles()[0]).toBe('user');
    expect(roles()).toContain('system');
  });

  it('withdraws a tool also if it is left out for `maxHistoryTokens`', async () => {
    http.server.reply(done, done, call, done);
    const conversation = talk({ maxHistoryTokens: 50 });
    await received(conversation.send('Hi'));
    conversation.addSystemMessage([{ type: 'text', text: 'x'.repeat(400) }, ...removal]);
    await received(conversation.send('Well'));
    await received(conversation.send('Wipe it'));
    const { messages } = http.server.requests.at(-1)!.body;
    expect(JSON.stringify(messages)).not.toContain('xxx');
    expect(messages[1]).toEqual(system(removal));
    expect(wipe).not.toHaveBeenCalled();
  });

  it('is refused during a reply, before the first user message, and with other content', async () => {
    const conversation = new Conversation(() => NEVER, params);
    expect(() => conversation.addSystemMessage(removal)).toThrow(
      /first message must be of the user/,
    );
    const sending = conversation.send('Hi').subscribe();
    expect(() => conversation.addSystemMessage(removal)).toThrow(/while a reply is being written/);
    sending.unsubscribe();
    expect(() => conversation.addSystemMessage(' ')).toThrow(/the content is empty/);
    const image = [{ type: 'image', source: { type: 'url', url: 'x' } }] as never;
    expect(() => conversation.addSystemMessage(image)).toThrow(
      /must be text, tool_removal or tool_addition, not image/,
    );
    const messages = [
      { role: 'user' as const, content: 'Hi' },
      { role: 'system' as const, content: 'Hm', clear_at: 'never' },
    ];
    expect(() => talk({}, { messages })).toThrow(
      /messages\[1\]\.clear_at: a system message has only/,
    );
  });

  it('does not need an answer', async () => {
    const conversation = talk({}, { messages: [{ role: 'user', content: 'Hi' }] });
    conversation.addSystemMessage('The user has left the room.');
    http.server.reply(done);
    await received(conversation.regenerate());
    expect(conversation.messages.map(({ text }) => text)).toEqual([
      'Hi',
      'The user has left the room.',
      'Done.',
    ]);
    expect(
      (await failure(conversation.send([{ type: 'tool_result', tool_use_id: 'x', content: 'y' }])))
        .message,
    ).toContain('no call waits for these');
  });
});
