import { InvalidJsonError, MessageStreamError, type StreamEvent } from 'claude-rx';
import { retryResumable } from 'claude-rx/operators/retryResumable';
import { type ToolInput, toolInput } from 'claude-rx/operators/toolInput';
import { toolUses } from 'claude-rx/operators/toolUses';
import { messageEvents } from 'claude-rx/testing';
import fc from 'fast-check';
import { concat, from, Subject, throwError } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { deepFreeze } from '../support/deepFreeze.ts';
import { drawn } from '../diagrams/drawn.ts';
import { marbles } from '../support/marbles.ts';
import {
  call,
  callStart,
  json,
  messageDelta,
  messageStart,
  messageStop,
  outcomeOf,
  ping,
  reply,
  resume,
  start,
  stop,
  text,
  textStart,
  thinkingStart,
} from './events.ts';
import { manualSchema, outcomeSoFar, rejectionsDuring, turn } from './schemas.ts';
import { rounds } from '../support/rounds.ts';

const Weather = z.object({ city: z.string(), days: z.number().default(1) });

const fallback = start(1, {
  type: 'fallback',
  from: { model: 'claude-fable-5' },
  to: { model: 'claude-opus-4-8' },
});
const events = {
  m: messageStart(),
  p: ping,
  '{': callStart(0),
  a: json(0, '{"city":"Par'),
  b: json(0, 'is"}'),
  e: json(0, ''),
  '}': stop(0),
  t: textStart(1, 'And'),
  '<': callStart(1),
  c: json(1, '{"city":"Rome"'),
  d: json(1, '}'),
  '>': stop(1),
  i: json(1, '{city'),
  F: fallback,
  x: messageDelta('tool_use'),
  y: messageDelta('max_tokens'),
  q: resume(0),
  r: resume(1),
  S: messageStop,
};

type State = Pick<ToolInput<object>, 'id' | 'name' | 'status'> & { value: unknown };
const state = (id: string, status: State['status'], value?: unknown): State => ({
  id,
  name: 'get_weather',
  status,
  value,
});
const states = {
  s: state('toolu_0', 'streaming'),
  A: state('toolu_0', 'streaming', { city: 'Par' }),
  B: state('toolu_0', 'streaming', { city: 'Paris' }),
  C: state('toolu_0', 'complete', { city: 'Paris', days: 1 }),
  W: state('toolu_0', 'withdrawn'),
  z: state('toolu_1', 'streaming'),
  X: state('toolu_1', 'streaming', { city: 'Rome' }),
  Y: state('toolu_1', 'complete', { city: 'Rome', days: 1 }),
  V: state('toolu_1', 'withdrawn'),
};
const lost = new MessageStreamError('lost', { code: 'connection' });

/** The values with the message in place of the error. */
const plain = (values: ToolInput[]): object[] =>
  values.map((value) =>
    'error' in value ? { ...value, error: value.error.message.replace(/^.*?\) /, '') } : value,
  );

