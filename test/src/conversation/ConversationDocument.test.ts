import { unfinishedInput } from 'claude-rx';
import { Conversation } from 'claude-rx/conversation';
import { messageEvents } from 'claude-rx/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { historyOf } from '../../../src/conversation/history.ts';
import { requestProblems } from '../../../src/testing/requestProblems.ts';
import { received, until, useServer } from '../../support/server.ts';
import { rounds } from '../../support/rounds.ts';

const params = { model: 'claude-opus-5-5', max_tokens: 1024 };
const text = (value: string) => ({ type: 'text', text: value });
const call = { type: 'tool_use', id: 'a', name: 'look', input: {} };
const question = { key: 'm1', role: 'user', content: [text('Hi')] };
const answer = {
  key: 'm2',
  role: 'assistant',
  status: 'complete',
  content: [text('Hello'), call],
  results: [{ type: 'tool_result', tool_use_id: 'a', content: 'x' }],
};
const usage = {
  input_tokens: 1,
  output_tokens: 2,
  cache_creation_input_tokens: 3,
  cache_read_input_tokens: 4,
};
const document = {
  format: 'claude-rx/conversation',
  version: 1,
  messages: [question, answer],
  usage,
};
const client = { messages: { create: () => expect.unreachable('nothing is asked') } } as never;
const load = (value: unknown) => Conversation.fromJSON(value, client, params);
const nested = (depth: number) => {
  let value: unknown = 0;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
};
const withMessages = (...messages: unknown[]) => ({ ...document, messages });

