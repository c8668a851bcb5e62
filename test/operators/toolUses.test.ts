import {
  InvalidJsonError,
  MessageBuilder,
  MessageStreamError,
  type StreamEvent,
  unfinishedInput,
} from 'claude-rx';
import { toolUses } from 'claude-rx/operators/toolUses';
import fc from 'fast-check';
import { EMPTY, from, map, of, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { drawn } from '../diagrams/drawn.ts';
import { marbles } from '../support/marbles.ts';
import {
  call,
  callBlock,
  callStart,
  delta,
  json,
  messageDelta,
  messageStart,
  messageStop,
  outcomeOf,
  raw,
  reply,
  resume,
  start,
  stop,
  text,
  textStart,
} from './events.ts';
import { manualSchema, outcomeSoFar, rejectionsDuring, turn } from './schemas.ts';

const events = {
  m: messageStart(),
  '[': callStart(0),
  a: json(0, '{"city":"Rome"}'),
  i: json(0, '{city: Rome}'),
  ']': stop(0),
  '{': callStart(1),
  b: json(1, '{"city":"Paris"}'),
  c: json(1, '{"city":"Par'),
  '}': stop(1),
  t: textStart(1, 'Let me see.'),
  x: messageDelta('tool_use'),
  y: messageDelta('max_tokens'),
  F: start(1, {
    type: 'fallback',
    from: { model: 'claude-fable-5' },
    to: { model: 'claude-opus-4-8' },
    trigger: { type: 'refusal', category: null },
  }),
  S: messageStop,
};
const calls = { A: callBlock(0, { city: 'Rome' }), B: callBlock(1, { city: 'Paris' }) };

const invalid = (id: string, problem: string) =>
  new InvalidJsonError(`The input of the call of get_weather (${id}) ${problem}`, {
    text: '',
    value: undefined,
  });
const notJson =
  'is not valid JSON: Unexpected "c" where a key in double quotes or "}" was expected' +
  ' at line 1, column 2 of the JSON: "{c"';

describe('toolUses', () => {
  it(
    'emits a call when the next block or the stop reason shows that it is complete',
    drawn(
      'toolUses',
      marbles((m) => {
        const source = m.cold('--m--[--a--]--{--b--}--x--S|', events);
        const result = '       --------------A--------B---|';
        m.expect<unknown>(source.pipe(toolUses())).toBeObservable(result, calls);
        m.expect(source).toHaveSubscriptions('^--------------------------!');
      }),
    ),
  );

  it(
    'does not emit a last call that was cut off',
    drawn(
      'toolUses-cut',
      marbles((m) => {
        const source = m.cold('--m--[--a--]--{--b--}--y--S|', events);
        const result = '       --------------A------------|';
        m.expect<unknown>(source.pipe(toolUses())).toBeObservable(result, calls);
      }),
      { title: 'toolUses()' },
    ),
  );

  it.each(['max_tokens', 'refusal', 'model_context_window_exceeded', 'pause_turn', 'compaction'])(
    'does not emit a last call with the stop reason %s, also if it is valid JSON',
    (stopReason) => {
      const all = [
        messageStart(),
        ...call(0, '{"path":"/"}'),
        messageDelta(stopReason),
        messageStop,
      ];
      expect(outcomeOf(from(all).pipe(toolUses()))).toEqual({ values: [], completed: true });
    },
  );

  describe.each(['end_turn', 'stop_sequence', 'new_one', null])(
    'with the stop reason %s',
    (reason) => {
      const all = [messageStart(), ...call(0, '{"path":"/"}'), messageDelta(reason), messageStop];

      it('errors for a complete last call, and names the stop reason', () => {
        const { values, error } = outcomeOf(from(all).pipe(toolUses()));
        expect(values).toEqual([]);
        expect(error).toMatchObject({
          code: 'protocol',
          partial: { content: [{ id: 'toolu_0' }] },
        });
        expect((error as Error).message).toContain(reason ?? 'no stop reason');
        expect((error as Error).message).toContain('get_weather (toolu_0)');
      });

      it('emits it with the option `stopReasons`', () => {
        const outcome = outcomeOf(from(all).pipe(toolUses(undefined, { stopReasons: [reason] })));
        expect(outcome).toEqual({ values: [callBlock(0, { path: '/' })], completed: true });
      });

      it('completes if all calls were complete before', () => {
        const more = [...all.slice(0, -2), textStart(1), stop(1), ...all.slice(-2)];
        expect(outcomeOf(from(more).pipe(toolUses())).completed).toBe(true);
      });
    },
  );

  it('refuses stop reasons after which a call may be incomplete', () => {
    for (const stopReasons of [['max_tokens'], ['refusal'], ['pause_turn'], [5], 'end_turn']) {
      expect(() => toolUses(undefined, { stopReasons: stopReasons as never })).toThrow(TypeError);
    }
  });

  it(
    'emits a call when any block follows, such as text',
    marbles((m) => {
      const source = m.cold('-m-[-a-]-t-}-y-S|', events);
      const result = '       ---------A------|';
      m.expect<unknown>(source.pipe(toolUses())).toBeObservable(result, calls);
    }),
  );

  it(
    'needs no content_block_stop with the stop reason tool_use',
    marbles((m) => {
      const source = m.cold('-m-[-a-{-b-x----S|', events);
      const result = '       -----------(AB)--|';
      m.expect<unknown>(source.pipe(toolUses())).toBeObservable(result, calls);
    }),
  );

  it('emits a call without parameters, whose text is empty', () => {
    const all = [messageStart(), ...call(0, ''), messageDelta('tool_use'), messageStop];
    expect(outcomeOf(from(all).pipe(toolUses())).values).toStrictEqual([callBlock(0, {})]);
  });

  it('emits a call whose input is in content_block_start', () => {
    const whole = start(0, callBlock(0, { city: 'Rome' }));
    const all = [messageStart(), whole, stop(0), messageDelta('tool_use'), messageStop];
    expect(outcomeOf(from(all).pipe(toolUses())).values).toStrictEqual([calls.A]);
  });

  it(
    'discards the call before a fallback, and emits those of the next model',
    marbles((m) => {
      const source = m.cold('-m-[-a-]-F-}-{-b-}-x-S|', events);
      const result = '       -------------------B--|';
      m.expect<unknown>(source.pipe(toolUses())).toBeObservable(result, calls);
    }),
  );

  it(
    'discards a call before a fallback that is not JSON, without an error',
    marbles((m) => {
      const source = m.cold('-m-[-i-]-F-}-t-x-S|', { ...events, t: textStart(2, 'Sure.') });
      const result = '       ------------------|';
      m.expect<unknown>(source.pipe(toolUses())).toBeObservable(result);
    }),
  );

  it('emits no calls of server tools', () => {
    const all = [
      messageStart(),
      callStart(0, 'server_tool_use'),
      json(0, '{"query":"rxjs"}'),
      stop(0),
      callStart(1, 'mcp_tool_use'),
      stop(1),
      ...call(2, '{}'),
      messageDelta('tool_use'),
      messageStop,
    ];
    expect(outcomeOf(from(all).pipe(toolUses())).values).toStrictEqual([callBlock(2, {})]);
  });

  it(
    'emits the valid calls, then errors for a complete call that is not JSON',
    marbles((m) => {
      const source = m.cold('-m-[-i-]-{-b-}-x-S|', events);
      const result = '       ---------------B--#';
      const error = invalid('toolu_0', notJson);
      m.expect<unknown>(source.pipe(toolUses())).toBeObservable(result, calls, error);
      m.expect(source).toHaveSubscriptions('^-----------------!');
    }),
  );

  it('has the code, the raw text, the message and the parsed part in the error', () => {
    const input = `{"city":"Rome","text": '${'x'.repeat(200)}'}`;
    const all = [events.m, ...call(0, input), ...call(1, '{}'), events.x, messageStop];
    const { values, error } = outcomeOf(from(all).pipe(toolUses()));
    expect(values).toHaveLength(1);
    expect(error).toBeInstanceOf(InvalidJsonError);
    expect(error).toBeInstanceOf(MessageStreamError);
    const { message, partial, cause } = error as InvalidJsonError;
    expect(error).toMatchObject({ code: 'invalid_json', retryable: false, text: input });
    expect(error).toMatchObject({ value: { city: 'Rome' } });
    expect(message).toMatch(/get_weather \(toolu_0\) .*line 1, column 24/);
    expect(message.length).toBeLessThan(200);
    expect(cause).toBeInstanceOf(SyntaxError);
    expect(partial?.stop_reason).toBe('tool_use');
    expect(partial?.content).toMatchObject([{ [unfinishedInput]: input }, { input: {} }]);
  });

  it('names an invalid call of an earlier message, with that message', () => {
    const all = [
      events.m,
      ...call(0, '[1}'),
      events.x,
      messageStop,
      messageStart('msg_2'),
      ...call(0, '{}'),
      events.x,
      messageStop,
    ];
    const { values, error } = outcomeOf(from(all).pipe(toolUses()));
    expect(values).toHaveLength(1);
    expect((error as InvalidJsonError).text).toBe('[1}');
    expect((error as MessageStreamError).partial?.id).toBe('msg_1');
  });

  it(
    'passes an error on, and emits no incomplete call',
    marbles((m) => {
      const source = m.cold('-m-[-a-]-{-b-}-#', events, new Error('lost'));
      const result = '       ---------A-----#';
      m.expect<unknown>(source.pipe(toolUses())).toBeObservable(result, calls, new Error('lost'));
    }),
  );

  it(
    'emits no incomplete call when the source completes',
    marbles((m) => {
      const source = m.cold('-m-[-a-]-{-b-}-|', events);
      const result = '       ---------A-----|';
      m.expect<unknown>(source.pipe(toolUses())).toBeObservable(result, calls);
    }),
  );

  it(
    'errors for an invalid call also if message_stop is missing',
    marbles((m) => {
      const source = m.cold('-m-[-i-]-t-|', events);
      const result = '       -----------#';
      const error = invalid('toolu_0', notJson);
      m.expect<unknown>(source.pipe(toolUses())).toBeObservable(result, calls, error);
    }),
  );

  it(
    'unsubscribes from the source',
    marbles((m) => {
      const source = m.hot(' -m-[-a-]-{-b-}-x-S|', events);
      const unsubscribe = '  -----------!';
      const result = '       ---------A--';
      m.expect<unknown>(source.pipe(toolUses()), unsubscribe).toBeObservable(result, calls);
      m.expect(source).toHaveSubscriptions('^----------!');
    }),
  );

  it('has separate state for each subscription', () => {
    const once = from([events.m, ...call(0, '{}'), callStart(1)]).pipe(toolUses());
    expect(outcomeOf(once).values).toEqual([callBlock(0, {})]);
    expect(outcomeOf(once).values).toEqual([callBlock(0, {})]);
  });

  it(
    'withdraws calls that were not emitted with a resume event',
    marbles((m) => {
      const source = m.cold('-m-[-a-]-{-b-}-r-{-b-}-x-S|', { ...events, r: resume(1) });
      const result = '       ---------A-------------B--|';
      m.expect<unknown>(source.pipe(toolUses())).toBeObservable(result, calls);
    }),
  );

  it(
    'forgets an invalid call that a resume withdraws',
    marbles((m) => {
      const source = m.cold('-m-[-i-]-t-r-[-a-]-x-S|', { ...events, r: resume(0) });
      const result = '       -------------------A--|';
      m.expect<unknown>(source.pipe(toolUses())).toBeObservable(result, calls);
    }),
  );

  it(
    'ignores a stop reason before a resume event',
    marbles((m) => {
      const source = m.cold('-m-[-a-]-x-r-[-a-]-y-S|', { ...events, r: resume(0) });
      const result = '       ---------A------------|';
      m.expect<unknown>(source.pipe(toolUses())).toBeObservable(result, calls);
    }),
  );

  it(
    'emits nothing twice for a repeated message_start',
    marbles((m) => {
      const source = m.cold('-m-m-[-m-a-]-m-{-b-}-m-x-S|', events);
      const result = '       ---------------A-------B--|';
      m.expect<unknown>(source.pipe(toolUses())).toBeObservable(result, calls);
    }),
  );

  it('ignores events of unknown and incomplete shape', () => {
    const odd = [
      raw({ type: 'message_delta' }),
      raw({ type: 'content_block_start', index: 0 }),
      raw({ type: 'content_block_delta', index: 0 }),
      delta(0, { type: 'other_delta' }),
      raw({ type: 'other' }),
      text(0, 'Hi'),
    ];
    const all = [...odd, messageStart(), ...odd, messageStop];
    expect(outcomeOf(from(all).pipe(toolUses()))).toEqual({ values: [], completed: true });
  });

  it(
    'takes a schema behind it',
    marbles((m) => {
      const schema = z.object({ city: z.string() });
      const source = m.cold('-m-[-a-]-{-b-}-x-S|', events);
      const result = '       ---------A-----B--|';
      const inputs = source.pipe(
        toolUses(),
        map((use) => schema.parse(use.input)),
      );
      m.expect(inputs).toBeObservable(result, { A: { city: 'Rome' }, B: { city: 'Paris' } });
    }),
  );

  it('emits only complete calls, wherever a reply is cut off', () => {
    const inputs = fc.array(
      fc.jsonValue().map((value) => JSON.stringify({ value })),
      {
        minLength: 1,
        maxLength: 3,
      },
    );
    fc.assert(
      fc.property(inputs, fc.nat(), fc.boolean(), (texts, cut, closed) => {
        const whole = texts.flatMap((input, index) => [
          callStart(index),
          ...[...input].map((character) => json(index, character)),
          stop(index),
        ]);
        const kept = whole.slice(0, cut % (whole.length + 1));
        const last = kept.at(-1);
        // What the API does with a reply that is cut off: it ends the last block, too.
        if (closed && last && 'index' in last && last.type !== 'content_block_stop') {
          kept.push(stop(last.index));
        }
        const all = [messageStart(), ...kept, messageDelta('max_tokens'), messageStop];
        const { values, completed } = outcomeOf(from(all).pipe(toolUses()));
        const started = kept.filter((event) => event.type === 'content_block_start').length;
        expect(completed).toBe(true);
        expect(values.map((use) => use.input)).toStrictEqual(
          texts.slice(0, Math.max(0, started - 1)).map((input) => JSON.parse(input) as unknown),
        );
      }),
    );
  });

  it('emits blocks of the message only, whatever the reply', () => {
    fc.assert(
      fc.property(reply, (all: StreamEvent[]) => {
        const { values } = outcomeOf(from(all).pipe(toolUses()));
        const builder = new MessageBuilder();
        for (const event of [...all, messageStop]) builder.push(event);
        const content: unknown[] = builder.message?.content ?? [];
        for (const use of values) expect(content).toContainEqual(use);
      }),
    );
  });
});

describe('toolUses with schemas', () => {
  const get_weather = z.object({ city: z.string(), days: z.number().default(1) });

  it(
    'emits calls with the output of the schema as input',
    marbles((m) => {
      const source = m.cold('--m--[--a--]--{--b--}--x--S|', events);
      const result = '       --------------A--------B---|';
      m.expect<unknown>(source.pipe(toolUses({ get_weather }))).toBeObservable(result, {
        A: callBlock(0, { city: 'Rome', days: 1 }),
        B: callBlock(1, { city: 'Paris', days: 1 }),
      });
      m.expect(source).toHaveSubscriptions('^--------------------------!');
    }),
  );

  it(
    'emits the valid calls, then errors for a call that fails its schema',
    marbles((m) => {
      const schema = z.object({ city: z.literal('Paris', 'only Paris') });
      const source = m.cold('-m-[-a-]-{-b-}-x-S|', events);
      const result = '       ---------------B--#';
      const error = invalid('toolu_0', 'does not match the schema: city: only Paris');
      const checked = source.pipe(toolUses({ get_weather: schema }));
      m.expect<unknown>(checked).toBeObservable(result, calls, error);
      m.expect(source).toHaveSubscriptions('^-----------------!');
    }),
  );

  it('has the issues, the value and its text in the error', () => {
    const schema = z.object({ stops: z.array(z.object({ city: z.string() })) });
    const input = { stops: [{ city: 'Rome' }, { city: 5 }], more: true };
    const all = [events.m, ...call(0, JSON.stringify(input)), events.x, messageStop];
    const { error } = outcomeOf(from(all).pipe(toolUses({ get_weather: schema })));
    expect(error).toBeInstanceOf(InvalidJsonError);
    expect(error).toMatchObject({
      code: 'invalid_json',
      retryable: false,
      text: JSON.stringify(input),
      value: input,
      issues: [{ path: ['stops', 1, 'city'] }],
    });
    const { message, partial } = error as InvalidJsonError;
    expect(message).toContain('stops.1.city: ');
    expect(partial?.content).toEqual([callBlock(0, input)]);
  });

  it.each(['get_weather', 'toString', '__proto__'])(
    'emits no call of %s without a schema',
    (name) => {
      const start0 = start(0, { type: 'tool_use', id: 'toolu_0', name, input: {} });
      const all = [events.m, start0, json(0, '{"a":1}'), stop(0), events.x, messageStop];
      const { values, error } = outcomeOf(from(all).pipe(toolUses({ get_time: get_weather })));
      expect(values).toEqual([]);
      expect(error).toBeInstanceOf(InvalidJsonError);
      const { message, value } = error as InvalidJsonError;
      expect(message).toBe(
        `The input of the call of ${name} (toolu_0) cannot be checked: there is no schema for this tool`,
      );
      expect(value).toEqual({ a: 1 });
    },
  );

  it('validates calls asynchronously in order, one at a time', async () => {
    const { schema, checks } = manualSchema();
    const all = [events.m, ...call(0, '{}'), ...call(1, '{"n":1}'), events.x, messageStop];
    const outcome = outcomeSoFar(from(all).pipe(toolUses({ get_weather: schema })));
    expect(checks).toHaveLength(1);
    checks[0]!.accept();
    await turn();
    expect(outcome.values).toEqual([callBlock(0, {})]);
    expect(outcome.completed).toBe(false);
    checks[1]!.accept();
    await turn();
    expect(outcome.values).toEqual([callBlock(0, {}), callBlock(1, { n: 1 })]);
    expect(outcome.completed).toBe(true);
  });

  it('errors for a call that fails after the source has completed', async () => {
    const { schema, checks } = manualSchema();
    const all = [events.m, ...call(0, '{}'), ...call(1, '{}'), events.x, messageStop];
    const outcome = outcomeSoFar(from(all).pipe(toolUses({ get_weather: schema })));
    checks[0]!.refuse('no such city');
    await turn();
    checks[1]!.accept();
    await turn();
    expect(outcome.values).toEqual([callBlock(1, {})]);
    expect((outcome.error as Error).message).toContain(
      '(toolu_0) does not match the schema: no such city',
    );
  });

  it('names a call of an earlier message that fails its schema', () => {
    const next = [messageStart('msg_2'), ...call(0, '{"city":"Rome"}'), events.x, messageStop];
    const all = [events.m, ...call(0, '{"city":5}'), events.x, messageStop, ...next];
    const { values, error } = outcomeOf(from(all).pipe(toolUses({ get_weather })));
    expect(values).toHaveLength(1);
    expect(error).toMatchObject({ value: { city: 5 }, partial: { id: 'msg_1' } });
  });

  it(
    'ignores a failed call that a resume event withdraws',
    marbles((m) => {
      const source = m.cold('-m-[-b-]-{-a-}-x-r-[-a-]-x-S|', {
        ...events,
        b: json(0, '{"city":5}'),
        a: json(0, '{"city":"Rome"}'),
        '{': start(1, { ...callBlock(1, {}), input: { city: 'Paris' } }),
        r: resume(0),
      });
      const result = '       ---------------B---------A--|';
      m.expect<unknown>(
        source.pipe(toolUses({ get_weather: z.object({ city: z.string() }) })),
      ).toBeObservable(result, calls);
    }),
  );

  it('does not emit a call that a resume event withdraws during its validation', async () => {
    const { schema, checks } = manualSchema();
    const source = new Subject<StreamEvent>();
    const outcome = outcomeSoFar(source.pipe(toolUses({ get_weather: schema })));
    const begin = [events.m, ...call(0, '{"n":0}'), ...call(1, '{"n":1}'), ...call(2, '{"n":2}')];
    const again = [resume(1), ...call(1, '{"n":3}'), events.x, messageStop];
    for (const event of [...begin, ...again]) source.next(event);
    source.complete();
    for (let next = 0; next < checks.length; next++) {
      checks[next]!.accept();
      await turn();
    }
    expect(checks.map(({ value }) => value)).toEqual([{ n: 0 }, { n: 1 }, { n: 3 }]);
    expect(outcome.values).toEqual([callBlock(0, { n: 0 }), callBlock(1, { n: 3 })]);
    expect(outcome.completed).toBe(true);
  });

  it('ignores a call that fails after a resume event has withdrawn it', async () => {
    const { schema, checks } = manualSchema();
    const all = [events.m, ...call(0, '{}'), textStart(1), resume(0), events.x, messageStop];
    const outcome = outcomeSoFar(from(all).pipe(toolUses({ get_weather: schema })));
    checks[0]!.refuse('no such city');
    await turn();
    expect(outcome).toMatchObject({ values: [], completed: true });
  });

  it(
    'passes on an error that a schema throws',
    marbles((m) => {
      const failing = z.string().transform((): string => {
        throw new RangeError('a bug');
      });
      const source = m.cold('-m-[-a-]-{-b-}-x-S|', events);
      const result = '       ---------#';
      const checked = source.pipe(toolUses({ get_weather: z.object({ city: failing }) }));
      m.expect<unknown>(checked).toBeObservable(result, {}, new RangeError('a bug'));
      m.expect(source).toHaveSubscriptions('^--------!');
    }),
  );

  it('passes an error on at once, during the validation of a call', async () => {
    const { schema, checks } = manualSchema();
    const source = new Subject<StreamEvent>();
    const outcome = outcomeSoFar(source.pipe(toolUses({ get_weather: schema })));
    for (const event of [events.m, ...call(0, '{}'), textStart(1)]) source.next(event);
    source.error(new Error('lost'));
    expect(outcome.error).toEqual(new Error('lost'));
    expect(await rejectionsDuring(() => checks[0]!.fail(new Error('too late')))).toEqual([]);
    expect(outcome.values).toEqual([]);
  });

  it('leaves no rejection behind when it is unsubscribed', async () => {
    const { schema, checks } = manualSchema();
    const all = [events.m, ...call(0, '{}'), ...call(1, '{}'), events.x, messageStop];
    const outcome = outcomeSoFar(from(all).pipe(toolUses({ get_weather: schema })));
    outcome.unsubscribe();
    expect(await rejectionsDuring(() => checks[0]!.fail(new Error('too late')))).toEqual([]);
    expect(await rejectionsDuring(() => checks[0]!.refuse('too late'))).toEqual([]);
    expect(checks).toHaveLength(1);
    expect(outcome).toMatchObject({ values: [], completed: false });
  });

  it('has separate failures for each subscription', () => {
    const replies = [
      [events.m, ...call(0, '{"city":5}'), events.x, messageStop],
      [events.m, ...call(0, '{"city":"Rome"}'), events.x, messageStop],
    ];
    const check = toolUses({ get_weather });
    expect(outcomeOf(from(replies[0]!).pipe(check)).error).toBeInstanceOf(InvalidJsonError);
    expect(outcomeOf(from(replies[1]!).pipe(check)).completed).toBe(true);
  });

  it('throws for invalid schemas, when called', () => {
    const message = 'toolUses: pass the schemas by the names of their tools';
    expect(() => toolUses(get_weather as never)).toThrow(new RegExp(message));
    expect(() => toolUses(null as never)).toThrow(new RegExp(message));
    expect(() => toolUses({ a: { type: 'object' } } as never)).toThrow(/pass a Standard Schema/);
    expect(() => toolUses({ a: undefined } as never)).toThrow(TypeError);
    expect(outcomeOf(EMPTY.pipe(toolUses({}))).completed).toBe(true);
    expect(outcomeOf(of(messageStop).pipe(toolUses(undefined as never))).completed).toBe(true);
  });
});