describe('toolInput', () => {
  it(
    'emits the input so far, then the complete, validated input',
    drawn(
      'toolInput',
      marbles((m) => {
        const source = m.cold('--{--a--b--}--x--S|', events);
        const result = '       --s--A--B-----C---|';
        m.expect<unknown>(source.pipe(toolInput('get_weather', Weather))).toBeObservable(
          result,
          states,
        );
        m.expect(source).toHaveSubscriptions('^-----------------!');
      }),
      { title: `toolInput('get_weather', Weather)` },
    ),
  );

  it(
    'completes a call at the next block, not at its own end',
    marbles((m) => {
      const source = m.cold('-m-{-a-b-}-t-x-S|', events);
      const result = '       ---s-A-B---C----|';
      m.expect<unknown>(source.pipe(toolInput('get_weather', Weather))).toBeObservable(
        result,
        states,
      );
    }),
  );

  it(
    'separates several calls of the tool',
    marbles((m) => {
      const source = m.cold('-m-{-a-b-}-<----c-d->-x-S|', events);
      const result = '       ---s-A-B---(Cz)-X-----Y--|';
      const inputs = source.pipe(toolInput('get_weather', Weather));
      m.expect<unknown>(inputs).toBeObservable(result, states);
    }),
  );

  it(
    'needs neither message_start nor content_block_stop with the stop reason tool_use',
    marbles((m) => {
      const source = m.cold('{-a-b-<-c-d-x---|', events);
      const result = '       s-A-B-z-X---(CY)|';
      const inputs = source.pipe(toolInput('get_weather', Weather));
      m.expect<unknown>(inputs).toBeObservable(result, states);
    }),
  );

  it(
    'emits nothing if nothing has changed',
    marbles((m) => {
      const source = m.cold('-m-p-{-e-p-m-a-e-b-}-p-x-x-S|', events);
      const result = '       -----s-------A---B-----C----|';
      m.expect<unknown>(source.pipe(toolInput('get_weather', Weather))).toBeObservable(
        result,
        states,
      );
    }),
  );

  it('ignores calls of other tools and of server tools', () => {
    const other = { type: 'tool_use', id: 'a', name: 'get_time', input: {} };
    const all = [
      events.m,
      thinkingStart(0, '{}'),
      start(1, other),
      json(1, '{"city":"Oslo"}'),
      stop(1),
      callStart(2, 'server_tool_use'),
      json(2, '{"city":"Bonn"}'),
      callStart(3, 'mcp_tool_use'),
      textStart(4, '{"city":"Nice"}'),
      text(4, '{}'),
      messageDelta('tool_use'),
      messageStop,
    ];
    const outcome = outcomeOf(from(all).pipe(toolInput('get_weather', Weather)));
    expect(outcome).toEqual({ values: [], completed: true });
  });

  it('emits the input {} for a call without arguments', () => {
    const all = messageEvents.toolUse('get_weather').toolUse('get_weather', {});
    const { values } = outcomeOf(from(all).pipe(toolInput('get_weather', z.object({}))));
    expect(values).toEqual([
      states.s,
      state('toolu_0', 'complete', {}),
      states.z,
      state('toolu_1', 'complete', {}),
    ]);
  });

  it('takes a complete input in content_block_start', () => {
    const whole = { type: 'tool_use', id: 'a', name: 'get_weather', input: { city: 'Rome' } };
    const all = [events.m, start(0, whole), stop(0), events.x, messageStop];
    const { values } = outcomeOf(from(all).pipe(toolInput('get_weather', Weather)));
    expect(values).toEqual([
      state('a', 'streaming', { city: 'Rome' }),
      state('a', 'complete', { city: 'Rome', days: 1 }),
    ]);
  });

  it('emits invalid for inputs that are not objects', () => {
    const all = [events.m, ...call(0, '[1, "a"]'), ...call(1, '12'), events.x, messageStop];
    const { values } = outcomeOf(from(all).pipe(toolInput('get_weather')));
    expect(plain(values.filter(({ status }) => status !== 'streaming'))).toEqual([
      { ...state('toolu_0', 'invalid', [1, 'a']), error: 'is a list, not an object' },
      { ...state('toolu_1', 'invalid'), error: 'is a number, not an object' },
    ]);
  });

  it.each([
    ['max_tokens', 'invalid_json', 'the reply stopped at max_tokens'],
    ['model_context_window_exceeded', 'invalid_json', 'stopped at model_context_window_exceeded'],
    ['refusal', 'refusal', 'the model declined'],
    ['end_turn', 'invalid_json', 'the reply stopped at end_turn'],
    ['pause_turn', 'invalid_json', 'the reply stopped at pause_turn'],
    ['new_one', 'invalid_json', 'the reply stopped at new_one'],
  ])('emits invalid for a last call with the stop reason %s', (stopReason, code, problem) => {
    const cut = '{"city":"Rome","days":';
    const all = [
      events.m,
      ...call(0, '{"city":"Paris"}'),
      ...call(1, cut),
      messageDelta(stopReason),
      messageStop,
    ];
    const { values, completed } = outcomeOf(from(all).pipe(toolInput('get_weather', Weather)));
    expect(completed).toBe(true);
    expect(values.slice(0, -1)).toEqual([states.s, states.B, states.C, states.z, states.X]);
    const last = values.at(-1)!;
    expect(last).toMatchObject(state('toolu_1', 'invalid', { city: 'Rome' }));
    const { error } = last as { error: InvalidJsonError };
    expect(error).toBeInstanceOf(InvalidJsonError);
    expect(error).toMatchObject({
      code,
      retryable: false,
      stopReason,
      text: cut,
      value: { city: 'Rome' },
      partial: { id: 'msg_1', stop_reason: stopReason },
    });
    expect(error.message).toContain('The input of the call of get_weather (toolu_1) may be cut: ');
    expect(error.message).toContain(problem);
  });

  it('does not complete a last call that is valid JSON if the reply was cut off', () => {
    const all = [events.m, ...call(0, '{"city":"/"}'), messageDelta('max_tokens'), messageStop];
    const { values } = outcomeOf(from(all).pipe(toolInput('get_weather', Weather)));
    expect(plain(values).at(-1)).toEqual({
      ...state('toolu_0', 'invalid', { city: '/' }),
      error: 'may be cut: the reply stopped at max_tokens',
    });
  });

  it('emits invalid for a call without a stop reason, or without an end', () => {
    const begin = [events.m, ...call(0, '{"city":"Paris"}')];
    const stopped = outcomeOf(
      from([...begin, messageStop]).pipe(toolInput('get_weather', Weather)),
    );
    expect(plain(stopped.values).at(-1)).toEqual({
      ...state('toolu_0', 'invalid', { city: 'Paris' }),
      error: 'may be cut: the reply has no stop reason',
    });
    const truncated = outcomeOf(from(begin).pipe(toolInput('get_weather', Weather)));
    expect(truncated.completed).toBe(true);
    expect(plain(truncated.values).at(-1)).toEqual({
      ...state('toolu_0', 'invalid', { city: 'Paris' }),
      error: 'may be cut: the stream ended before message_stop',
    });
  });

  it('continues the other calls if one of three is not JSON', () => {
    const all = [
      events.m,
      ...call(0, '{"city":"Paris"}'),
      ...call(1, '{"city":"Ro", days: 3}'),
      ...call(2, '{"city":"Bonn"}'),
      events.x,
      messageStop,
    ];
    const { values, completed } = outcomeOf(from(all).pipe(toolInput('get_weather', Weather)));
    expect(completed).toBe(true);
    const ended = values.filter(({ status }) => status !== 'streaming');
    expect(plain(ended)).toEqual([
      states.C,
      {
        ...state('toolu_1', 'invalid', { city: 'Ro' }),
        error: expect.stringMatching(/^is not valid JSON: Unexpected "d" .* line 1, column 15/),
      },
      state('toolu_2', 'complete', { city: 'Bonn', days: 1 }),
    ]);
    const { error } = ended[1] as { error: InvalidJsonError };
    expect(error).toMatchObject({ code: 'invalid_json', text: '{"city":"Ro", days: 3}' });
    expect(error).not.toHaveProperty('stopReason');
    expect(error.cause).toBeInstanceOf(SyntaxError);
  });

  it('emits invalid for a call that fails the schema, with the issues and their paths', () => {
    const Trip = z.object({ stops: z.array(z.object({ city: z.string('no text') })) });
    const input = '{"stops": [{"city": "Rome"}, {"city": 5}]}';
    const all = [events.m, ...call(0, input), events.x, messageStop];
    const { values, completed } = outcomeOf(from(all).pipe(toolInput('get_weather', Trip)));
    expect(completed).toBe(true);
    expect(plain(values).at(-1)).toEqual({
      ...state('toolu_0', 'invalid', JSON.parse(input)),
      error: 'does not match the schema: stops.1.city: no text',
    });
    const { error } = values.at(-1) as { error: InvalidJsonError };
    expect(error).toMatchObject({
      code: 'invalid_json',
      text: input,
      value: JSON.parse(input) as unknown,
      issues: [{ path: ['stops', 1, 'city'], message: 'no text' }],
      partial: { stop_reason: 'tool_use' },
    });
  });

  it(
    'errors for the first invalid call with `invalid: throw`',
    marbles((m) => {
      const source = m.cold('-m-{-a-b-}-<----i->-x-S|', events);
      const result = '       ---s-A-B---(Cz)-E---#';
      const error = new InvalidJsonError(
        'The input of the call of get_weather (toolu_1) is not valid JSON: Unexpected "c" where a' +
          ' key in double quotes or "}" was expected at line 1, column 2 of the JSON: "{c"',
        { text: '', value: undefined },
      );
      const throwing = toolInput('get_weather', { schema: Weather, invalid: 'throw' });
      const values = { ...states, E: state('toolu_1', 'streaming', {}) };
      m.expect<unknown>(source.pipe(throwing)).toBeObservable(result, values, error);
      m.expect(source).toHaveSubscriptions('^-------------------!');
    }),
  );

  it('errors for a call that fails the schema or is cut off with `invalid: throw`', () => {
    const throwing = toolInput('get_weather', { schema: Weather, invalid: 'throw' });
    const refused = outcomeOf(from([events.m, ...call(0, '{}'), events.x]).pipe(throwing));
    expect(refused.error).toMatchObject({ code: 'invalid_json', value: {} });
    const cut = outcomeOf(from([events.m, ...call(0, '{}'), events.y]).pipe(throwing));
    expect(cut.error).toMatchObject({ stopReason: 'max_tokens' });
    const ended = outcomeOf(from([events.m, ...call(0, '{}')]).pipe(throwing));
    expect((ended.error as Error).message).toContain('the stream ended before message_stop');
  });

  it(
    'withdraws the call before a fallback',
    marbles((m) => {
      const source = m.cold('-m-{-a-}-F-x-S|', events);
      const result = '       ---s-A---W----|';
      m.expect<unknown>(source.pipe(toolInput('get_weather', Weather))).toBeObservable(
        result,
        states,
      );
    }),
  );

  it(
    'withdraws with a resume event what it does not keep, also a complete call',
    marbles((m) => {
      const source = m.cold('-m-{-a-b-}-t-q-{-a-b-}-x-S|', events);
      const result = '       ---s-A-B---C-W-s-A-B---C--|';
      m.expect<unknown>(source.pipe(toolInput('get_weather', Weather))).toBeObservable(
        result,
        states,
      );
    }),
  );

  it('withdraws the call that retryResumable requests again', async () => {
    const first = from([events.m, ...call(0, '{"city":"Pa')]);
    const second = [events.m, ...call(0, '{"city":"Rome"}'), events.x, messageStop];
    const outcome = outcomeSoFar(
      concat(
        first,
        throwError(() => lost),
      ).pipe(retryResumable({ resume: () => second }), toolInput('get_weather', Weather)),
    );
    await vi.waitFor(() => expect(outcome.completed).toBe(true));
    expect(outcome.values.map(({ status, value }) => [status, value])).toEqual([
      ['streaming', undefined],
      ['streaming', { city: 'Pa' }],
      ['withdrawn', undefined],
      ['streaming', undefined],
      ['streaming', { city: 'Rome' }],
      ['complete', { city: 'Rome', days: 1 }],
    ]);
  });

  it(
    'withdraws an invalid call, and an unfinished call',
    marbles((m) => {
      const source = m.cold('-m-{-a-q-{-a-b-}-x-S|', events);
      const result = '       ---s-A-W-s-A-B---C--|';
      m.expect<unknown>(source.pipe(toolInput('get_weather', Weather))).toBeObservable(
        result,
        states,
      );
      const all = [events.m, ...call(0, '{'), events.y, events.q, messageStop];
      const { values } = outcomeOf(from(all).pipe(toolInput('get_weather', Weather)));
      expect(values.map(({ status }) => status)).toEqual([
        'streaming',
        'streaming',
        'invalid',
        'withdrawn',
      ]);
    }),
  );

  it(
    'keeps what a resume keeps',
    marbles((m) => {
      const source = m.cold('-m-{-a-b-}-t-<-r-x-S|', { ...events, '<': callStart(2) });
      const result = '       ---s-A-B---C-z-V----|';
      m.expect<unknown>(source.pipe(toolInput('get_weather', Weather))).toBeObservable(result, {
        ...states,
        z: state('toolu_2', 'streaming'),
        V: state('toolu_2', 'withdrawn'),
      });
    }),
  );

  it(
    'passes an error on at once, and does not end the unfinished call',
    marbles((m) => {
      const source = m.cold('-m-{-a-#', events, lost);
      const result = '       ---s-A-#';
      m.expect<unknown>(source.pipe(toolInput('get_weather', Weather))).toBeObservable(
        result,
        states,
        lost,
      );
    }),
  );

  it(
    'unsubscribes from the source',
    marbles((m) => {
      const source = m.hot(' -m-{-a-b-}-x-S|', events);
      const unsubscribe = '  ------!';
      const result = '       ---s-A-';
      m.expect<unknown>(source.pipe(toolInput('get_weather', Weather)), unsubscribe).toBeObservable(
        result,
        states,
      );
      m.expect(source).toHaveSubscriptions('^-----!');
    }),
  );

  it('follows the calls of several messages', () => {
    const all = [
      events.m,
      ...call(0, '{"city":"Paris"}'),
      events.x,
      messageStop,
      messageStart('msg_2'),
      ...call(0, '{"city":"Par'),
      events.y,
      messageStop,
    ];
    const { values } = outcomeOf(from(all).pipe(toolInput('get_weather', Weather)));
    expect(plain(values)).toEqual([
      states.s,
      states.B,
      states.C,
      states.s,
      states.A,
      { ...states.A, status: 'invalid', error: 'may be cut: the reply stopped at max_tokens' },
    ]);
    expect((values.at(-1) as { error: InvalidJsonError }).error.partial?.id).toBe('msg_2');
  });

  it('keeps the order of calls that are validated asynchronously', async () => {
    const { schema, checks } = manualSchema<{ n: number }>();
    const all = [events.m, ...call(0, '{"n":0}'), ...call(1, '{"n":1}'), events.x, messageStop];
    const outcome = outcomeSoFar(from(all).pipe(toolInput('get_weather', schema)));
    const first = [states.s, state('toolu_0', 'streaming', { n: 0 })];
    expect(outcome.values).toEqual(first);
    expect(checks).toHaveLength(1);
    checks[0]!.accept();
    await turn();
    expect(outcome.values).toEqual([
      ...first,
      state('toolu_0', 'complete', { n: 0 }),
      // The snapshots that had to wait have become one.
      state('toolu_1', 'streaming', { n: 1 }),
    ]);
    expect(outcome.completed).toBe(false);
    checks[1]!.refuse('no good');
    await turn();
    expect(plain(outcome.values).at(-1)).toEqual({
      ...state('toolu_1', 'invalid', { n: 1 }),
      error: 'does not match the schema: no good',
    });
    expect(outcome.completed).toBe(true);
  });

  it('withdraws a call that is being validated, after its validation', async () => {
    const { schema, checks } = manualSchema();
    const all = [events.m, ...call(0, '{}'), events.t, events.q, ...call(0, '{}'), events.y];
    const outcome = outcomeSoFar(from(all).pipe(toolInput('get_weather', schema)));
    checks[0]!.accept();
    await turn();
    expect(outcome.values.map(({ status }) => status)).toEqual([
      'streaming',
      'streaming',
      'complete',
      'withdrawn',
      'streaming',
      'invalid',
    ]);
  });

  it('drops calls that are being validated when the source errors', async () => {
    const { schema, checks } = manualSchema();
    const source = new Subject<StreamEvent>();
    const outcome = outcomeSoFar(source.pipe(toolInput('get_weather', schema)));
    for (const event of [events.m, ...call(0, '{}'), events.t]) source.next(event);
    source.error(lost);
    expect(outcome.error).toBe(lost);
    expect(await rejectionsDuring(() => checks[0]!.fail(new Error('too late')))).toEqual([]);
    expect(outcome.values.map(({ status }) => status)).toEqual(['streaming', 'streaming']);
  });

  it('leaves no rejection behind when it is unsubscribed', async () => {
    const { schema, checks } = manualSchema();
    const all = [events.m, ...call(0, '{}'), events.x];
    const outcome = outcomeSoFar(from(all).pipe(toolInput('get_weather', schema)));
    outcome.unsubscribe();
    expect(await rejectionsDuring(() => checks[0]!.fail(new Error('too late')))).toEqual([]);
    const zod = z.unknown().refine(() => Promise.reject(new Error('too late')));
    const rejections = await rejectionsDuring(() => {
      outcomeSoFar(from(all).pipe(toolInput('get_weather', zod))).unsubscribe();
    });
    expect(rejections).toEqual([]);
  });

  it('passes on an error that a schema throws, synchronously or later', async () => {
    const bug = new RangeError('a bug');
    const throwing = z.unknown().transform((): string => {
      throw bug;
    });
    const all = [events.m, ...call(0, '{}'), events.x];
    expect(outcomeOf(from(all).pipe(toolInput('get_weather', throwing))).error).toBe(bug);
    const rejecting = z.unknown().refine(() => Promise.reject(bug));
    const outcome = outcomeSoFar(from(all).pipe(toolInput('get_weather', rejecting)));
    await turn();
    expect(outcome.error).toBe(bug);
  });

  it('has separate state for each subscription', () => {
    const twice = from([events.m, ...call(0, '{"a":1}'), events.x]).pipe(toolInput('get_weather'));
    expect(outcomeOf(twice).values).toHaveLength(3);
    expect(outcomeOf(twice).values).toHaveLength(3);
  });

  it('shares unchanged parts, and never changes an emitted value', () => {
    const input = { list: [{ n: 1 }, { n: 2 }], text: 'a longer text', more: { x: true } };
    const all = messageEvents.toolUse('get_weather', input, { chunk: 3 });
    const values: { list?: object[]; more?: object }[] = [];
    from(all)
      .pipe(toolInput('get_weather', z.any()))
      .subscribe(({ value }) => values.push(deepFreeze(value ?? {})));
    expect(values.at(-1)).toEqual(input);
    expect(values.at(-2)!.list).toBe(values.at(-3)!.list);
    expect(values.at(-1)!.list![0]).toBe(values.at(-4)!.list![0]);
  });

  it('completes exactly the calls that toolUses emits, whatever the reply', () => {
    const inputText = fc.oneof(
      fc.jsonValue().map((value) => JSON.stringify(value)),
      fc.constantFrom('', '{', '{a:1}', '{"a":1}}', '{"a":', ' {} '),
    );
    const block = fc.oneof(
      inputText.map((written) => ({ written })),
      fc.constantFrom('text' as const, 'fallback' as const),
    );
    const attempt = fc.record({
      blocks: fc.array(block, { maxLength: 4 }),
      stopReason: fc.constantFrom('tool_use', 'max_tokens', 'refusal', 'pause_turn'),
    });
    const eventsOf = ({ blocks }: { blocks: (string | { written: string })[] }, first: number) =>
      blocks.flatMap((one, offset) => {
        const index = first + offset;
        if (one === 'text') return [textStart(index, 'So'), stop(index)];
        if (typeof one === 'string') return [start(index, { type: one }), stop(index)];
        return [
          callStart(index),
          ...[...one.written].map((piece) => json(index, piece)),
          stop(index),
        ];
      });
    fc.assert(
      fc.property(attempt, fc.option(fc.nat(4)), attempt, (before, keep, after) => {
        const all = [
          events.m,
          ...eventsOf(before, 0),
          messageDelta(before.stopReason),
          ...(keep === null
            ? []
            : [
                resume(Math.min(keep, before.blocks.length)),
                ...eventsOf(after, Math.min(keep, before.blocks.length)),
                messageDelta(after.stopReason),
              ]),
          messageStop,
        ];
        const inputs = outcomeOf(from(all).pipe(toolInput('get_weather')));
        const uses = outcomeOf(from(all).pipe(toolUses()));
        expect(inputs.completed).toBe(true);
        expect(
          inputs.values
            .filter(({ status }) => status === 'complete')
            .map(({ id, value }) => ({ id, input: value })),
        ).toStrictEqual(uses.values.map(({ id, input }) => ({ id, input })));
        // And those whose input is not JSON of an object are what it errors for.
        const last = new Map(inputs.values.map((one) => [one.id, one]));
        const malformed = [...last.values()]
          .toSorted((one, other) => one.id.localeCompare(other.id))
          .find((one) => one.status === 'invalid' && !one.error.message.includes('may be cut'));
        expect((uses.error as Error | undefined)?.message).toBe(
          malformed && (malformed as { error: Error }).error.message,
        );
      }),
      { numRuns: rounds(1_000) },
    );
  });

  it('never throws, whatever the reply', () => {
    fc.assert(
      fc.property(reply, fc.nat(), fc.option(fc.nat(4)), (all, cut, keep) => {
        const kept = all.slice(0, cut % (all.length + 1));
        const source = from([...kept, ...(keep === null ? [] : [resume(keep)]), ...all.slice(1)]);
        const { values, completed } = outcomeOf(source.pipe(toolInput('get_weather')));
        expect(completed).toBe(true);
        const open = new Set<string>();
        for (const { id, status } of values) {
          if (status === 'streaming') open.add(id);
          else open.delete(id);
        }
        expect([...open]).toEqual([]);
      }),
    );
  });

  it('throws for invalid arguments, when called', () => {
    expect(() => toolInput('')).toThrow(
      'toolInput: pass the name of a tool, a string that is not empty',
    );
    expect(() => toolInput(undefined as never)).toThrow(TypeError);
    for (const schema of [null, 5, 'text', { type: 'object' }, { schema: { type: 'object' } }]) {
      expect(() => toolInput('a', schema as never)).toThrow(/^toolInput: pass a Standard Schema/);
    }
    expect(() => toolInput('a', { schema: null as never })).toThrow(/pass a Standard Schema/);
    expect(() => toolInput('a', { invalid: 'ignore' as never })).toThrow(
      "toolInput: `invalid` must be 'emit' or 'throw', not 'ignore'",
    );
  });
});
