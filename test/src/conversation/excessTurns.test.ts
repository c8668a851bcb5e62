import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Turn } from '../../../src/history/blocks.ts';
import { estimateTokens, excessTurns } from '../../../src/conversation/excessTurns.ts';

const text = (value: string) => ({ type: 'text', text: value });
const user = (...content: Turn['content']): Turn => ({ role: 'user', content });
const assistant = (...content: Turn['content']): Turn => ({ role: 'assistant', content });
const call = (id: string) => ({ type: 'tool_use', id, name: 'look', input: {} });
const result = (id: string) => ({ type: 'tool_result', tool_use_id: id });
/** Each turn counts as much as its blocks. */
const blocks = ({ content }: Turn) => content.length;
const fitHistory = (turns: readonly Turn[], limit: number, tokensOf: (turn: Turn) => number) =>
  turns.slice(excessTurns(turns, limit, tokensOf));
const exchange = (name: string) => [user(text(name)), assistant(text(name))];
const names = (turns: readonly Turn[]) => turns.map(({ content }) => content[0]!['text']);

describe('excessTurns', () => {
  it('drops nothing below the limit', () => {
    const turns = [...exchange('a'), user(text('b'))];
    expect(excessTurns(turns, 3, blocks)).toBe(0);
  });

  it('drops the oldest exchanges', () => {
    const turns = [...exchange('a'), ...exchange('b'), user(text('c'))];
    expect(names(fitHistory(turns, 4, blocks))).toEqual(['b', 'b', 'c']);
  });

  it('keeps the last exchange, whatever its size', () => {
    const turns = [...exchange('a'), user(text('b'), text('b'), text('b'))];
    expect(names(fitHistory(turns, 1, blocks))).toEqual(['b']);
    expect(fitHistory([user(text('a'), text('b'))], 1, blocks)).toHaveLength(1);
  });

  it('separates no call from its result, and no loop from its question', () => {
    const loop = [
      user(text('b')),
      assistant(call('1')),
      user(result('1')),
      assistant(call('2')),
      user(result('2'), text('stop')),
      assistant(text('b')),
    ];
    const turns = [...exchange('a'), ...loop, user(text('c'))];
    expect(fitHistory(turns, 8, blocks)).toEqual([...loop, user(text('c'))]);
    expect(fitHistory(turns, 7, blocks)).toEqual([user(text('c'))]);
  });

  it('cuts in the same place while the history grows, so that the cache lasts', () => {
    const limit = 100;
    let turns: Turn[] = [];
    const begins = new Map<string, number>();
    for (let number = 0; number < 200; number++) {
      turns = [...turns, ...exchange(String(number))];
      const first = String(names(fitHistory(turns, limit, blocks))[0]);
      begins.set(first, (begins.get(first) ?? 0) + 1);
    }
    const lasted = [...begins.values()].slice(1, -1);
    expect(lasted.length).toBeGreaterThan(5);
    expect(Math.min(...lasted)).toBeGreaterThanOrEqual(12);
  });

  it('leaves turns that begin with a question and stay below the limit, except the last exchange', () => {
    const size = fc.integer({ min: 1, max: 9 });
    const turns = fc.array(fc.record({ asked: size, calls: fc.integer({ max: 2, min: 0 }) }), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(turns, fc.integer({ min: 1, max: 60 }), (list, limit) => {
        const all = list.flatMap(({ asked, calls }, index) => [
          user(...Array.from({ length: asked }, () => text('a'))),
          ...Array.from({ length: calls }, (_, number) => [
            assistant(call(`${index} ${number}`)),
            user(result(`${index} ${number}`)),
          ]).flat(),
          assistant(text('b')),
        ]);
        const fitting = fitHistory(all, limit, blocks);
        expect(all.slice(-fitting.length)).toEqual(fitting);
        expect(names(fitting)[0]).toBe('a');
        const tokens = fitting.reduce((sum, turn) => sum + blocks(turn), 0);
        const questions = fitting.filter(({ content }) => content[0]!['text'] === 'a').length;
        expect(questions === 1 || tokens <= limit).toBe(true);
      }),
    );
  });
});

describe('estimateTokens', () => {
  it('counts bytes, so that the estimate is similar in any script', () => {
    const english = estimateTokens(text('a stream of events'.repeat(100)));
    const chinese = estimateTokens(text('事件流'.repeat(600)));
    expect(english).toBeGreaterThan(440);
    expect(english).toBeLessThan(470);
    expect(chinese).toBeGreaterThan(1_300);
  });

  it('does not count an image as text', () => {
    const source = { type: 'base64', media_type: 'image/png', data: 'A'.repeat(1_000_000) };
    expect(estimateTokens({ type: 'image', source })).toBeLessThan(1_700);
    const pdf = { type: 'base64', media_type: 'application/pdf', data: 'A'.repeat(96_000) };
    expect(estimateTokens({ type: 'document', source: pdf })).toBeLessThan(3_100);
  });
});
