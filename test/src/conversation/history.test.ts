import type { StreamEvent } from 'claude-rx';
import { unfinishedInput } from 'claude-rx';
import type { ConversationMessage } from 'claude-rx/conversation';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Turn } from '../../../src/history/blocks.ts';
import { HistoryCache, historyOf } from '../../../src/conversation/history.ts';
import { requestProblems } from '../../../src/testing/requestProblems.ts';
import { rounds } from '../../support/rounds.ts';

const text = (value: string) => ({ type: 'text', text: value, citations: null });
const call = (id: string, input: unknown = {}) => ({ type: 'tool_use', id, name: 'look', input });
const cut = (id: string) => ({ ...call(id), [unfinishedInput]: '{"a": 1' });
const result = (id: string, more = {}) => ({ type: 'tool_result', tool_use_id: id, ...more });
const thought = (thinking: string, signature = 'signed') => ({
  type: 'thinking',
  thinking,
  signature,
});
const search = { type: 'server_tool_use', id: 'srv_1', name: 'web_search', input: {} };
const found = { type: 'web_search_tool_result', tool_use_id: 'srv_1', content: [] };
const unanswered = (id: string) =>
  result(id, { content: expect.stringContaining('no result'), is_error: true });

let keys = 0;
const say = (role: 'user' | 'assistant', blocks: object[], more = {}) =>
  ({
    key: `m${++keys}`,
    role,
    text: '',
    blocks: blocks.map((block) => ({ key: `b${++keys}`, block, ...callOf(block) })),
    ...(role === 'assistant' && { status: 'complete' }),
    ...more,
  }) as unknown as ConversationMessage;
const user = (...blocks: object[]) => say('user', blocks);
const reply = (...blocks: object[]) => say('assistant', blocks);
/** A call that its tool has answered. */
const answered = (id: string, more = {}) => ({ ...call(id), done: result(id, more) });
const callOf = (block: { done?: object }) => {
  const { done } = block;
  delete block.done;
  return done && { call: { status: 'done', result: done } };
};

const hi = user(text('Hi'));
const turn = (role: string, ...content: unknown[]) => ({ role, content });

