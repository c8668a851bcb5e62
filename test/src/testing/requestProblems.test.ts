import { describe, expect, it } from 'vitest';
import { requestProblems } from '../../../src/testing/requestProblems.ts';
import { SaidBefore } from '../../../src/testing/SaidBefore.ts';
import { messageEvents } from 'claude-rx/testing';

const newer = 'claude-opus-5-5';
const older = 'claude-sonnet-4-5';
const user = (...content: unknown[]) => ({ role: 'user', content });
const assistant = (...content: unknown[]) => ({ role: 'assistant', content });
const text = (value: string, more = {}) => ({ type: 'text', text: value, ...more });
const call = (id: string, more = {}) => ({
  type: 'tool_use',
  id,
  name: 'look',
  input: {},
  ...more,
});
const result = (id: unknown, more = {}) => ({ type: 'tool_result', tool_use_id: id, ...more });
const thinking = (value: string, signature = 'signed') => ({
  type: 'thinking',
  thinking: value,
  signature,
});
const search = { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} };
const found = { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] };
const image = { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } };
const document = {
  type: 'document',
  source: { type: 'text', media_type: 'text/plain', data: 'a' },
};
const cached = { cache_control: { type: 'ephemeral' } };
const hi = { role: 'user', content: 'Hi' };

type Body = Parameters<typeof requestProblems>[0];
const request = (messages: unknown[], more = {}) =>
  ({ model: newer, max_tokens: 100, messages, ...more }) as Body;

