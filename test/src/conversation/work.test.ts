import type { StreamEvent } from 'claude-rx';
import { Conversation, type ConversationOptions } from 'claude-rx/conversation';
import { messageEvents } from 'claude-rx/testing';
import { from, lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { countReads } from '../../support/countReads.ts';

const params = { model: 'claude-opus-5-5', max_tokens: 1_024 };
const source = { type: 'base64' as const, media_type: 'image/png' as const };
const plain = [...messageEvents.text('Yes.')];
const thinking = [...messageEvents.thinking('Hm', { signature: 'c2ln' }).text('Yes.')];

/** A conversation of some turns whose first message has an image that counts how often it is read. */
function talk(turns: number, events: readonly StreamEvent[], options: ConversationOptions = {}) {
  const image = countReads({ ...source, data: 'abcd'.repeat(1_000) }, 'data');
  const texts = Array.from({ length: turns }, (_, turn) =>
    countReads({ type: 'text' as const, text: `question ${turn}` }, 'text'),
  );
  const conversation = new Conversation(
    () => from(events),
    {
      ...params,
      messages: [
        { role: 'user', content: [{ type: 'image', source: image.value }] },
        { role: 'assistant', content: 'An image.' },
        ...texts.flatMap(({ value }) => [
          { role: 'user' as const, content: [value] },
          { role: 'assistant' as const, content: 'Yes.' },
        ]),
      ],
    },
    options,
  );
  const reads = () => texts.reduce((sum, text) => sum + text.reads(), 0);
  return { conversation, image, reads };
}

const send = (conversation: Conversation) => lastValueFrom(conversation.send('So?'));

describe('a turn of a long conversation', () => {
  it.each<[string, readonly StreamEvent[], ConversationOptions]>([
    ['', plain, {}],
    [', with thinking', thinking, {}],
    [', with a budget', plain, { maxHistoryTokens: 100_000 }],
    [', without breakpoints for the cache', plain, { cache: false }],
  ])('reads no old message again%s', async (_, events, options) => {
    const { conversation, image, reads } = talk(30, events, options);
    await send(conversation);
    const before = { text: reads(), image: image.reads() };
    expect(before.text).toBeGreaterThan(0);
    for (let turn = 0; turn < 5; turn++) await send(conversation);
    // Of the last turn of the history and its neighbors, one is marked for the prompt cache.
    expect(reads() - before.text).toBeLessThanOrEqual(4);
    expect(image.reads()).toBe(before.image);
  });

  it('reads base64 for a fingerprint only if thinking is bound to it, and once', async () => {
    const { conversation, image } = talk(1, plain);
    await send(conversation);
    const before = image.reads();
    const thinks = talk(1, thinking);
    await send(thinks.conversation);
    expect(thinks.image.reads()).toBe(before + 1);
    const fork = thinks.conversation.fork();
    await send(fork);
    await lastValueFrom(fork.regenerate());
    expect(thinks.image.reads()).toBe(before + 1);
  });
});
