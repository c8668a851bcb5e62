import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MarkedTurns, placeBreakpoints } from '../../../src/conversation/placeBreakpoints.ts';
import { requestProblems } from '../../../src/testing/requestProblems.ts';
import { deepFreeze } from '../../support/deepFreeze.ts';
import { rounds } from '../../support/rounds.ts';

type Ttl = '5m' | '1h';
const mark = (ttl: Ttl = '5m') => ({
  cache_control: { type: 'ephemeral' as const, ...(ttl === '1h' && { ttl }) },
});
const text = (value: string, more = {}) => ({ type: 'text', text: value, ...more });
const user = (...content: object[]) => ({ role: 'user', content });
const assistant = (...content: object[]) => ({ role: 'assistant', content });
const tool = (name: string, more = {}) => ({ name, input_schema: { type: 'object' }, ...more });
const request = (messages: object[], more = {}) =>
  deepFreeze({ model: 'claude-opus-5-5', max_tokens: 1, messages: messages as never[], ...more });

describe('placeBreakpoints', () => {
  it('marks the ends of the tools, of the system prompt, and of the last two turns', () => {
    const long = [user(text('a')), assistant(text('b')), user(text('c'), text('d'))];
    const body = request([...long, assistant(text('e')), user(text('f'))], {
      system: 'Be brief',
      tools: [tool('one'), tool('two')],
    });
    expect(placeBreakpoints(body)).toEqual({
      ...body,
      system: [text('Be brief', mark())],
      tools: [tool('one'), tool('two', mark())],
      messages: [
        ...long.slice(0, 2),
        user(text('c'), text('d', mark())),
        assistant(text('e')),
        user(text('f', mark())),
      ],
    });
  });

  it('accepts a turn that is text, and the results of calls', () => {
    const results = user({ type: 'tool_result', tool_use_id: 'a', content: 'x' });
    const body = request([{ role: 'user', content: 'Hi' }, assistant(text('b')), results]);
    expect(placeBreakpoints(body).messages).toEqual([
      user(text('Hi', mark())),
      assistant(text('b')),
      user({ type: 'tool_result', tool_use_id: 'a', content: 'x', ...mark() }),
    ]);
  });

  it.each([
    ['a blank system prompt', { system: ' ' }],
    ['an empty one', { system: [] }],
    ['a tool that is not loaded', { tools: [tool('one', { defer_loading: true })] }],
  ])('leaves out %s, which cannot be marked', (_, more) => {
    const body = request([user(text('a'))], more);
    expect(placeBreakpoints(body)).toEqual({ ...body, messages: [user(text('a', mark()))] });
  });

  it('marks no place that the caller has marked, and no more than the API accepts', () => {
    const own = request(
      [user(text('a', mark())), assistant(text('b')), user(text('c', mark())), user(text('d'))],
      { system: [text('s', mark())], tools: [tool('one')] },
    );
    expect(placeBreakpoints(own)).toEqual({
      ...own,
      messages: [...own.messages.slice(0, 3), user(text('d', mark()))],
    });
  });

  it('drops the first marks of the caller if there are more than four', () => {
    const inside = { type: 'tool_result', tool_use_id: 'a', content: [text('x', mark())] };
    const marked = [user(inside), ...'bcde'.split('').map((one) => user(text(one, mark())))];
    const { messages } = placeBreakpoints(request(marked));
    expect(messages).toEqual([
      user({ type: 'tool_result', tool_use_id: 'a', content: [text('x')] }),
      ...marked.slice(1),
    ]);
  });

  it('strips a turn once for all requests', () => {
    const marked = [...'abcdefgh'].map((one) => user(text(one, mark())));
    const turns = new MarkedTurns();
    const first = placeBreakpoints(request(marked), '5m', turns).messages;
    const next = placeBreakpoints(request([...marked, user(text('i'))]), '5m', turns).messages;
    expect(first.slice(0, 4)).toEqual([...'abcd'].map((one) => user(text(one))));
    expect(first.slice(0, 4).every((turn, index) => turn === next[index])).toBe(true);
  });

  it('does not mark the end if the request has `cache_control`', () => {
    const body = request([user(text('a')), assistant(text('b')), user(text('c'))], mark());
    expect(placeBreakpoints(body).messages).toEqual([
      user(text('a', mark())),
      assistant(text('b')),
      user(text('c')),
    ]);
  });

  it('places no breakpoint of an hour after one of 5 minutes', () => {
    const { messages, tools } = placeBreakpoints(
      request([user(text('a'))], { system: [text('s', mark())], tools: [tool('one')] }),
      '1h',
    ) as unknown as Record<string, unknown>;
    expect(messages).toEqual([user(text('a', mark()))]);
    expect(tools).toEqual([tool('one', mark('1h'))]);
    const before = placeBreakpoints(request([user(text('a', mark('1h')))], { system: 's' }));
    expect(before).toMatchObject({ system: [text('s', mark('1h'))] });
  });

  it('returns requests that the API accepts, for any marks of the caller', () => {
    const marks = (ttl: Ttl) => fc.constantFrom({}, {}, mark(ttl));
    const body = fc.tuple(fc.constantFrom<Ttl>('5m', '1h'), fc.constantFrom<Ttl>('5m', '1h'));
    const property = fc.property(
      body.chain(([before, after]) => {
        // The caller's own must be in order; there is nothing to be done about them.
        const inTurns: Ttl = before === '5m' ? '5m' : after;
        return fc.record({
          tools: fc.array(marks(before), { maxLength: 2 }),
          system: fc.array(marks(before), { maxLength: 2 }),
          turns: fc.array(fc.array(marks(inTurns), { minLength: 1, maxLength: 4 }), {
            minLength: 1,
            maxLength: 6,
          }),
          whole: marks(inTurns === '1h' ? after : '5m'),
        });
      }),
      fc.constantFrom<Ttl>('5m', '1h'),
      ({ tools, system, turns, whole }, ttl) => {
        const list = turns.map((turn, index) =>
          (index % 2 ? assistant : user)(...turn.map((one) => text('x', one))),
        );
        const said = list.length % 2 ? list : [...list, user(text('y'))];
        const own = request(said, {
          system: system.map((one) => text('s', one)),
          tools: tools.map((one, index) => tool(`t${index}`, one)),
          ...whole,
        });
        const placed = placeBreakpoints(own, ttl);
        expect(requestProblems(placed)).toEqual([]);
        const count = JSON.stringify(placed).split('"cache_control"').length - 1;
        expect(count).toBeGreaterThan(0);
        expect(stripped(placed)).toEqual(stripped(own));
      },
    );
    fc.assert(property, { numRuns: rounds(1_000) });
  });
});

function stripped(value: object): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, one) => (key === 'cache_control' ? undefined : one)),
  );
}