describe('Conversation.fromJSON', () => {
  it('reads a document of toJSON', () => {
    const conversation = load(JSON.parse(JSON.stringify(document)));
    expect(conversation.messages).toMatchObject([
      { key: 'm1', role: 'user', text: 'Hi', blocks: [{ key: 'm1.1', block: text('Hi') }] },
      {
        key: 'm2',
        role: 'assistant',
        text: 'Hello',
        blocks: [{ block: text('Hello') }, { block: call, call: { status: 'done' } }],
      },
    ]);
    expect(conversation.state).toMatchObject({ status: 'idle', usage, cost: undefined });
    expect(JSON.parse(JSON.stringify(conversation))).toEqual(document);
  });

  it.each<[string, unknown, string]>([
    ['text', JSON.stringify(document), 'the document: is text: pass the result of JSON.parse'],
    ['nothing', null, 'the document: must be an object'],
    ['a list', [], 'the document: must be an object'],
    ['another format', { version: 1, messages: [] }, "format: must be 'claude-rx/conversation'"],
    ['a later version', { ...document, version: 2 }, 'version: must be 1, not 2'],
    ['no messages', { ...document, messages: undefined }, 'messages: must be a list'],
    ['no message', withMessages('Hi'), 'messages[0]: must be an object'],
    ['no key', withMessages({ ...question, key: undefined }), 'messages[0].key: must be a string'],
    ['a key twice', withMessages(question, { ...answer, key: 'm1' }), 'messages[1].key: must be'],
    ['no role', withMessages({ ...question, role: 'system' }), "messages[0].role: must be 'user'"],
    ['an answer at the start', withMessages(answer), "messages[0].role: must be 'user'"],
    ['no content', withMessages({ ...question, content: 'Hi' }), 'messages[0].content: must be a'],
    [
      'nothing said',
      withMessages({ ...question, content: [] }),
      'messages[0].content: must not be',
    ],
    [
      'an invalid block',
      withMessages(question, { ...answer, content: [5] }),
      'messages[1].content[0]: must be an object',
    ],
    [
      'an invalid text',
      withMessages({ ...question, content: [{ type: 'text', text: 5 }] }),
      'messages[0].content[0].text: must be a string',
    ],
    [
      'a call of the user',
      withMessages({ ...question, content: [call] }),
      "messages[0].content[0].type: only the model can send a block of type 'tool_use'",
    ],
    [
      'content that is too deep to be sent',
      withMessages({ ...question, content: [{ type: 'text', text: 'Hi', x: nested(100_000) }] }),
      'messages[0].content[0]: must be nested at most 500 levels deep',
    ],
    [
      'a result of no call',
      withMessages(question, { ...answer, content: [] }),
      'messages[1].results[0].tool_use_id: must be the id of a call in this message',
    ],
    [
      'an invalid status',
      withMessages(question, { ...answer, status: 'streaming' }),
      "messages[1].status: must be 'complete', 'stopped' or 'error'",
    ],
    ['no usage', { ...document, usage: undefined }, 'usage: must be an object'],
    [
      'a counter that counts nothing',
      { ...document, usage: { ...usage, input_tokens: -1 } },
      'usage.input_tokens: must be a number from 0 on',
    ],
    ['an invalid cost', { ...document, cost: '5' }, 'cost: must be a number from 0 on'],
  ])('refuses %s, with the path', (_, value, problem) => {
    expect(() => load(value)).toThrow(TypeError);
    expect(() => load(value)).toThrow(`Conversation.fromJSON: ${problem}`);
  });

  it('refuses a document with more than `maxDocumentBlocks`', () => {
    const limited = (value: unknown) =>
      Conversation.fromJSON(value, client, params, { maxDocumentBlocks: 100 });
    const problem = 'the document: has more than 100 messages and blocks (`maxDocumentBlocks`)';
    const many = (value: object) => Array.from({ length: 100 }, () => value);
    const text = { type: 'text', text: 'x' };
    expect(limited(document).messages).toHaveLength(2);
    expect(() => limited(withMessages({ ...question, content: many(text) }))).toThrow(
      `Conversation.fromJSON: ${problem}`,
    );
    expect(() => limited(withMessages(question, ...many({})))).toThrow(problem);
    const results = { ...question, key: '2', role: 'assistant', status: 'complete' };
    expect(() => limited(withMessages(question, { ...results, results: many({}) }))).toThrow(
      problem,
    );
  });

  it('checks a block once, however deep its results are nested', () => {
    let looks = 0;
    const inner = new Proxy([{ type: 'text', text: 'x' }], {
      ownKeys: (target) => (looks++, Reflect.ownKeys(target)),
    });
    const looksAt = (levels: number) => {
      looks = 0;
      let content: unknown = inner;
      for (let level = 0; level < levels; level++) {
        content = [{ type: 'tool_result', tool_use_id: 'a', content }];
      }
      load(withMessages({ ...question, content }));
      return looks;
    };
    expect(looksAt(1)).toBeGreaterThan(0);
    expect(looksAt(200)).toBe(looksAt(1));
  });

  it('reads any content of a reply, and sends the parts that the API accepts', () => {
    const odd = [
      { type: 'image' },
      { type: 'text' },
      { type: 'text', text: null },
      { type: 'thinking', thinking: 5 },
      { ...call, id: 'functions.look:0', input: null },
      { ...call, input: nested(100_000) },
      { ...call, name: '' },
      { type: 'tool_use' },
      call,
      call,
      { type: 'web_search_tool_result', tool_use_id: {}, content: nested(100_000) },
      { type: 'new', x: nested(100_000) },
    ];
    const reply = { ...answer, content: odd, model: null, usage: 'none', results: [] };
    const conversation = load(withMessages(question, reply));
    expect(conversation.toJSON().messages[1]).toEqual({ ...reply, results: undefined });
    const { turns } = historyOf([...conversation.messages, conversation.messages[0]!]);
    expect(requestProblems({ ...params, messages: turns })).toEqual([]);
    expect(turns[1]!.content).toMatchObject([
      { id: 'functions_look_0', input: {} },
      { id: 'a', input: {} },
      { id: 'a_2' },
      { id: 'a_3' },
    ]);
  });

  it('refuses a corrupted document, or reads a history that can be sent', () => {
    const paths = pathsOf(document);
    const values = fc.constantFrom<unknown>(undefined, null, 0, '', 'x', [], {}, [{}], 'a', 'user');
    fc.assert(
      fc.property(fc.constantFrom(...paths), values, (path, value) => {
        const corrupted = replaced(document, path, value);
        let conversation: Conversation;
        try {
          conversation = load(corrupted);
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
          expect((error as Error).message).toMatch(/^Conversation\.fromJSON: [\w.[\] ]+: /);
          return;
        }
        const said = [...conversation.messages, ...conversation.messages.slice(0, 1)];
        const messages = historyOf(said).turns;
        expect(messages.length === 0 ? [] : requestProblems({ ...params, messages })).toEqual([]);
      }),
      { numRuns: rounds(3_000) },
    );
  });
});

