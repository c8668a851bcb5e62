import type { StreamEvent } from 'claude-rx';
import { eventsOfType } from 'claude-rx/operators/eventsOfType';
import { describe, expect, it } from 'vitest';
import { drawn } from '../diagrams/drawn.ts';
import { marbles } from '../support/marbles.ts';
import {
  messageDelta,
  messageStart,
  messageStop,
  ping,
  raw,
  resume,
  stop,
  text,
  textStart,
} from './events.ts';

const events = {
  m: messageStart(),
  '[': textStart(0),
  a: text(0, 'Hel'),
  b: text(0, 'lo'),
  ']': stop(0),
  x: messageDelta(),
  S: messageStop,
  p: ping,
  r: resume(0),
  u: raw({ type: 'vibe_check' }),
};

describe('eventsOfType', () => {
  it(
    'lets through the events of the given types',
    drawn(
      'eventsOfType',
      marbles((m) => {
        const source = m.cold<StreamEvent>('--m--[--a--b--]--x--S|', events);
        const result = '                    -----[--------]------|';
        const wanted = source.pipe(eventsOfType('content_block_start', 'content_block_stop'));
        m.expect<StreamEvent>(wanted).toBeObservable(result, { '[': textStart(0), ']': stop(0) });
        m.expect(source).toHaveSubscriptions('^--------------------!');
      }),
      { title: `eventsOfType('content_block_start', 'content_block_stop')` },
    ),
  );

  it(
    'knows the events that the SDK does not have',
    marbles((m) => {
      const source = m.cold<StreamEvent>('-p-m-r-u-|', events);
      const result = '                    -p---r---|';
      const wanted = source.pipe(eventsOfType('ping', 'resume'));
      m.expect<StreamEvent>(wanted).toBeObservable(result, events);
    }),
  );

  it(
    'accepts an unknown type name, and ignores all other events',
    marbles((m) => {
      const source = m.cold<StreamEvent>('-m-u-S|', events);
      const result = '                    ---u--|';
      const wanted = source.pipe(eventsOfType('vibe_check' as 'ping'));
      m.expect<StreamEvent>(wanted).toBeObservable(result, events);
    }),
  );

  it(
    'passes an error on',
    marbles((m) => {
      const source = m.cold<StreamEvent>('-m-#', events, new Error('lost'));
      const result = '                    -m-#';
      const wanted = source.pipe(eventsOfType('message_start'));
      m.expect<StreamEvent>(wanted).toBeObservable(result, events, new Error('lost'));
    }),
  );

  it(
    'unsubscribes from the source',
    marbles((m) => {
      const source = m.hot<StreamEvent>(' -m-a-b-S|', events);
      const unsubscribe = '               ----!';
      const result = '                    ---a-';
      const wanted = source.pipe(eventsOfType('content_block_delta'));
      m.expect<StreamEvent>(wanted, unsubscribe).toBeObservable(result, events);
      m.expect(source).toHaveSubscriptions('              ^---!');
    }),
  );

  it('throws when it is called without a type', () => {
    const call = eventsOfType as unknown as () => void;
    expect(call).toThrow(TypeError);
    expect(call).toThrow('name at least one type');
  });
});
