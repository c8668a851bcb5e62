import { isDeepStrictEqual } from 'node:util';
import { MessageBuilder, MessageStreamError, type StreamEvent, unfinishedInput } from 'claude-rx';
import { contentBlocks } from 'claude-rx/operators/contentBlocks';
import fc from 'fast-check';
import { filter, from, map } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { drawn } from '../diagrams/drawn.ts';
import { marbles } from '../support/marbles.ts';
import {
  call,
  callBlock,
  callStart,
  citation,
  delta,
  json,
  messageDelta,
  messageStart,
  messageStop,
  outcomeOf,
  reply,
  resume,
  start,
  stop,
  text,
  textStart,
  thinking,
  thinkingStart,
} from './events.ts';

const events = {
  m: messageStart(),
  '[': textStart(0),
  a: text(0, 'Hel'),
  b: text(0, 'lo'),
  ']': stop(0),
  '{': callStart(1),
  c: json(1, '{"city":'),
  d: json(1, '"Rome"}'),
  '}': stop(1),
  x: messageDelta('tool_use'),
  S: messageStop,
};
const textBlock = (words: string) => ({ type: 'text', text: words, citations: null });
const blocks = { A: textBlock('Hello'), B: callBlock(1, { city: 'Rome' }) };

describe('contentBlocks', () => {
  it(
    'emits each block when it ends',
    drawn(
      'contentBlocks',
      marbles((m) => {
        const source = m.cold('--m--[--a--b--]--{--c--d--}--x--S|', events);
        const result = '       --------------A-----------B------|';
        m.expect<unknown>(source.pipe(contentBlocks())).toBeObservable(result, blocks);
        m.expect(source).toHaveSubscriptions('^--------------------------------!');
      }),
    ),
  );

  it(
    'ends blocks without a stop at the stop reason, or else at message_stop',
    marbles((m) => {
      const source = m.cold('--m--[--a--b--{--c--d--x----S|', events);
      const result = '       -----------------------(AB)--|';
      m.expect<unknown>(source.pipe(contentBlocks())).toBeObservable(result, blocks);
      const bare = m.cold('  --m--[--a--b--{--c--d--S-----|', events);
      m.expect<unknown>(bare.pipe(contentBlocks())).toBeObservable(result, blocks);
    }),
  );

  it(
    'parses the input of a call whose stop is missing',
    marbles((m) => {
      const source = m.cold('-m-{-c-d-[-(S|)', { ...events, '[': textStart(2, 'Hi') });
      const result = '       -----------(BC|)';
      const C = textBlock('Hi');
      m.expect<unknown>(source.pipe(contentBlocks())).toBeObservable(result, { ...blocks, C });
    }),
  );

  it(
    'does not emit a block twice when its stop is late or repeated',
    marbles((m) => {
      const source = m.cold('-m-[-a-b-{-]-c-]-d-}-}-x-S|', events);
      const result = '       -----------A-------B------|';
      m.expect<unknown>(source.pipe(contentBlocks())).toBeObservable(result, blocks);
    }),
  );

  it(
    'does not emit the unfinished block on an error',
    marbles((m) => {
      const source = m.cold('--m--[--a--b--]--{--c--#', events, new Error('lost'));
      const result = '       --------------A--------#';
      m.expect<unknown>(source.pipe(contentBlocks())).toBeObservable(
        result,
        blocks,
        new Error('lost'),
      );
    }),
  );

  it(
    'does not emit the unfinished block when the source completes',
    marbles((m) => {
      const source = m.cold('--m--[--a--b--]--{--c--|', events);
      const result = '       --------------A--------|';
      m.expect<unknown>(source.pipe(contentBlocks())).toBeObservable(result, blocks);
    }),
  );

  it(
    'unsubscribes from the source',
    marbles((m) => {
      const source = m.hot(' --m--[--a--b--]--{--c|', events);
      const unsubscribe = '  ---------------!';
      const result = '       --------------A-';
      m.expect<unknown>(source.pipe(contentBlocks()), unsubscribe).toBeObservable(result, blocks);
      m.expect(source).toHaveSubscriptions('^--------------!');
    }),
  );

  it(
    'emits the replacement of a block that a resume withdraws, and not the block',
    marbles((m) => {
      const again = { ...events, r: resume(1) };
      const source = m.cold('--m--[-a-b-]--{-c-r--{-c-d-}--x--S|', again);
      const result = '       -----------A---------------B------|';
      m.expect<unknown>(source.pipe(contentBlocks())).toBeObservable(result, blocks);
    }),
  );

  it(
    'emits a block that continues after a resume once, at its end',
    marbles((m) => {
      const source = m.cold('--m--[-a--r--b--]--x--S|', { ...events, r: resume(1) });
      const result = '       ----------------A------|';
      m.expect<unknown>(source.pipe(contentBlocks())).toBeObservable(result, blocks);
    }),
  );

  it(
    'starts again with another message, but not with a repeated message_start',
    marbles((m) => {
      const two = { ...events, n: messageStart('msg_2') };
      const source = m.cold('-m-[-a-m-b-]-m-x-S-n-[-a-b-]-S|', two);
      const result = '       -----------A---------------A--|';
      m.expect<unknown>(source.pipe(contentBlocks())).toBeObservable(result, blocks);
    }),
  );

  it(
    'does not emit the unfinished block of a message that another message replaces',
    marbles((m) => {
      const two = { ...events, n: messageStart('msg_2') };
      const source = m.cold('-m-[-a-n-[-a-b-]-S|', two);
      const result = '       ---------------A--|';
      m.expect<unknown>(source.pipe(contentBlocks())).toBeObservable(result, blocks);
    }),
  );

  it('has separate state for each subscription', () => {
    const once = from([events.m, ...call(0, '{}'), textStart(1, 'open')]).pipe(contentBlocks());
    expect(outcomeOf(once).values).toEqual([callBlock(0, {})]);
    expect(outcomeOf(once).values).toEqual([callBlock(0, {})]);
  });

  it('keeps the text of an input that is not JSON', () => {
    const all = [events.m, ...call(0, '{"path":"/et'), messageDelta('max_tokens'), messageStop];
    const { values } = outcomeOf(from(all).pipe(contentBlocks()));
    expect(values).toStrictEqual([{ ...callBlock(0, {}), [unfinishedInput]: '{"path":"/et' }]);
  });

  it('emits blocks of all types with all their deltas', () => {
    const result = { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] };
    const all = [
      messageStart(),
      thinkingStart(0, 'Hm'),
      thinking(0, '.'),
      delta(0, { type: 'signature_delta', signature: 'c2ln' }),
      stop(0),
      start(1, result),
      stop(1),
      textStart(2),
      delta(2, { type: 'citations_delta', citation: citation('Rome') }),
      text(2, 'Rome'),
      stop(2),
      start(3, { type: 'future_block', weight: 3 }),
      stop(3),
    ];
    const { values } = outcomeOf(from(all).pipe(contentBlocks()));
    expect(values).toStrictEqual([
      { type: 'thinking', thinking: 'Hm.', signature: 'c2ln' },
      result,
      { type: 'text', text: 'Rome', citations: [citation('Rome')] },
      { type: 'future_block', weight: 3 },
    ]);
  });

  it('can be followed by a schema check', () => {
    const Weather = z.object({ city: z.string() });
    const all = from([messageStart(), ...call(0, '{"city":"Rome"}'), messageStop]);
    const cities = all.pipe(
      contentBlocks(),
      filter((block) => block.type === 'tool_use'),
      map((block) => Weather.parse(block.input).city),
    );
    expect(outcomeOf(cities).values).toEqual(['Rome']);
  });

  it(
    'emits interleaved blocks, each at its own stop',
    marbles((m) => {
      const source = m.cold('-m-[-{-a-c-d-}-b-]-x-S|', events);
      const result = '       -------------B---A----|';
      m.expect<unknown>(source.pipe(contentBlocks())).toBeObservable(result, blocks);
    }),
  );

  it(
    'fails when an emitted block continues',
    marbles((m) => {
      const source = m.cold('-m-[-a-]-b-{|', events);
      const result = '       -------C-#';
      const error = new MessageStreamError(
        'The content block 0 continued after it had ended and was emitted',
        { code: 'protocol' },
      );
      const values = { C: textBlock('Hel') };
      m.expect<unknown>(source.pipe(contentBlocks())).toBeObservable(result, values, error);
      m.expect(source).toHaveSubscriptions('^--------!');
    }),
  );

  it('fails for the input of a call that has not started', () => {
    const outcome = outcomeOf(from([events.m, json(0, '{"a":1}'), stop(0)]).pipe(contentBlocks()));
    expect(outcome).toMatchObject({ values: [], error: { code: 'protocol' } });
  });

  it('emits each block of the message once, for any reply', () => {
    fc.assert(
      fc.property(reply, (all) => {
        const { values, error } = outcomeOf(from([...all, messageStop]).pipe(contentBlocks()));
        const builder = new MessageBuilder();
        for (const event of [...all, messageStop] as StreamEvent[]) builder.push(event);
        const content: unknown[] = [...(builder.message?.content ?? [])];
        for (const value of values)
          content.splice(
            content.findIndex((one) => isDeepStrictEqual(one, value)),
            1,
          );
        // Text in a block of another kind may come when that has been emitted.
        if (!error) expect(content).toEqual([]);
        expect(values.length + content.length).toBe(builder.message?.content.length);
      }),
    );
  });
});
