import { InvalidJsonError, type JsonPath, MessageStreamError, type StreamEvent } from 'claude-rx';
import { jsonElements } from 'claude-rx/operators/jsonElements';
import { messageEvents } from 'claude-rx/testing';
import fc from 'fast-check';
import { from, Subject } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { IncrementalJsonParser } from '../../src/json/IncrementalJsonParser.ts';
import { drawn } from '../diagrams/drawn.ts';
import { marbles } from '../support/marbles.ts';
import {
  messageDelta,
  messageStart,
  messageStop,
  outcomeOf,
  ping,
  resume,
  stop,
  synchronous,
  text,
  textStart,
} from './events.ts';
import { manualSchema, outcomeSoFar, rejectionsDuring, turn } from './schemas.ts';

const Item = z.object({ n: z.number() });

const events = {
  m: messageStart(),
  p: ping,
  '[': textStart(0),
  a: text(0, '{"items":[{"n":1},{"n'),
  b: text(0, '":2},'),
  c: text(0, '{"n":3}]}'),
  ']': stop(0),
  r: resume(1),
  q: resume(0),
  x: messageDelta(),
  S: messageStop,
};
const items = { 1: { n: 1 }, 2: { n: 2 }, 3: { n: 3 } };

const reply = (json: string, stopReason: string | null = 'end_turn'): StreamEvent[] => [
  messageStart(),
  textStart(0),
  text(0, json),
  messageDelta(stopReason),
  messageStop,
];
const lost = new MessageStreamError('lost', { code: 'connection' });

