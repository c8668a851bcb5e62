import { accumulateUsage } from 'claude-rx/operators/accumulateUsage';
import { from } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { drawn } from '../diagrams/drawn.ts';
import { marbles } from '../support/marbles.ts';
import {
  messageDelta,
  messageStart,
  messageStop,
  outcomeOf,
  ping,
  raw,
  stop,
  text,
  textStart,
  usage,
} from './events.ts';

const events = {
  m: messageStart(),
  '[': textStart(0),
  a: text(0, 'Hel'),
  b: text(0, 'lo'),
  ']': stop(0),
  p: ping,
  x: messageDelta(),
  y: messageDelta('end_turn', 40),
  S: messageStop,
  n: messageStart('msg_2'),
};
const usages = { A: usage(25, 1), B: usage(25, 15), C: usage(25, 40) };

describe('accumulateUsage', () => {
  it(
    'emits the usage at message_start, and after each message_delta',
    drawn(
      'accumulateUsage',
      marbles((m) => {
        const source = m.cold('--m--[--a--b--]--x--S|', events);
        const result = '       --A--------------B---|';
        m.expect(source.pipe(accumulateUsage())).toBeObservable(result, usages);
        m.expect(source).toHaveSubscriptions('^--------------------!');
      }),
    ),
  );

  it(
    'replaces totals instead of adding them',
    marbles((m) => {
      const source = m.cold('-m-x-p-x-y-S|', events);
      const result = '       -A-B---B-C--|';
      m.expect(source.pipe(accumulateUsage())).toBeObservable(result, usages);
    }),
  );

  it(
    'emits nothing for a repeated message_start, and starts again with the next message',
    marbles((m) => {
      const source = m.cold('-m-m-x-m-S-n-x-S|', events);
      const result = '       -A---B-----A-B--|';
      m.expect(source.pipe(accumulateUsage())).toBeObservable(result, usages);
    }),
  );

  it(
    'starts again when a message with the same id arrives after its end',
    marbles((m) => {
      const source = m.cold('-m-x-S-m-x-S|', events);
      const result = '       -A-B---A-B--|';
      m.expect(source.pipe(accumulateUsage())).toBeObservable(result, usages);
    }),
  );

  it('keeps a counter whose total is absent or null, and adds new counters', () => {
    const server_tool_use = { web_search_requests: 2, web_fetch_requests: 0 };
    const final = raw({
      type: 'message_delta',
      delta: {},
      usage: { input_tokens: 90, cache_read_input_tokens: null, output_tokens: 7, server_tool_use },
    });
    const { values } = outcomeOf(from([events.m, final]).pipe(accumulateUsage()));
    expect(values).toStrictEqual([usage(25, 1), { ...usage(90, 7), server_tool_use }]);
  });

  it(
    'emits nothing for a message_delta that has no counters',
    marbles((m) => {
      const silent = raw({ type: 'message_delta', delta: { stop_reason: 'end_turn' } });
      const source = m.cold('-m-d-S|', { ...events, d: silent });
      const result = '       -A----|';
      m.expect(source.pipe(accumulateUsage())).toBeObservable(result, usages);
    }),
  );

  it(
    'passes an error on',
    marbles((m) => {
      const source = m.cold('-m-[-a-#', events, new Error('lost'));
      const result = '       -A-----#';
      m.expect(source.pipe(accumulateUsage())).toBeObservable(result, usages, new Error('lost'));
    }),
  );

  it(
    'unsubscribes from the source',
    marbles((m) => {
      const source = m.hot(' -m-[-a-x-S|', events);
      const unsubscribe = '  ----!';
      const result = '       -A---';
      m.expect(source.pipe(accumulateUsage()), unsubscribe).toBeObservable(result, usages);
      m.expect(source).toHaveSubscriptions('^---!');
    }),
  );
});