describe('requestProblems', () => {
  it.each<[string, unknown[], object?]>([
    ['a question', [hi]],
    ['turns of one role that follow each other', [hi, hi, assistant(text('a')), hi]],
    ['a turn of the system', [hi, { role: 'system', content: 'Be brief' }]],
    [
      'calls that are answered, with more behind the results',
      [hi, assistant(call('a'), call('b')), user(result('b'), result('a'), text('So?'))],
    ],
    [
      'results in two turns',
      [hi, assistant(call('a'), call('b')), user(result('a')), user(result('b'))],
    ],
    ['thinking with its signature', [hi, assistant(thinking('Hm'), text('a')), hi]],
    ['a search with its result', [hi, assistant(search, found, text('a')), hi]],
    ['an image', [user(text('What is it?'), image)]],
    ['a prefill, of a model that takes it', [hi, assistant(text('Well'))], { model: older }],
    [
      'four breakpoints',
      [
        user(text('a', cached)),
        assistant(call('a')),
        user(result('a', { content: [text('x', cached)] })),
      ],
      { system: [text('s', cached)], tools: [{ name: 'look', input_schema: {}, ...cached }] },
    ],
    [
      'citations of a reply',
      [hi, assistant(text('a', { citations: [{ type: 'char_location' }] })), hi],
    ],
    [
      'a block of a type that is not known',
      [hi, assistant({ type: 'connector_text', text: '' }), hi],
    ],
  ])('has nothing against %s', (_, messages, more) => {
    expect(requestProblems(request(messages, more))).toEqual([]);
  });

  it.each<[string, unknown[], RegExp, object?]>([
    ['no messages', [], /^messages: at least one message is required/],
    [
      'an answer at the start',
      [assistant(text('a')), hi],
      /first message must use the "user" role/,
    ],
    [
      'a role of another kind',
      [{ role: 'tool', content: 'a' }],
      /^messages\.0\.role: Input should be/,
    ],
    [
      'a turn without content',
      [user(), hi],
      /^messages\.0: all messages must have non-empty content/,
    ],
    [
      'an empty string',
      [{ role: 'user', content: '' }],
      /^messages\.0: text content blocks must be non-empty/,
    ],
    [
      'an empty text',
      [user(text('a'), text(''))],
      /^messages\.0\.content\.1: .* must be non-empty/,
    ],
    ['a blank text', [user(text(' \n'))], /must contain non-whitespace text/],
    [
      'a call without an answer',
      [hi, assistant(call('a')), hi],
      /^messages\.1: `tool_use` ids were found without `tool_result` blocks immediately after: a\./,
    ],
    ['a call at the end', [hi, assistant(call('a'))], /ids were found without/, { model: older }],
    [
      'an answer that comes too late',
      [hi, assistant(call('a')), hi, assistant(text('x')), user(result('a'))],
      /unexpected `tool_use_id` found in `tool_result` blocks: a\./,
    ],
    ['an answer to nothing', [user(result('a'))], /unexpected `tool_use_id`/],
    [
      'two answers',
      [hi, assistant(call('a')), user(result('a'), result('a'))],
      /each tool_use must have a single result/,
    ],
    [
      'an answer behind text',
      [hi, assistant(call('a')), user(text('x'), result('a'))],
      /must come first/,
    ],
    [
      'the same id twice',
      [hi, assistant(call('a')), user(result('a')), assistant(call('a')), user(result('a'))],
      /^messages\.3\.content\.0: `tool_use` ids must be unique/,
    ],
    [
      'an id with a space',
      [hi, assistant(call('a b')), user(result('a b'))],
      /tool_use\.id: String should match pattern/,
    ],
    [
      'an input that is a list',
      [hi, assistant(call('a', { input: [] })), user(result('a'))],
      /tool_use\.input: Input should be a valid dictionary/,
    ],
    [
      'an input that is missing',
      [hi, assistant(call('a', { input: undefined })), user(result('a'))],
      /tool_use\.input: Field required/,
    ],
    [
      'thinking without a signature',
      [hi, assistant(thinking('Hm', ''), text('a')), hi],
      /^messages\.1\.content\.0\.thinking\.signature: Field required/,
    ],
    [
      'thinking at the end of a turn',
      [hi, assistant(text('a'), thinking('Hm')), hi],
      /cannot be `thinking`/,
    ],
    [
      'thinking of a user',
      [user(thinking('Hm'), text('a'))],
      /can only be in `assistant` messages/,
    ],
    [
      'a breakpoint at thinking',
      [hi, assistant({ ...thinking('Hm'), ...cached }, text('a')), hi],
      /cache_control cannot be set for thinking/,
    ],
    [
      'a document in an answer',
      [hi, assistant(document, text('a')), hi],
      /`document` blocks can only be in `user` messages/,
    ],
    ['citations of a user', [user(text('a', { citations: [{}] }))], /text\.citations/],
    [
      'an invalid field',
      [hi, assistant(text('a', { parsed: {} })), hi],
      /^messages\.1\.content\.0\.text\.parsed: Extra inputs are not permitted/,
    ],
    [
      'a search without its result',
      [hi, assistant(search, text('a')), hi],
      /`server_tool_use` without its result/,
    ],
    [
      'a result without its search',
      [hi, assistant(found, text('a')), hi],
      /unexpected `tool_use_id` found in `web_search_tool_result`/,
    ],
    ['a prefill', [hi, assistant(text('Well'))], /does not support assistant message prefill/],
    [
      'a prefill with thinking',
      [hi, assistant(text('Well'))],
      /prefill with thinking/,
      { model: older, thinking: { type: 'adaptive' } },
    ],
    [
      'a prefill that ends with a space',
      [hi, assistant(text('Well '))],
      /cannot end with trailing whitespace/,
      { model: older },
    ],
    ['the temperature', [hi], /^temperature: Extra inputs are not permitted/, { temperature: 1 }],
    [
      'a budget without room for an answer',
      [hi],
      /must be greater than `thinking.budget_tokens`/,
      { thinking: { type: 'enabled', budget_tokens: 100 } },
    ],
    [
      'two tools of one name',
      [hi],
      /Tool names must be unique/,
      { tools: [{ name: 'a' }, { name: 'a' }] },
    ],
    [
      'a fifth breakpoint',
      [user(...'abcd'.split('').map((one) => text(one, cached)))],
      /A maximum of 4 blocks with cache_control may be provided\. Found 5\./,
      { system: [text('s', cached)] },
    ],
    [
      'an hour in the cache behind 5 minutes',
      [user(text('a', { cache_control: { type: 'ephemeral', ttl: '1h' } }))],
      /^messages\.0\.content\.0\.cache_control\.ttl: a ttl='1h' .* must not come after a ttl='5m'/,
      { system: [text('s', cached)] },
    ],
    ['half a character', [{ role: 'user', content: '\ud83d' }], /not valid JSON/],
  ])('refuses %s', (_, messages, problem, more) => {
    expect(requestProblems(request(messages, more)).join('\n')).toMatch(problem);
  });

  it('asks for no ending that can be answered where only the tokens are counted', () => {
    const { max_tokens: _, ...body } = request([hi, assistant(text('Well'))]);
    expect(requestProblems(body, { countOnly: true })).toEqual([]);
    expect(requestProblems(body)).not.toEqual([]);
  });

  describe('that knows the earlier replies', () => {
    const said = new SaidBefore();
    const hear = (events: Iterable<object>) => Array.from(said.listen(events));
    hear(messageEvents.thinking('Hm', { signature: 'one' }).toolUse('look', {}, { id: 'a' }));
    hear(
      messageEvents
        .text('Let me see')
        .serverToolUse('web_search', {}, { id: 'srvtoolu_1' })
        .with({ stopReason: 'pause_turn' }),
    );

    it('finds changed thinking, but not thinking that another server has signed', () => {
      const withThought = (one: object) => request([hi, assistant(one, text('a')), hi]);
      expect(requestProblems(withThought(thinking('Hm', 'one')), { said })).toEqual([]);
      expect(requestProblems(withThought(thinking('Hm', 'two')), { said })).toEqual([]);
      const changed = requestProblems(withThought(thinking('H', 'one')), { said });
      expect(changed.join()).toMatch(/^messages\.1\.content\.0: .*cannot be modified/);
    });

    it('requires the thinking before a call with a result', () => {
      const thought = { thinking: { type: 'adaptive' } };
      const without = [hi, assistant(call('a')), user(result('a'))];
      const whole = [hi, assistant(thinking('Hm', 'one'), call('a')), user(result('a'))];
      expect(requestProblems(request(without, thought), { said }).join()).toMatch(
        /must be passed back/,
      );
      expect(requestProblems(request(whole, thought), { said })).toEqual([]);
      expect(requestProblems(request(without), { said })).toEqual([]);
      // What lies behind has been answered.
      expect(
        requestProblems(request([...without, assistant(text('b')), hi], thought), { said }),
      ).toEqual([]);
    });

    it('lets only a paused turn continue', () => {
      const paused = [hi, assistant(text('Let me see'), { caller: { type: 'direct' }, ...search })];
      expect(requestProblems(request(paused), { said })).toEqual([]);
      expect(requestProblems(request([...paused, hi]), { said }).join()).toMatch(
        /without its result/,
      );
      expect(requestProblems(request(paused)).join()).toMatch(/prefill/);
    });
  });
});
