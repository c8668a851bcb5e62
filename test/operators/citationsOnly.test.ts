import { citationsOnly } from 'claude-rx/operators/citationsOnly';
import { from, take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { drawn } from '../diagrams/drawn.ts';
import { marbles } from '../support/marbles.ts';
import {
  citation,
  delta,
  messageDelta,
  messageStart,
  messageStop,
  outcomeOf,
  raw,
  start,
  stop,
  synchronous,
  text,
  textStart,
} from './events.ts';

const citations = { c: citation('Grass is green'), d: citation('the sky is blue') };
const cited = (which: 'c' | 'd') =>
  delta(0, { type: 'citations_delta', citation: citations[which] });

const events = {
  m: messageStart(),
  '[': textStart(0),
  c: cited('c'),
  d: cited('d'),
  t: text(0, 'According to the text, '),
  ']': stop(0),
  x: messageDelta(),
  S: messageStop,
};

describe('citationsOnly', () => {
  it(
    'emits each citation as it arrives',
    drawn(
      'citationsOnly',
      marbles((m) => {
        const source = m.cold('--m--[--c--t--d--t--]--x--S|', events);
        const result = '       --------c-----d------------|';
        m.expect(source.pipe(citationsOnly())).toBeObservable(result, citations);
        m.expect(source).toHaveSubscriptions('^--------------------------!');
      }),
    ),
  );

  it(
    'passes an error on, after all earlier citations',
    marbles((m) => {
      const source = m.cold('--m--[--c--#', events, new Error('lost'));
      const result = '       --------c--#';
      m.expect(source.pipe(citationsOnly())).toBeObservable(result, citations, new Error('lost'));
    }),
  );

  it(
    'unsubscribes from the source',
    marbles((m) => {
      const source = m.hot(' --m--[--c--t--d--]|', events);
      const unsubscribe = '  ---------!';
      const result = '       --------c-';
      m.expect(source.pipe(citationsOnly()), unsubscribe).toBeObservable(result, citations);
      m.expect(source).toHaveSubscriptions('^--------!');
    }),
  );

  it(
    'emits the citations in the start of a block, one by one',
    marbles((m) => {
      const whole = start(0, {
        type: 'text',
        text: 'Grass is green',
        citations: [citations.c, citations.d],
      });
      const source = m.cold('--m--w--S|', { ...events, w: whole });
      const result = '       -----(cd)|';
      m.expect(source.pipe(citationsOnly())).toBeObservable(result, citations);
    }),
  );

  it('takes no more from a synchronous source than needed, also within one block', () => {
    const both = [citations.c, citations.d];
    const whole = start(0, { type: 'text', text: '', citations: both });
    const { source, taken } = synchronous([events.m, whole, events.d]);
    expect(outcomeOf(source.pipe(citationsOnly(), take(1))).values).toEqual([citations.c]);
    expect(taken()).toBe(2);
  });

  it('ignores events without a citation', () => {
    const none = [
      textStart(0),
      start(0, { type: 'text', text: '' }),
      start(0, { type: 'text', text: '', citations: [] }),
      start(0, { type: 'web_search_result', citations: [citations.c] }),
      delta(0, { type: 'citations_delta' }),
      delta(0, { type: 'other_delta', citation: citations.c }),
      text(0, 'Grass'),
      raw({ type: 'content_block_delta', index: 0 }),
      raw({ type: 'content_block_start', index: 0 }),
    ];
    const outcome = outcomeOf(from(none).pipe(citationsOnly()));
    expect(outcome).toEqual({ values: [], completed: true });
  });
});
