import { InvalidJsonError, type JsonValue, MessageStreamError, type StreamEvent } from 'claude-rx';
import { jsonOutput } from 'claude-rx/operators/jsonOutput';
import { retryResumable } from 'claude-rx/operators/retryResumable';
import { messageEvents } from 'claude-rx/testing';
import fc from 'fast-check';
import { concat, from, NEVER, Subject, throwError } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { deepFreeze } from '../support/deepFreeze.ts';
import { drawn } from '../diagrams/drawn.ts';
import { marbles } from '../support/marbles.ts';
import {
  callStart,
  messageDelta,
  messageStart,
  messageStop,
  outcomeOf,
  ping,
  resume,
  stop,
  text,
  textStart,
  thinking,
  thinkingStart,
} from './events.ts';
import { manualSchema, outcomeSoFar, rejectionsDuring, turn } from './schemas.ts';
import { rounds } from '../support/rounds.ts';

const Recipe = z.object({
  title: z.string(),
  minutes: z.number(),
  servings: z.number().default(4),
});

const events = {
  m: messageStart(),
  '[': textStart(0),
  a: text(0, '{"title":"Pan'),
  b: text(0, 'cakes","minu'),
  c: text(0, 'tes":20}'),
  w: text(0, ' \n\t'),
  ']': stop(0),
  p: ping,
  x: messageDelta(),
  y: messageDelta('max_tokens'),
  r: resume(1),
  q: resume(0),
  S: messageStop,
};
const snapshots = {
  A: { status: 'partial', value: { title: 'Pan' } },
  B: { status: 'partial', value: { title: 'Pancakes' } },
  C: { status: 'partial', value: { title: 'Pancakes', minutes: 20 } },
  D: { status: 'complete', value: { title: 'Pancakes', minutes: 20, servings: 4 } },
  o: { status: 'partial', value: undefined },
};

const reply = (json: string, stopReason: string | null = 'end_turn'): StreamEvent[] => [
  messageStart(),
  textStart(0),
  text(0, json),
  stop(0),
  messageDelta(stopReason),
  messageStop,
];
const lost = new MessageStreamError('lost', { code: 'connection' });