describe('a saved conversation', () => {
  const http = useServer({ strict: true });
  const talk = () => new Conversation(http.client, params);
  const kept = (conversation: Conversation, more = {}) =>
    Conversation.fromJSON(
      JSON.parse(JSON.stringify(conversation)),
      http.client,
      { ...params, ...more },
      { prices: { input: 1, output: 1 } },
    );

  it('keeps a call that was cut, and sends the same request as before', async () => {
    const cut = messageEvents.text('Let me see').toolUse('look', { city: 'Lyon' }, { id: 'a' });
    http.server.reply({ events: cut, fault: { kind: 'stall', beforeEvent: 9 } });
    const conversation = talk();
    const subscription = conversation.send('Hi').subscribe();
    await until(() => conversation.messages[1]?.blocks.length === 2);
    const loaded = kept(conversation);
    subscription.unsubscribe();
    const last = loaded.messages[1]!;
    expect(last).toMatchObject({ status: 'stopped', text: 'Let me see' });
    expect(unfinishedInput in last.blocks[1]!.block).toBe(true);
    http.server.reply(messageEvents.text('Yes'), messageEvents.text('Yes'));
    await received(loaded.send('Go on'));
    await received(conversation.send('Go on'));
    const [, one, other] = http.server.requests;
    expect(one!.body).toEqual(other!.body);
    expect(one!.body.messages[1].content).toMatchObject([text('Let me see')]);
    expect(loaded.messages.map(({ key }) => key)).toEqual(['m1', 'm2', 'm3', 'm4']);
  });

  it('leaves out thinking if the system prompt has changed', async () => {
    const answers = messageEvents.thinking('Hm', { signature: 'c2ln' }).text('Hello');
    http.server.reply(answers, messageEvents.text('a'), messageEvents.text('b'));
    const conversation = talk();
    await received(conversation.send('Hi'));
    const types = () =>
      http.server.requests
        .at(-1)!
        .body.messages[1].content.map(({ type }: { type: string }) => type);
    await received(kept(conversation).send('So?'));
    expect(types()).toEqual(['thinking', 'text']);
    await received(kept(conversation, { system: 'Be brief' }).send('So?'));
    expect(types()).toEqual(['text']);
  });
});

it('refuses subagents that are nested too deep', () => {
  let pending: object = { id: 'a', awaits: 'approval' };
  for (let depth = 0; depth < 20_000; depth++) {
    pending = { id: 'a', awaits: 'subagent', subagent: { appended: [], pending: [pending] } };
  }
  const { results: _, ...open } = answer;
  const value = withMessages(question, { ...open, pending: [pending] });
  expect(() => Conversation.fromJSON(value as never, () => [], params)).toThrow(
    /must be nested at most 100 subagents deep$/,
  );
});

type Path = readonly (string | number)[];

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [
    path,
    ...Object.entries(value).flatMap(([key, field]) =>
      pathsOf(field, [...path, Array.isArray(value) ? Number(key) : key]),
    ),
  ];
}

function replaced(value: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<
    string | number,
    unknown
  >;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}
