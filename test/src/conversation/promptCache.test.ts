import type Anthropic from '@anthropic-ai/sdk';
import { Conversation } from 'claude-rx/conversation';
import { messageEvents, type ReceivedRequest, type Reply } from 'claude-rx/testing';
import { defineTool } from 'claude-rx/tools';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { received, useServer } from '../../support/server.ts';

/**
 * The API's prompt cache: what lies before a breakpoint is written, and read again by a request that
 * begins the same, from a breakpoint or up to 20 blocks before it
 * (docs: /docs/en/build-with-claude/prompt-caching). A block counts as one token.
 */
class PromptCache {
  readonly #written = new Set<string>();

  usage({ body }: ReceivedRequest): Partial<Anthropic.Usage> {
    const blocks: Anthropic.ContentBlockParam[] = [
      ...(body.tools ?? []),
      ...(typeof body.system === 'string' ? [{ type: 'text', text: body.system }] : body.system),
      ...body.messages.flatMap(({ content }: Anthropic.MessageParam) => content),
    ];
    const keys = blocks.map((_, index) =>
      JSON.stringify(blocks.slice(0, index + 1), (key, value) =>
        key === 'cache_control' ? undefined : value,
      ),
    );
    const marked = blocks.flatMap((block, index) =>
      'cache_control' in block && block.cache_control ? [index] : [],
    );
    const read = Math.max(0, ...marked.map((mark) => this.#foundFrom(mark, keys)));
    for (const mark of marked) this.#written.add(keys[mark]!);
    const last = (marked.at(-1) ?? -1) + 1;
    return {
      input_tokens: blocks.length - Math.max(last, read),
      cache_read_input_tokens: read,
      cache_creation_input_tokens: Math.max(0, last - read),
    };
  }

  #foundFrom(mark: number, keys: readonly string[]): number {
    for (let back = 0; back < 20 && mark - back >= 0; back++) {
      if (this.#written.has(keys[mark - back]!)) return mark - back + 1;
    }
    return 0;
  }
}

describe('the prompt cache of a conversation', () => {
  const http = useServer({ strict: true });
  const look = defineTool({
    name: 'look',
    description: 'Looks',
    input: z.object({ at: z.number() }),
    run: ({ at }) => `seen ${at}`,
  });

  /** Each question is first answered by as many calls. */
  const talk = async (calls: number, questions: number, cache: '5m' | '1h' | false) => {
    const prompts = new PromptCache();
    let count = 0;
    http.server.handle((request): Reply => {
      const usage = prompts.usage(request);
      const last = request.body.messages.at(-1).content;
      const isAnswered = calls === 0 || last[0].type === 'tool_result';
      if (isAnswered) return messageEvents.text(`Answer ${++count}`).with({ usage });
      let reply = messageEvents.with({ usage });
      for (let at = 0; at < calls; at++) {
        reply = reply.toolUse('look', { at }, { id: `toolu_${++count}_${at}` });
      }
      return reply;
    });
    const params = { model: 'claude-opus-5-5', max_tokens: 1024, system: 'Be brief' };
    const conversation = new Conversation(http.client, params, { tools: [look], cache });
    const used: { read: number; written: number; new: number }[] = [];
    for (let question = 1; question <= questions; question++) {
      const { usage: before } = conversation.state;
      await received(conversation.send(`Question ${question}`));
      const { usage: after } = conversation.state;
      used.push({
        read: after.cache_read_input_tokens - before.cache_read_input_tokens,
        written: after.cache_creation_input_tokens - before.cache_creation_input_tokens,
        new: after.input_tokens - before.input_tokens,
      });
    }
    return used;
  };

  it('is read up to the breakpoint of the request before, and counted in the state', async () => {
    // A tool, the system prompt, a question; then an answer and a question more each time.
    expect(await talk(0, 4, '5m')).toEqual([
      { read: 0, written: 3, new: 0 },
      { read: 3, written: 2, new: 0 },
      { read: 5, written: 2, new: 0 },
      { read: 7, written: 2, new: 0 },
    ]);
  });

  it('is found however many blocks a turn has added', async () => {
    const [first, second, third] = await talk(30, 3, '1h');
    // Two requests each: the question, and then 30 calls and their results.
    expect(first).toEqual({ read: 3, written: 63, new: 0 });
    expect(second).toEqual({ read: 63 + 65, written: 62, new: 0 });
    expect(third).toEqual({ read: 125 + 127, written: 62, new: 0 });
  });

  it('is not used with `cache: false`', async () => {
    const used = await talk(0, 2, false);
    expect(used).toEqual([
      { read: 0, written: 0, new: 3 },
      { read: 0, written: 0, new: 5 },
    ]);
  });
});

describe('the limit of a conversation', () => {
  const http = useServer({ strict: true });

  it('leaves out the oldest exchanges, keeps calls with their results, and drops thinking that is bound to them', async () => {
    const look = defineTool({
      name: 'look',
      description: 'Looks',
      input: z.object({}),
      run: () => 'x'.repeat(200),
    });
    let count = 0;
    http.server.handle(({ body }) => {
      const id = ++count;
      // A token for each 4 characters, as is estimated.
      const counted = JSON.stringify([body.tools, body.messages]).length;
      const usage = { input_tokens: Math.ceil(counted / 4) };
      const thinking = messageEvents.thinking('Hm', { signature: `s${id}` }).with({ usage });
      const isAnswered = body.messages.at(-1).content[0].type === 'tool_result';
      return isAnswered ? thinking.text('Seen.') : thinking.toolUse('look', {}, { id: `t${id}` });
    });
    const params = {
      model: 'claude-opus-5-5',
      max_tokens: 1024,
      thinking: { type: 'adaptive' as const },
    };
    const options = { tools: [look], maxHistoryTokens: 1_400 };
    const conversation = new Conversation(http.client, params, options);
    for (let question = 1; question <= 24; question++) {
      await received(conversation.send(`Question ${question}`));
    }
    const sent = http.server.requests.map(({ body }) => body.messages as Anthropic.MessageParam[]);
    expect(sent.every(([first]) => JSON.stringify(first).includes('"Question '))).toBe(true);
    expect(JSON.stringify(sent.at(-1))).not.toContain('Question 1"');
    // What is added while tools are called is not cut again: each exchange has two requests.
    const beginning = sent.filter((_, index) => index % 2 === 0);
    const lengths = beginning.map((turns) => JSON.stringify(turns).length / 4);
    expect(Math.max(...lengths)).toBeLessThan(1_450);
    expect(Math.max(...lengths)).toBeGreaterThan(1_200);
    expect(conversation.messages).toHaveLength(72);
    // It was cut a few times only, so that the thinking since is there most of the time.
    const beginnings = beginning.map(([first]) => (first!.content as { text: string }[])[0]!.text);
    expect(new Set(beginnings).size).toBeGreaterThan(3);
    expect(new Set(beginnings).size).toBeLessThan(12);
    const thoughts = sent.filter((turns) => JSON.stringify(turns).includes('"thinking"'));
    expect(thoughts.length).toBeGreaterThan(30);
  });
});
