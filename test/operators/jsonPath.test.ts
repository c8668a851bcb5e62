import { jsonOutput } from 'claude-rx/operators/jsonOutput';
import { jsonPath } from 'claude-rx/operators/jsonPath';
import { toolInput } from 'claude-rx/operators/toolInput';
import { messageEvents } from 'claude-rx/testing';
import fc from 'fast-check';
import { from, take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { drawn } from '../diagrams/drawn.ts';
import { marbles } from '../support/marbles.ts';
import {
  messageDelta,
  messageStart,
  messageStop,
  outcomeOf,
  resume,
  stop,
  synchronous,
  text,
  textStart,
} from './events.ts';

describe('jsonPath', () => {
  const steps = [{ text: 'mix' }];
  const values = {
    A: { value: { title: 'Pan' } },
    B: { value: { title: 'Pan', steps: [{}] } },
    C: { value: { title: 'Pan', steps } },
    D: { value: { title: 'Pan', steps, minutes: 5 } },
  };

  it(
    'emits one branch, each time it changes',
    drawn(
      'jsonPath',
      marbles((m) => {
        const source = m.cold('--A--B--C--D--|', values);
        const title = '        --a-----------|';
        const minutes = '      -----------d--|';
        m.expect(source.pipe(jsonPath(['title']))).toBeObservable(title, { a: 'Pan' });
        m.expect<unknown>(source.pipe(jsonPath(['minutes']))).toBeObservable(minutes, { d: 5 });
        m.expect(source).toHaveSubscriptions(['^-------------!', '^-------------!']);
      }),
      {
        title: "jsonPath(['title'])",
        outputs: ['result', ''],
      },
    ),
  );

  it(
    'compares by reference',
    marbles((m) => {
      const source = m.cold('--A--B--C--D--|', values);
      const result = '       -----b--c-----|';
      m.expect<unknown>(source.pipe(jsonPath(['steps']))).toBeObservable(result, {
        b: [{}],
        c: steps,
      });
      const deep = '         --------c-----|';
      m.expect<unknown>(source.pipe(jsonPath(['steps', 0, 'text']))).toBeObservable(deep, {
        c: 'mix',
      });
    }),
  );

  it(
    'emits null, false, 0 and empty values, and nothing for a missing branch',
    marbles((m) => {
      const source = m.cold('-a-b-c-d-e-f-g-h-|', {
        a: { value: undefined },
        b: { value: { x: null } },
        c: { value: { x: false } },
        d: { value: { x: 0 } },
        e: { value: { x: '' } },
        f: { value: {} },
        g: { value: 'x' },
        h: { value: null },
      });
      const result = '       ---b-c-d-e-------|';
      m.expect<unknown>(source.pipe(jsonPath(['x']))).toBeObservable(result, {
        b: null,
        c: false,
        d: 0,
        e: '',
      });
    }),
  );

  it(
    'passes an error on, and unsubscribes from the source',
    marbles((m) => {
      const failing = m.cold('--A--#', values);
      const passed = '        --a--#';
      m.expect<unknown>(failing.pipe(jsonPath(['title']))).toBeObservable(passed, { a: 'Pan' });
      const source = m.hot('  --A--B--C--D--|', values);
      const unsubscribe = '   -------!';
      const result = '        -----b--';
      m.expect<unknown>(source.pipe(jsonPath(['steps'])), unsubscribe).toBeObservable(result, {
        b: [{}],
      });
      m.expect(source).toHaveSubscriptions('^------!');
    }),
  );

  it('accepts the root path, and finds no properties that are not JSON', () => {
    const source = from([{ value: 'text' }]);
    expect(outcomeOf(source.pipe(jsonPath([]))).values).toEqual(['text']);
    expect(outcomeOf(source.pipe(jsonPath(['length']))).values).toEqual([]);
    expect(outcomeOf(from([{ value: [1] }]).pipe(jsonPath(['0']))).values).toEqual([]);
    expect(outcomeOf(from([{ value: [1] }]).pipe(jsonPath([0]))).values).toEqual([1]);
    expect(outcomeOf(from([{ value: {} }]).pipe(jsonPath(['toString']))).values).toEqual([]);
  });

  it('emits a branch of a reply that is being written', () => {
    const Recipe = z.object({ title: z.string(), steps: z.array(z.object({ text: z.string() })) });
    const json = '{"title":"Pan","steps":[{"text":"mix"},{"text":"fry"}]}';
    const reply = from(messageEvents.text(json, { chunk: 4 })).pipe(jsonOutput(Recipe));
    expect(outcomeOf(reply.pipe(jsonPath(['title'])))).toEqual({
      values: ['Pa', 'Pan'],
      completed: true,
    });
    const second = outcomeOf(reply.pipe(jsonPath(['steps', 1, 'text'])));
    expect(second).toEqual({ values: ['', 'fry'], completed: true });
  });

  it('emits an object or array of the checked value once more', () => {
    const Recipe = z.object({ title: z.string(), tags: z.array(z.string()) });
    const reply = messageEvents.text('{"title":"Pan","tags":[]}', { chunk: Infinity });
    const snapshots = from(reply).pipe(jsonOutput(Recipe));
    expect(outcomeOf(snapshots.pipe(jsonPath(['title']))).values).toEqual(['Pan']);
    expect(outcomeOf(snapshots.pipe(jsonPath(['tags']))).values).toEqual([[], []]);
  });

  it('restarts when the reply restarts', () => {
    const events = [
      messageStart(),
      textStart(0, '{"a":"one"'),
      stop(0),
      resume(0),
      textStart(0),
      text(0, '{"a":"on'),
      text(0, 'ce"}'),
      messageDelta(),
      messageStop,
    ];
    const branch = from(events).pipe(jsonOutput(z.object({ a: z.string() })), jsonPath(['a']));
    expect(outcomeOf(branch).values).toEqual(['one', 'on', 'once']);
  });

  it('emits a branch of a tool input', () => {
    const Input = z.object({ city: z.string() });
    const reply = from(messageEvents.toolUse('book', { city: 'Rome' }, { chunk: 11 }));
    const city = reply.pipe(toolInput('book', Input), jsonPath(['city']));
    expect(outcomeOf(city)).toEqual({ values: ['Ro', 'Rome'], completed: true });
  });

  it('emits a branch exactly when it changes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 1, max: 9 }), (value, chunk) => {
        const json = JSON.stringify({ before: [1, 'x'], at: [value], after: { y: 'z' } });
        const reply = from(messageEvents.text(json, { chunk })).pipe(jsonOutput(z.unknown()));
        const branches = outcomeOf(reply.pipe(jsonPath(['at', 0]))).values;
        expect(branches.at(-1)).toStrictEqual(JSON.parse(JSON.stringify(value)));
        branches.forEach((branch, index) => {
          if (index > 0) expect(branch).not.toBe(branches[index - 1]);
        });
        const before = outcomeOf(reply.pipe(jsonPath(['before', 1]))).values;
        expect(before.at(-1)).toBe('x');
        expect(before.length).toBeLessThanOrEqual(2);
      }),
    );
  });

  it('takes no more from a synchronous source than needed, with separate subscriptions', () => {
    const { source, taken } = synchronous([{ value: { a: 1 } }, { value: { a: 2 } }]);
    const first = source.pipe(jsonPath(['a']), take(1));
    expect(outcomeOf(first).values).toEqual([1]);
    expect(taken()).toBe(1);
    expect(outcomeOf(first).values).toEqual([1]);
  });

  it('throws at the call for an invalid path', () => {
    const message = /^jsonPath: pass the path as an array of keys and indices/;
    for (const path of [undefined, 'title', [null], {}]) {
      expect(() => jsonPath(path as never)).toThrow(message);
    }
  });
});