describe('jsonElements', () => {
  it(
    'emits each element when it is complete',
    drawn(
      'jsonElements',
      marbles((m) => {
        const source = m.cold('--m--a--b--c--x--S|', events);
        const result = '       -----1--2--3-----|';
        m.expect(source.pipe(jsonElements(Item, ['items']))).toBeObservable(result, items);
        m.expect(source).toHaveSubscriptions('^----------------!');
      }),
      { title: `jsonElements(Item, ['items'])` },
    ),
  );

  it(
    'emits several elements of one delta one after the other',
    marbles((m) => {
      const source = m.cold('-m-[-a-p-]-x-S|', { ...events, a: text(0, '[{"n":1},{"n":2}]') });
      const result = '       -----(12)----|';
      m.expect(source.pipe(jsonElements(Item))).toBeObservable(result, items);
    }),
  );

  it.each<[JsonPath, string]>([
    [[], '[{"n":1},{"n":2}]'],
    [['items'], '{"no":[{"n":9}],"items":[{"n":1},{"n":2}],"more":[{"n":8}]}'],
    [['a', 1, 'b'], '{"a":[{"b":[{"n":9}]},{"b":[{"n":1},{"n":2}],"c":{"b":[{"n":8}]}}]}'],
    [[0], '[[{"n":1},{"n":2}],[{"n":9}]]'],
    [['0'], '{"0":[{"n":1},{"n":2}]}'],
    [[''], '{"":[{"n":1},{"n":2}]}'],
    [['__proto__'], '{"__proto__":[{"n":1},{"n":2}]}'],
  ])('finds the array at %j', (path, json) => {
    const { values, completed } = outcomeOf(from(reply(json)).pipe(jsonElements(Item, path)));
    expect(values).toEqual([{ n: 1 }, { n: 2 }]);
    expect(completed).toBe(true);
    const config = { path };
    expect(outcomeOf(from(reply(json)).pipe(jsonElements(Item, config))).values).toEqual(values);
  });

  it('emits the output of the schema', () => {
    const Text = z.string().transform(({ length }) => length);
    const { values } = outcomeOf(from(reply('["a","bc",""]')).pipe(jsonElements(Text)));
    expect(values).toEqual([1, 2, 0]);
  });

  it.each([
    ['[]', []],
    [' [ null , 1e2 , [ ] ] ', [null, 100, []]],
  ])('accepts %j', (json, elements) => {
    const outcome = outcomeOf(from(reply(json)).pipe(jsonElements(z.unknown())));
    expect(outcome).toEqual({ values: elements, completed: true });
  });

  it('errors for an element that the schema refuses, with its path, after earlier elements', () => {
    const json = '{"items":[{"n":1},{"n":"two"},{"n":3}]}';
    const { source, taken } = synchronous(reply(json));
    const { values, error } = outcomeOf(source.pipe(jsonElements(Item, ['items'])));
    expect(values).toEqual([{ n: 1 }]);
    expect(error).toBeInstanceOf(InvalidJsonError);
    expect((error as Error).message).toMatch(/it does not match the schema: items\.1\.n: /);
    expect(error).toMatchObject({
      code: 'invalid_json',
      value: { n: 'two' },
      text: json,
      issues: [{ path: ['items', 1, 'n'] }],
      partial: { id: 'msg_1' },
    });
    expect(taken()).toBe(3);
  });

  it.each<[string, JsonPath, string]>([
    ['there is no value', ['items'], '{"other":[1]}'],
    ['the value is an object', ['items'], '{"items":{"0":1}}'],
    ['the value is null', ['items'], '{"items":null}'],
    ['the root is an object', [], '{"0":1}'],
    ['the way leads through a string', ['a', 'length'], '{"a":"text"}'],
    ['an index is meant as a key', [0], '{"0":[1]}'],
    ['a key is meant as an index', ['0'], '[[1]]'],
    ['a property is no JSON', ['__proto__'], '[1]'],
  ])('errors if %s', (_title, path, json) => {
    const { values, error } = outcomeOf(from(reply(json)).pipe(jsonElements(z.any(), path)));
    expect(values).toEqual([]);
    expect(error).toBeInstanceOf(InvalidJsonError);
    expect((error as Error).message).toContain(`there is no array at ${JSON.stringify(path)}`);
    expect(error).toMatchObject({ code: 'invalid_json', text: json });
  });

  it.each([
    ['max_tokens', 'invalid_json', 'the reply stopped at max_tokens'],
    ['model_context_window_exceeded', 'invalid_json', 'stopped at model_context_window_exceeded'],
    ['refusal', 'refusal', 'the model declined'],
    ['end_turn', 'invalid_json', 'Unexpected end of the text'],
  ])(
    'emits the complete elements of JSON that was cut by %s, then errors',
    (stopReason, code, problem) => {
      const json = '{"items":[{"n":1},{"n":2},{"n":3';
      const all = reply(json, stopReason);
      const { values, error } = outcomeOf(from(all).pipe(jsonElements(Item, ['items'])));
      expect(values).toEqual([{ n: 1 }, { n: 2 }]);
      expect(error).toBeInstanceOf(InvalidJsonError);
      expect((error as Error).message).toContain(problem);
      expect(error).toMatchObject({ code, text: json, partial: { stop_reason: stopReason } });
    },
  );

  it('errors for a refusal that is not JSON', () => {
    const { error } = outcomeOf(from(reply('I cannot.', 'refusal')).pipe(jsonElements(Item)));
    expect(error).toMatchObject({ code: 'refusal', text: 'I cannot.' });
  });

  it('errors for JSON that is malformed after the array', () => {
    const json = '{"items":[{"n":1}], more}';
    const { values, error } = outcomeOf(from(reply(json)).pipe(jsonElements(Item, ['items'])));
    expect(values).toEqual([{ n: 1 }]);
    expect((error as Error).message).toContain('Unexpected "m"');
  });

  it('keeps the order of elements that are checked asynchronously, one at a time', async () => {
    const { schema, checks } = manualSchema<number>();
    const outcome = outcomeSoFar(from(reply('[1,2,3]')).pipe(jsonElements(schema)));
    for (const n of [1, 2, 3]) {
      expect(outcome.completed).toBe(false);
      expect(checks).toHaveLength(n);
      checks[n - 1]!.accept();
      await turn();
    }
    expect(outcome).toMatchObject({ values: [1, 2, 3], completed: true });
  });

  it('errors after the elements that are still being checked', async () => {
    const { schema, checks } = manualSchema<number>();
    const cut = outcomeSoFar(from(reply('[1,2', 'max_tokens')).pipe(jsonElements(schema)));
    expect(cut.error).toBeUndefined();
    checks[0]!.accept();
    await turn();
    expect(cut.values).toEqual([1]);
    expect(cut.error).toMatchObject({ code: 'invalid_json', stopReason: 'max_tokens' });
  });

  it('names the element that an asynchronous schema refuses, also after further elements', async () => {
    const { schema, checks } = manualSchema<number>();
    const outcome = outcomeSoFar(from(reply('[1,2,3]')).pipe(jsonElements(schema)));
    checks[0]!.accept();
    await turn();
    checks[1]!.refuse('no good');
    await turn();
    expect(outcome.values).toEqual([1]);
    expect((outcome.error as Error).message).toContain('1: no good');
    expect(outcome.error).toMatchObject({ value: 2, issues: [{ path: [1], message: 'no good' }] });
    expect(checks).toHaveLength(2);
  });

  it('passes on errors of a schema, synchronous or asynchronous', async () => {
    const bug = new RangeError('a bug');
    const throwing = z.number().transform((): number => {
      throw bug;
    });
    expect(outcomeOf(from(reply('[1]')).pipe(jsonElements(throwing))).error).toBe(bug);
    const rejecting = z.number().refine(() => Promise.reject(bug));
    const outcome = outcomeSoFar(from(reply('[1]')).pipe(jsonElements(rejecting)));
    expect(await rejectionsDuring(() => {})).toEqual([]);
    expect(outcome.error).toBe(bug);
  });

  it('leaves no unhandled rejection on unsubscribe', async () => {
    const { schema, checks } = manualSchema();
    const outcome = outcomeSoFar(from(reply('[1,2]')).pipe(jsonElements(schema)));
    outcome.unsubscribe();
    expect(await rejectionsDuring(() => checks[0]!.fail(new Error('too late')))).toEqual([]);
    expect(checks).toHaveLength(1);
    expect(outcome).toMatchObject({ values: [], completed: false });
  });

  it(
    'continues if a resume keeps the text',
    marbles((m) => {
      const onRestart = vi.fn<() => void>();
      const source = m.cold('-m-[-a-r-b-c-x-S|', events);
      const result = '       -----1---2-3---|';
      const elements = source.pipe(jsonElements(Item, { path: ['items'], onRestart }));
      m.expect(elements).toBeObservable(result, items);
      m.flush();
      expect(onRestart).not.toHaveBeenCalled();
    }),
  );

  it('calls onRestart when a resume restarts the reply, before the elements are emitted again', () => {
    const log: unknown[] = [];
    const all = [events.m, events['['], events.a, events.b, events.q, ...reply('').slice(1, 2)];
    const source = from([...all, events.a, events.b, events.c, events.x, messageStop]);
    const onRestart = () => log.push('again');
    source
      .pipe(jsonElements(Item, { path: ['items'], onRestart }))
      .subscribe(({ n }) => log.push(n));
    expect(log).toEqual([1, 2, 'again', 1, 2, 3]);
  });

  it('calls onRestart after the elements that are still being checked', async () => {
    const { schema, checks } = manualSchema<number>();
    const log: unknown[] = [];
    const source = new Subject<StreamEvent>();
    const onRestart = () => log.push('again');
    source.pipe(jsonElements(schema, { onRestart })).subscribe({
      next: (n) => log.push(n),
      error: (error: Error) => log.push(error.message),
    });
    const begin = [events.m, events['['], text(0, '[1,2,')];
    for (const event of [...begin, events.q, ...reply('[3,4]').slice(1)]) source.next(event);
    for (let next = 0; next < 3; next++) {
      checks[next]!.accept();
      await turn();
    }
    expect(log).toEqual([1, 2, 'again', 3]);
    // And the place of an element is counted anew.
    checks[3]!.refuse('no good');
    await turn();
    expect(log[4]).toContain('1: no good');
  });

  it('emits the elements that a resume keeps again', () => {
    const log: unknown[] = [];
    const kept = [events.m, textStart(0, '[1,2,'), stop(0), textStart(1, '3,')];
    const source = from([...kept, resume(1), textStart(1, '4]'), events.x, messageStop]);
    source
      .pipe(jsonElements(z.number(), { onRestart: () => log.push('again') }))
      .subscribe((n) => log.push(n));
    expect(log).toEqual([1, 2, 3, 'again', 1, 2, 4]);
  });

  it(
    'errors with code truncated when the source ends before message_stop',
    marbles((m) => {
      const source = m.cold('-m-[-a-b-c-|', events);
      const result = '       -----1-2-3-#';
      const error = new MessageStreamError(
        'The stream ended before message_stop: the reply may be cut off; what arrived is in `partial`',
        { code: 'truncated' },
      );
      m.expect(source.pipe(jsonElements(Item, ['items']))).toBeObservable(result, items, error);
    }),
  );

  it(
    'passes an error on',
    marbles((m) => {
      const source = m.cold('-m-[-a-#', events, lost);
      const result = '       -----1-#';
      m.expect(source.pipe(jsonElements(Item, ['items']))).toBeObservable(result, items, lost);
    }),
  );

  it('passes an error on at once, and drops elements that are still being checked', async () => {
    const { schema, checks } = manualSchema();
    const source = new Subject<StreamEvent>();
    const outcome = outcomeSoFar(source.pipe(jsonElements(schema)));
    for (const event of reply('[1,2,').slice(0, 3)) source.next(event);
    source.error(lost);
    expect(outcome.error).toMatchObject({ code: 'connection' });
    checks[0]!.accept();
    await turn();
    expect(outcome.values).toEqual([]);
    expect(checks).toHaveLength(1);
  });

  it(
    'unsubscribes from the source',
    marbles((m) => {
      const source = m.hot(' -m-[-a-b-c-x-S|', events);
      const unsubscribe = '  ------!';
      const result = '       -----1-';
      const elements = source.pipe(jsonElements(Item, ['items']));
      m.expect(elements, unsubscribe).toBeObservable(result, items);
      m.expect(source).toHaveSubscriptions('^-----!');
    }),
  );

  it('has separate state for each subscription', () => {
    const twice = from(reply('[{"n":1},{"n":"x"}]')).pipe(jsonElements(Item));
    expect(outcomeOf(twice).values).toEqual([{ n: 1 }]);
    expect((outcomeOf(twice).error as Error).message).toContain('1.n: ');
  });

  it('does not keep the array in memory', () => {
    const json = `[${'{"n":1},'.repeat(999)}{"n":1}]`;
    const end = vi.spyOn(IncrementalJsonParser.prototype, 'end');
    const { values } = outcomeOf(from(reply(json)).pipe(jsonElements(Item)));
    expect(values).toHaveLength(1000);
    expect(end.mock.results.map(({ value }) => value as unknown)).toEqual([[]]);
    end.mockRestore();
  });

  it('emits the elements of JSON.parse, for any pieces and any path', () => {
    const key = fc.oneof(fc.constantFrom('a', '0', '', '__proto__', 'length'), fc.nat(3));
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { maxLength: 6 }),
        fc.array(key, { maxLength: 3 }),
        fc.integer({ min: 1, max: 9 }),
        (elements, path, chunk) => {
          const json = path.reduceRight<string>(
            (inner, step) =>
              typeof step === 'number'
                ? `[${'0,'.repeat(step)}${inner},1]`
                : `{"x":[7],${JSON.stringify(step)}:${inner},"y":[8]}`,
            JSON.stringify(elements),
          );
          const all = messageEvents.text(json, { chunk });
          expect(outcomeOf(from(all).pipe(jsonElements(z.unknown(), path)))).toStrictEqual({
            values: JSON.parse(JSON.stringify(elements)) as unknown,
            completed: true,
          });
        },
      ),
    );
  });

  it('throws at the call for an invalid schema or path', () => {
    expect(() => jsonElements({ type: 'array' } as never)).toThrow(
      /^jsonElements: pass a Standard Schema/,
    );
    const message = /^jsonElements: pass the path as an array of keys and indices/;
    expect(() => jsonElements(Item, 'items' as never)).toThrow(message);
    expect(() => jsonElements(Item, { path: 'items' as never })).toThrow(message);
    expect(() => jsonElements(Item, { path: null as never })).toThrow(message);
    expect(() => jsonElements(Item, [null as never])).toThrow(message);
    expect(() => jsonElements(Item, null as never)).toThrow(TypeError);
  });
});