describe('historyOf', () => {
  it.each<[string, ConversationMessage<StreamEvent>[], object[]]>([
    [
      'alternates',
      [hi, reply(text('Hello')), user(text('So?'))],
      [turn('user', text('Hi')), turn('assistant', text('Hello')), turn('user', text('So?'))],
    ],
    [
      'joins what nobody answered',
      [hi, reply(), user(text('Hello?'))],
      [turn('user', text('Hi'), text('Hello?'))],
    ],
    [
      'answers each call directly behind it, in order, and goes on',
      [hi, reply(answered('a'), answered('b', { is_error: true })), reply(text('Done'))],
      [
        turn('user', text('Hi')),
        turn('assistant', call('a'), call('b')),
        turn('user', result('a'), result('b', { is_error: true })),
        turn('assistant', text('Done')),
      ],
    ],
    [
      'answers a call that has no result, before what is said next',
      [hi, reply(text('Let me see'), call('a'), answered('b')), user(text('So?'))],
      [
        turn('user', text('Hi')),
        turn('assistant', text('Let me see'), call('a'), call('b')),
        turn('user', unanswered('a'), result('b'), text('So?')),
      ],
    ],
    [
      'takes results that the user gives, each once',
      [hi, reply(call('a'), answered('b')), user(text('So?'), result('a'), result('b'))],
      [
        turn('user', text('Hi')),
        turn('assistant', call('a'), call('b')),
        turn('user', result('a'), result('b'), text('So?')),
      ],
    ],
    [
      'leaves out results of no call',
      [hi, reply(text('Hello')), user(result('a'), text('So?'))],
      [turn('user', text('Hi')), turn('assistant', text('Hello')), turn('user', text('So?'))],
    ],
    [
      'cuts a call that is not whole, and the thinking that led to it',
      [hi, reply(thought('Hm'), cut('a')), user(text('So?'))],
      [turn('user', text('Hi'), text('So?'))],
    ],
    [
      'answers a call whose input is no object, and cuts one that a refusal has taken back',
      [hi, reply(call('a', []), text('x'), call('b'), { type: 'fallback' }, text('y'))],
      [
        turn('user', text('Hi')),
        turn('assistant', call('a'), text('x'), { type: 'fallback' }, text('y')),
        turn('user', unanswered('a')),
      ],
    ],
    [
      'keeps thinking whole, and not without its signature',
      [hi, reply(thought('Hm'), text('x'), thought('Hm', ''), text('y'))],
      [turn('user', text('Hi')), turn('assistant', thought('Hm'), text('x'), text('y'))],
    ],
    [
      'leaves out thinking behind a seam',
      [
        hi,
        say('assistant', [thought('one'), text('x'), thought('two'), text('y')], {
          seam: 2,
        }),
      ],
      [turn('user', text('Hi')), turn('assistant', thought('one'), text('x'), text('y'))],
    ],
    [
      'has no blank text, and leaves all other as it came',
      [hi, reply(text(''), text('x'), text(' \n'), answered('a')), reply(text('y \n'))],
      [
        turn('user', text('Hi')),
        turn('assistant', text('x \n'), call('a')),
        turn('user', result('a')),
        turn('assistant', text('y \n')),
      ],
    ],
    [
      'has no blank text in a result',
      [hi, reply(answered('a', { content: [text('x'), text(' ')] })), user(text('So?'))],
      [
        turn('user', text('Hi')),
        turn('assistant', call('a')),
        turn('user', result('a', { content: [text('x')] }), text('So?')),
      ],
    ],
    [
      'joins a paused reply with what carries it on',
      [hi, reply(text('x'), search), reply(found, text('y'))],
      [turn('user', text('Hi')), turn('assistant', text('x'), search, found, text('y'))],
    ],
    [
      'leaves out a search without its result, and a result without its search',
      [hi, reply(text('x'), search), user(text('So?')), reply(found, text('y'))],
      [
        turn('user', text('Hi')),
        turn('assistant', text('x')),
        turn('user', text('So?')),
        turn('assistant', text('y')),
      ],
    ],
  ])('%s', (_, messages, expected) => {
    expect(historyOf(messages).turns).toEqual(expected);
  });

  it('joins blank text only to the text before it', () => {
    const { turns } = historyOf([
      hi,
      reply(text(' '), call('a'), text(' '), text('x'), text('\n')),
    ]);
    expect(turns[1]).toEqual(turn('assistant', call('a'), text('x\n')));
  });

  describe('a reply that was paused', () => {
    const paused = (...blocks: object[]) => say('assistant', blocks, { stop_reason: 'pause_turn' });

    it('is sent back unchanged', () => {
      const { turns } = historyOf([hi, paused(text('x'), search)]);
      expect(turns[1]).toEqual(turn('assistant', text('x'), search));
    });

    it('is followed by "Continue." if the API would not accept its end', () => {
      const goOn = turn('user', text('Continue.'));
      goOn.content[0] = { type: 'text', text: 'Continue.' };
      for (const reply of [paused(text('x'), thought('Hm')), paused(text('x'), text(' '))]) {
        expect(historyOf([hi, reply]).turns.at(-1)).toEqual(goOn);
      }
      expect(historyOf([hi, paused()]).turns).toEqual([turn('user', text('Hi'), ...goOn.content)]);
    });

    it('continues from the results of its calls', () => {
      const { turns } = historyOf([hi, paused(search, answered('a'))]);
      expect(turns.slice(1)).toEqual([
        turn('assistant', search, call('a')),
        turn('user', result('a')),
      ]);
    });
  });

  describe('thinking', () => {
    const asked = (messages: ConversationMessage[], seed = 'seed') =>
      historyOf(messages, { seed }).prefix.fingerprint;
    const thoughtOf = (...history: Parameters<typeof historyOf>) =>
      JSON.stringify(historyOf(...history).turns).includes('"thinking"');
    const told = say('assistant', [thought('Hm'), text('x')], { prefix: asked([hi]) });
    const so = user(text('So?'));

    it('stays if everything before it is unchanged', () => {
      expect(thoughtOf([hi, told, so], { seed: 'seed' })).toBe(true);
      expect(thoughtOf([hi, reply(thought('Hm'), text('x')), so], { seed: 'seed' })).toBe(true);
    });

    it.each<[string, ...Parameters<typeof historyOf>]>([
      ['the system prompt or the tools', [hi, told, so], { seed: 'other' }],
      ['a message', [user(text('Hey')), told, so], { seed: 'seed' }],
      ['what is sent of the beginning', [hi, reply(text('x')), hi, told, so], { seed: 'seed' }],
    ])('is left out if %s has changed', (_, ...history) => {
      expect(thoughtOf(...history)).toBe(false);
      expect(historyOf(...history).turns.at(-2)).toEqual(turn('assistant', text('x')));
    });

    it('is left out after turns that are left out, if its prefix is unknown', () => {
      const unknown = reply(thought('Hm'), text('x'));
      const messages = [hi, reply(text('y')), user(text('And?')), unknown, so];
      expect(thoughtOf(messages, { seed: 'seed' })).toBe(true);
      expect(thoughtOf(messages, { seed: 'seed', skip: 2 })).toBe(false);
      expect(historyOf(messages, { skip: 2 }).turns).toHaveLength(3);
    });

    it('is left out after thinking that is left out, and stays if its request had left that out too', () => {
      const later = say('assistant', [thought('Now'), text('y')], {
        prefix: asked([hi, told, so], 'other'),
      });
      const again = say('assistant', [thought('Then'), text('z')], {
        prefix: asked([hi, told, so, later, so], 'seed'),
      });
      const { turns } = historyOf([hi, told, so, later, so, again, so], { seed: 'other' });
      const thoughts = turns.flatMap(({ content }) =>
        content.flatMap(({ thinking }) => thinking ?? []),
      );
      expect(thoughts).toEqual(['Now']);
    });

    it('is left out after a changed block of its reply', () => {
      const { turns } = historyOf([hi, reply(text('x'), text(' '), thought('Hm'), text('y')), so]);
      expect(turns[1]).toEqual(turn('assistant', text('x '), text('y')));
    });
  });

  it('returns turns that the API accepts, for any end of the replies', () => {
    const words = fc.constantFrom('', ' ', '\n', 'Hm', 'a \n', 'half \ud83d', ' b');
    const block = fc.oneof(
      words.map(text),
      words.map((word) => thought(word)),
      words.map((word) => thought(word, '')),
      fc.constantFrom('call', 'cut', 'answered', 'failed', 'odd'),
      fc.constantFrom(search, found, { type: 'redacted_thinking', data: 'x' }),
      fc.constant({ type: 'fallback', from: { model: 'a' }, to: { model: 'b' } }),
    );
    const said = fc.oneof(
      fc.record({ role: fc.constant('user'), words: fc.constantFrom('a', 'b ', 'c\ud83d') }),
      fc.record({
        role: fc.constant('assistant'),
        blocks: fc.array(block, { maxLength: 6 }),
        isSpliced: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(fc.array(said, { maxLength: 12 }), (list) => {
        let ids = 0;
        let lastSearch = 'toolu_0';
        const make = (one: string | object): object => {
          const id = `toolu_${++ids}`;
          if (one === 'call') return call(id);
          if (one === 'cut') return cut(id);
          if (one === 'answered') return answered(id, { content: [text(''), text('x')] });
          if (one === 'failed') return answered(id, { content: '', is_error: true });
          if (one === 'odd') return call(id, 'text');
          if (one === search) return { ...search, id: (lastSearch = id) };
          if (one === found) return { ...found, tool_use_id: lastSearch };
          return { ...(one as object) };
        };
        const messages = list.map((one) =>
          'words' in one
            ? user(text(one.words))
            : say('assistant', one.blocks.map(make), {
                ...(one.isSpliced && { seam: 1 }),
              }),
        );
        const { turns } = historyOf([hi, ...messages, user(text('So?'))]);
        const body = { model: 'claude-opus-5-5', max_tokens: 1, messages: turns };
        // Half characters in what users say are taken out where the request is made.
        const halves = (problem: string) => !problem.includes('valid JSON');
        expect(requestProblems(body).filter(halves)).toEqual([]);
        expectAlternation(turns);
      }),
      { numRuns: rounds(1_000) },
    );
  });

  it('returns the same turns with and without the cache, after any operations', () => {
    let ids = 0;
    const block = fc.constantFrom(
      text('x'),
      text(' '),
      thought('Hm'),
      call('a'),
      cut('b'),
      search,
      found,
    );
    const message = fc.oneof(
      fc.constantFrom('a', ' ').map((word) => () => user(text(word))),
      fc.constant(() => user(result('a'), text('So?'))),
      fc
        .tuple(fc.array(block, { maxLength: 4 }), fc.constantFrom('end_turn', 'pause_turn'))
        .map(([blocks, stop_reason]) => () => {
          const prefix = fc.sample(fc.constantFrom(undefined, 'other'), 1)[0];
          const own = blocks.map((one) =>
            one.type === 'tool_use' ? { ...one, id: 'a' } : { ...one },
          );
          return say('assistant', own, { stop_reason, ...(prefix && { prefix }) });
        }),
    );
    const operation = fc.oneof(
      {
        weight: 4,
        arbitrary: message.map((make) => (list: ConversationMessage[]) => [...list, make()]),
      },
      fc.nat(10).map((length) => (list: ConversationMessage[]) => list.slice(0, length)),
      fc.tuple(fc.nat(10), message).map(
        ([index, make]) =>
          (list: ConversationMessage[]) =>
            list.map((one, at) => (at === index ? make() : one)),
      ),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 20 }), fc.nat(3), (operations, skip) => {
        const options = { seed: `seed ${++ids}`, skip };
        let cache = new HistoryCache(options);
        let messages: ConversationMessage[] = [hi];
        for (const operate of operations) {
          messages = operate(messages);
          if (messages.length % 3 === 0) {
            const forked = cache;
            cache = cache.fork();
            // What the other one goes on with is not in this one.
            forked.of([...messages, user(text('Other'))]);
          }
          const { turns, prefix } = cache.of(messages);
          const scratch = historyOf(messages, options);
          expect(turns).toEqual(scratch.turns);
          expect(prefix.fingerprint).toBe(scratch.prefix.fingerprint);
        }
      }),
      { numRuns: rounds(1_000) },
    );
  });
});

function expectAlternation(turns: readonly Turn[]): void {
  expect(turns.map(({ role }) => role)).toEqual(
    turns.map((_, index) => (index % 2 ? 'assistant' : 'user')),
  );
}