describe('jsonOutput', () => {
  it(
    'emits partial values, then the complete, checked value',
    drawn(
      'jsonOutput',
      marbles((m) => {
        const source = m.cold('--m--a--b--c--x--S|', events);
        const result = '       -----A--B--C-----(D|)';
        m.expect<unknown>(source.pipe(jsonOutput(Recipe))).toBeObservable(result, snapshots);
        m.expect(source).toHaveSubscriptions('^----------------!');
      }),
      { title: 'jsonOutput(Recipe)' },
    ),
  );

  it(
    'emits nothing if nothing has changed',
    marbles((m) => {
      const source = m.cold('-p-m-m-[-p-a-p-b-c-w-]-x-S|', events);
      const result = '       -----------A---B-C-------(D|)';
      m.expect<unknown>(source.pipe(jsonOutput(Recipe))).toBeObservable(result, snapshots);
    }),
  );

  it(
    'reads only text, across all text blocks',
    marbles((m) => {
      const source = m.cold('-m-t-u-[-a-k-{-b-c-x-S|', {
        ...events,
        t: thinkingStart(0, '{"title":"no"}'),
        u: thinking(0, '"'),
        '[': textStart(1, ''),
        a: text(1, '{"title":"Pan'),
        k: callStart(2),
        '{': textStart(3, 'cak'),
        b: text(3, 'es","minu'),
        c: text(3, 'tes":20}'),
      });
      const result = '       ---------A---E-B-C---(D|)';
      m.expect<unknown>(source.pipe(jsonOutput(Recipe))).toBeObservable(result, {
        ...snapshots,
        E: { status: 'partial', value: { title: 'Pancak' } },
      });
    }),
  );

  it(
    'continues if a resume keeps the text',
    marbles((m) => {
      const source = m.cold('-m-[-a-r-b-c-x-S|', events);
      const result = '       -----A---B-C---(D|)';
      m.expect<unknown>(source.pipe(jsonOutput(Recipe))).toBeObservable(result, snapshots);
    }),
  );

  it(
    'restarts if a resume restarts the reply',
    marbles((m) => {
      const source = m.cold('-m-[-a-b-q-[-a-b-c-x-S|', events);
      const result = '       -----A-B-o---A-B-C---(D|)';
      m.expect<unknown>(source.pipe(jsonOutput(Recipe))).toBeObservable(result, snapshots);
    }),
  );

  it(
    'restarts with the text that a resume keeps',
    marbles((m) => {
      const source = m.cold('-m-[-a-{-b-r-{-b-c-x-S|', {
        ...events,
        a: text(0, '{"title":"Pan'),
        '{': textStart(1),
        b: text(1, 'cakes","minu'),
        c: text(1, 'tes":20}'),
      });
      const result = '       -----A---B-A---B-C---(D|)';
      m.expect<unknown>(source.pipe(jsonOutput(Recipe))).toBeObservable(result, snapshots);
    }),
  );

  it('continues when retryResumable continues the reply', async () => {
    const first = from([events.m, textStart(0), events.a]);
    const rest = [events.m, textStart(0), text(0, 'cakes","minutes":20}'), events.x, messageStop];
    const outcome = outcomeSoFar(
      concat(
        first,
        throwError(() => lost),
      ).pipe(retryResumable({ resume: () => rest }), jsonOutput(Recipe)),
    );
    await vi.waitFor(() => expect(outcome.completed).toBe(true));
    expect(outcome.values).toEqual([snapshots.A, snapshots.C, snapshots.D]);
  });

  it(
    'accepts complete JSON of a reply that stopped at max_tokens',
    marbles((m) => {
      const source = m.cold('-m-[-a-b-c-y-S|', events);
      const result = '       -----A-B-C---(D|)';
      m.expect<unknown>(source.pipe(jsonOutput(Recipe))).toBeObservable(result, snapshots);
    }),
  );

  it.each(['max_tokens', 'model_context_window_exceeded', 'pause_turn'])(
    'errors for JSON that was cut by %s, with the value so far',
    (stopReason) => {
      const all = reply('{"title":"Pan', stopReason);
      const { values, error } = outcomeOf(from(all).pipe(jsonOutput(Recipe)));
      expect(values).toEqual([snapshots.A]);
      expect(error).toBeInstanceOf(InvalidJsonError);
      expect((error as Error).message).toContain(`the reply stopped at ${stopReason}`);
      expect(error).toMatchObject({
        code: 'invalid_json',
        retryable: false,
        stopReason,
        text: '{"title":"Pan',
        value: { title: 'Pan' },
        partial: { id: 'msg_1', stop_reason: stopReason, content: [{ text: '{"title":"Pan' }] },
      });
    },
  );

  it('errors for a refusal, with the reason', () => {
    const all = reply('I cannot help with that.', 'refusal');
    const { values, error } = outcomeOf(from(all).pipe(jsonOutput(Recipe)));
    expect(values).toEqual([]);
    expect(error).toMatchObject({
      code: 'refusal',
      stopReason: 'refusal',
      text: 'I cannot help with that.',
      value: undefined,
    });
    expect((error as Error).message).toContain('the model declined');
  });

  it('errors for a refusal in the middle, with the value so far', () => {
    const { values, error } = outcomeOf(
      from(reply('{"title":"Pan', 'refusal')).pipe(jsonOutput(Recipe)),
    );
    expect(values).toEqual([snapshots.A]);
    expect(error).toMatchObject({ code: 'refusal', value: { title: 'Pan' } });
  });

  it('refuses complete JSON of a reply that ended as a refusal', () => {
    const json = '{"title":"Pan","minutes":1}';
    const { error } = outcomeOf(from(reply(json, 'refusal')).pipe(jsonOutput(Recipe)));
    expect(error).toMatchObject({ code: 'refusal', value: { title: 'Pan', minutes: 1 } });
  });

  it.each([
    ['', 'Unexpected end of the text'],
    ['Here it is: {}', 'Unexpected "H"'],
    ['```json\n{}\n```', 'Unexpected "`"'],
    ['{} That is it.', 'Unexpected "T"'],
    ['{"title":"Pan"', 'Unexpected end of the text'],
    ["{'title':1}", 'Unexpected "\'"'],
  ])('errors for %j, which is not JSON', (json, problem) => {
    const { error } = outcomeOf(from(reply(json)).pipe(jsonOutput(Recipe)));
    expect(error).toBeInstanceOf(InvalidJsonError);
    expect((error as Error).message).toContain(`The JSON of the reply is not valid: ${problem}`);
    expect(error).toMatchObject({ code: 'invalid_json', text: json, partial: { id: 'msg_1' } });
  });

  it('errors for a value that the schema refuses, with the issues and their paths', () => {
    const Nested = z.object({ steps: z.array(z.object({ text: z.string('no text') })) });
    const json = '{"steps":[{"text":"mix"},{}]}';
    const { values, error } = outcomeOf(from(reply(json)).pipe(jsonOutput(Nested)));
    expect(values.at(-1)).toEqual({ status: 'partial', value: JSON.parse(json) });
    expect(error).toBeInstanceOf(InvalidJsonError);
    expect((error as Error).message).toBe(
      'The JSON of the reply is not valid: it does not match the schema: steps.1.text: no text',
    );
    expect(error).toMatchObject({
      code: 'invalid_json',
      text: json,
      value: JSON.parse(json),
      issues: [{ path: ['steps', 1, 'text'], message: 'no text' }],
    });
  });

  it('accepts a schema that checks asynchronously', async () => {
    const { schema, checks } = manualSchema();
    const outcome = outcomeSoFar(from(reply('{"a":1}')).pipe(jsonOutput(schema)));
    expect(outcome).toMatchObject({ values: [{ status: 'partial' }], completed: false });
    expect(checks).toHaveLength(1);
    checks[0]!.accept();
    await turn();
    expect(outcome.values[1]).toEqual({ status: 'complete', value: { a: 1 } });
    expect(outcome.completed).toBe(true);
  });

  it('errors if an asynchronous schema refuses, or fails', async () => {
    const Async = z.object({ a: z.number().refine(async (a) => a > 1, 'too small') });
    const refused = outcomeSoFar(from(reply('{"a":1}')).pipe(jsonOutput(Async)));
    const { schema, checks } = manualSchema();
    const failed = outcomeSoFar(from(reply('{"a":1}')).pipe(jsonOutput(schema)));
    checks[0]!.fail(new RangeError('a bug'));
    await turn();
    expect(refused.error).toBeInstanceOf(InvalidJsonError);
    expect((refused.error as Error).message).toContain('a: too small');
    expect(failed.error).toEqual(new RangeError('a bug'));
  });

  it('leaves no unhandled rejection on unsubscribe during a check', async () => {
    const { schema, checks } = manualSchema();
    const outcome = outcomeSoFar(from(reply('{"a":1}')).pipe(jsonOutput(schema)));
    outcome.unsubscribe();
    expect(await rejectionsDuring(() => checks[0]!.fail(new Error('too late')))).toEqual([]);
    const zod = z.object({ a: z.number().refine(() => Promise.reject(new Error('too late'))) });
    const rejections = await rejectionsDuring(() => {
      outcomeSoFar(from(reply('{"a":1}')).pipe(jsonOutput(zod))).unsubscribe();
    });
    expect(rejections).toEqual([]);
    expect(outcome.values).toHaveLength(1);
  });

  it(
    'errors with code truncated when the source ends before message_stop',
    marbles((m) => {
      const source = m.cold('-m-[-a-b-|', events);
      const result = '       -----A-B-#';
      const error = new MessageStreamError(
        'The stream ended before message_stop: the reply may be cut off; what arrived is in `partial`',
        { code: 'truncated' },
      );
      m.expect<unknown>(source.pipe(jsonOutput(Recipe))).toBeObservable(result, snapshots, error);
    }),
  );

  it(
    'passes an error on, also if the JSON is complete',
    marbles((m) => {
      const source = m.cold('-m-[-a-b-c-#', events, lost);
      const result = '       -----A-B-C-#';
      m.expect<unknown>(source.pipe(jsonOutput(Recipe))).toBeObservable(result, snapshots, lost);
    }),
  );

  it(
    'unsubscribes from the source',
    marbles((m) => {
      const source = m.hot(' -m-[-a-b-c-x-S|', events);
      const unsubscribe = '  -------!';
      const result = '       -----A--';
      m.expect<unknown>(source.pipe(jsonOutput(Recipe)), unsubscribe).toBeObservable(
        result,
        snapshots,
      );
      m.expect(source).toHaveSubscriptions('^------!');
    }),
  );

  it('has separate state for each subscription', () => {
    const twice = from(reply('{"title":"A","minutes":1}')).pipe(jsonOutput(Recipe));
    expect(outcomeOf(twice)).toEqual(outcomeOf(twice));
    expect(outcomeOf(twice).completed).toBe(true);
  });

  it('shares unchanged parts, and mutates no emitted value', () => {
    const source = new Subject<StreamEvent>();
    const values: { readonly a?: readonly object[]; readonly b?: object }[] = [];
    source
      .pipe(jsonOutput(z.any()))
      .subscribe((snapshot) => values.push(deepFreeze(snapshot.value)));
    const feed = (piece: string) => source.next(text(0, piece));
    source.next(events.m);
    feed('{"a":[{"n":1},{"n"');
    feed(':2}],"b":{"c":"x');
    feed('y"}}');
    source.next(events.x);
    source.next(messageStop);
    expect(values).toEqual([
      { a: [{ n: 1 }, {}] },
      { a: [{ n: 1 }, { n: 2 }], b: { c: 'x' } },
      { a: [{ n: 1 }, { n: 2 }], b: { c: 'xy' } },
      { a: [{ n: 1 }, { n: 2 }], b: { c: 'xy' } },
    ]);
    expect(values[1]!.a![0]).toBe(values[0]!.a![0]);
    expect(values[2]!.a).toBe(values[1]!.a);
    expect(values[2]!.b).not.toBe(values[1]!.b);
  });

  it('equals JSON.parse and the schema, for any pieces', () => {
    const json = fc.jsonValue().map((value) => value as JsonValue);
    fc.assert(
      fc.property(json, fc.integer({ min: 1, max: 9 }), (value, chunk) => {
        const all = messageEvents.thinking('Hm.').text(JSON.stringify(value), { chunk });
        const { values, completed, error } = outcomeOf(
          from(deepFreeze([...all])).pipe(jsonOutput(z.unknown())),
        );
        expect(error).toBeUndefined();
        expect(completed).toBe(true);
        const last = values.pop()!;
        const whole: unknown = JSON.parse(JSON.stringify(value));
        expect(last).toStrictEqual({ status: 'complete', value: whole });
        expect(values.every(({ status }) => status === 'partial')).toBe(true);
        // A snapshot is emitted only when it differs.
        values.forEach((snapshot, index) => {
          if (index > 0) expect(snapshot.value).not.toBe(values[index - 1]!.value);
        });
        if (values.length > 0 && typeof value !== 'number') {
          expect(values.at(-1)!.value).toStrictEqual(whole);
        }
      }),
      { numRuns: rounds(500) },
    );
  });

  it('throws at the call for an invalid schema', () => {
    expect(() => jsonOutput({ type: 'object' } as never)).toThrow(
      /^jsonOutput: pass a Standard Schema/,
    );
    expect(() => NEVER.pipe(jsonOutput(undefined as never))).toThrow(TypeError);
  });
});
