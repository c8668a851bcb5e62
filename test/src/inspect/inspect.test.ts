import { attachInspector, inspect, type InspectorEntry } from 'claude-rx/inspect';
import { fromMessages, retryResumable, continueFrom, textOnly, Valve } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import {
  delay,
  from,
  lastValueFrom,
  map,
  Observable,
  of,
  Subject,
  switchMap,
  take,
  toArray,
} from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { marbles } from '../../support/marbles.ts';
import { params, received, useServer } from '../../support/server.ts';

let attached: { unsubscribe(): void }[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const each of attached) each.unsubscribe();
  attached = [];
});

/** Attaches an inspector for the test; returns its entries, without times. */
function watch(options?: { content?: boolean }): Record<string, unknown>[] {
  const entries: Record<string, unknown>[] = [];
  const keep = ({ at: _, ...entry }: InspectorEntry & { at: number }) => entries.push(entry);
  attached.push(attachInspector(keep, options));
  return entries;
}

const types = (entries: readonly Record<string, unknown>[], id: number) =>
  entries.filter((entry) => entry['id'] === id).map(({ type }) => type);

describe('inspect', () => {
  it(
    'is the identity, and unsubscribes from the source',
    marbles((m) => {
      const source = m.cold('  -m-t-t--#');
      const expected = '       -m-t-t--#';
      m.expect(source.pipe(inspect('api'))).toBeObservable(expected);
      m.expect(source).toHaveSubscriptions('^-------!');
      const left = m.cold('    -m-t-t--|');
      m.expect(left.pipe(inspect('api')), '^---!').toBeObservable('-m-t-');
      m.expect(left).toHaveSubscriptions('                        ^---!');
    }),
  );

  it(
    'is the identity while an inspector is attached',
    marbles((m) => {
      watch();
      const source = m.cold('  -m-t-t--#');
      m.expect(source.pipe(inspect('api'))).toBeObservable('-m-t-t--#');
      m.expect(source).toHaveSubscriptions('^-------!');
      const left = m.cold('    -m-t-t--|');
      m.expect(left.pipe(inspect('api')), '^---!').toBeObservable('-m-t-');
      m.expect(left).toHaveSubscriptions('                        ^---!');
    }),
  );

  it('passes the same subscriber to the source while no inspector is attached', () => {
    let given: unknown;
    let direct: unknown;
    const source = new Observable<number>((subscriber) => void (given = subscriber));
    const probe = new Observable<number>((subscriber) => {
      direct = subscriber;
      return source.pipe(inspect('x')).subscribe(subscriber);
    });
    probe.subscribe();
    expect(given).toBe(direct);
  });

  it.each([[undefined], [''], [7]])('refuses the name %j', (name) => {
    expect(() => inspect(name as string)).toThrow(/inspect: `name` must be a non-empty string/);
  });

  it('stops a synchronous source when the subscriber unsubscribes', () => {
    watch();
    let produced = 0;
    const source = new Observable<number>((subscriber) => {
      for (; !subscriber.closed && produced < 100; produced++) subscriber.next(produced);
    });
    source.pipe(inspect('numbers'), take(2)).subscribe();
    expect(produced).toBe(2);
  });
});

describe('attachInspector', () => {
  it('reports the stages of one pipeline with the stage that each goes to', async () => {
    // Values are one entry while the clock shows about the same time.
    vi.spyOn(performance, 'now').mockReturnValue(1_000);
    const entries = watch();
    const reply = from(messageEvents.text('Hello', { chunk: 3 }));
    await received(reply.pipe(inspect('api'), textOnly(), inspect('text')));
    expect(entries.filter(({ type }) => type === 'subscribe')).toEqual([
      { type: 'subscribe', id: 1, stage: 'text', content: false },
      { type: 'subscribe', id: 2, stage: 'api', content: false, into: 1 },
    ]);
    expect(types(entries, 1)).toEqual(['subscribe', 'value', 'complete']);
    // Texts that come at once are one entry.
    expect(entries.find(({ id, type }) => id === 1 && type === 'value')).toMatchObject({
      value: { type: 'string' },
      count: 2,
    });
    expect(types(entries, 2).at(-1)).toBe('complete');
  });

  it('reports content only with the option', async () => {
    const entries = watch();
    const events = messageEvents
      .thinking('A secret')
      .text('A secret')
      .toolUse('find', { a: 'A secret' });
    const error = new Error('A secret');
    const failing = new Observable<never>((subscriber) => subscriber.error(error));
    await received(from(events).pipe(inspect('events'), textOnly(), inspect('text')));
    failing.pipe(inspect('failing')).subscribe({ error: () => {} });
    of({ type: 'thing', text: 'A secret' }).pipe(inspect('object')).subscribe();
    of([...events])
      .pipe(inspect('list'))
      .subscribe();
    expect(JSON.stringify(entries)).not.toMatch(/secret/);
    expect(JSON.stringify(entries)).toMatch(/xxxx/);
    of('A secret')
      .pipe(inspect('shown', { content: true }))
      .subscribe();
    expect(JSON.stringify(entries)).toMatch(/secret/);
    const shown = watch({ content: true });
    of('A secret')
      .pipe(inspect('hidden', { content: false }))
      .subscribe();
    expect(JSON.stringify(shown)).not.toMatch(/secret/);
    failing.pipe(inspect('failing')).subscribe({ error: () => {} });
    expect(shown.at(-1)).toMatchObject({ error: { code: 'Error', message: 'A secret' } });
  });

  it('shortens long values of any kind', () => {
    const entries = watch({ content: true });
    const long = 'x'.repeat(100_000);
    const cycle: Record<string, unknown> = {
      long,
      list: Array.from({ length: 10_000 }, () => long),
    };
    cycle['self'] = cycle;
    from([long, cycle, [cycle], new Map([[1, 2]]), 1n, Symbol('x'), null, undefined, () => 1])
      .pipe(inspect('values'))
      .subscribe();
    of({
      get type() {
        throw new Error('no');
      },
    })
      .pipe(inspect('hostile'))
      .subscribe();
    expect(JSON.stringify(entries).length).toBeLessThan(8_000);
    expect(types(entries, 1)).toHaveLength(11);
    expect(entries.at(-2)).toMatchObject({ value: { type: 'unreadable' } });
  });

  it('reports deltas that come at once as one entry', async () => {
    const entries = watch();
    const deltas = Array.from({ length: 50 }, () => ({
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'text_delta', text: 'ab' },
    }));
    await received(
      from(deltas).pipe(
        inspect('one'),
        map((event) => event),
        inspect('two'),
      ),
    );
    const counted = entries.filter(({ type, id }) => type === 'event' && id === 1);
    expect(counted.length).toBeLessThan(25);
    expect(counted.reduce((sum, { count = 1 }) => sum + Number(count), 0)).toBe(50);
  });

  it('loses no value and no character of a long run, and bounds each entry', async () => {
    vi.spyOn(performance, 'now').mockReturnValue(1_000);
    const entries = watch({ content: true });
    const words = Array.from({ length: 5_000 }, (_, index) => `${index} `);
    await received(from(words).pipe(inspect('text')));
    const values = entries.filter(({ type }) => type === 'value');
    const texts = values.map(({ value }) => (value as { text: string }).text);
    expect(texts.join('')).toBe(words.join(''));
    expect(values.reduce((sum, { count = 1 }) => sum + Number(count), 0)).toBe(5_000);
    expect(Math.max(...texts.map(({ length }) => length))).toBeLessThan(2_500);
  });

  it('keeps blocks, kinds and their order apart within a run', async () => {
    vi.spyOn(performance, 'now').mockReturnValue(1_000);
    const entries = watch({ content: true });
    const delta = (index: number, type: string, field: string, text: unknown) => ({
      type: 'content_block_delta',
      index,
      delta: { type, [field]: text },
    });
    await received(
      from<(object | string)[]>([
        delta(0, 'text_delta', 'text', 'a'),
        delta(0, 'text_delta', 'text', 'b'),
        delta(1, 'text_delta', 'text', 'c'),
        delta(1, 'thinking_delta', 'thinking', 'd'),
        delta(1, 'signature_delta', 'signature', 'e'),
        delta(1, 'thinking_delta', 'thinking', 7),
        'f',
        { type: 'content_block_delta' },
        delta(2, 'input_json_delta', 'partial_json', '{'),
        { type: 'message_stop' },
      ]).pipe(inspect('events')),
    );
    const shown = entries.slice(1, -1).map(({ event, value, count }) => {
      const { type, index, delta: content } = (event ?? {}) as Record<string, unknown>;
      return value ? [value, count] : [type, index, content, count].filter((x) => x !== undefined);
    });
    expect(shown).toEqual([
      ['content_block_delta', 0, { type: 'text_delta', text: 'ab' }, 2],
      ['content_block_delta', 1, { type: 'text_delta', text: 'c' }],
      ['content_block_delta', 1, { type: 'thinking_delta', thinking: 'd' }],
      ['content_block_delta', 1, { type: 'signature_delta' }],
      ['content_block_delta', 1, { type: 'thinking_delta', thinking: '' }],
      [{ type: 'string', text: 'f' }, undefined],
      ['content_block_delta', { type: 'undefined' }],
      ['content_block_delta', 2, { type: 'input_json_delta', partial_json: '{' }],
      ['message_stop'],
    ]);
  });

  it('reports a value that is changed later in its earlier state', async () => {
    const entries = watch({ content: true });
    const start = { type: 'message_start', message: { model: 'before' } };
    from([start])
      .pipe(inspect('api'))
      .subscribe(({ message }) => (message.model = 'after'));
    await Promise.resolve();
    expect(entries[1]).toMatchObject({ event: { message: { model: 'before' } } });
  });

  it('shows an operator that blocks: each stage has its own time', async () => {
    let time = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => time);
    const times: [number, number][] = [];
    attached.push(
      attachInspector((entry) => {
        const at = Math.round(entry.at - performance.timeOrigin);
        if (entry.type === 'value') times.push([entry.id, at]);
      }),
    );
    const slow = map((text: string) => {
      time += 300;
      return text;
    });
    await received(of('a').pipe(inspect('before'), slow, inspect('after')));
    expect(times.toSorted(([one], [other]) => other - one)).toEqual([
      [2, 0],
      [1, 300],
    ]);
  });

  it('links a subscription that comes later to the stage that its values reach', async () => {
    const entries = watch();
    const trigger = new Subject<number>();
    const inner = () => of(1).pipe(delay(0), inspect('inner'));
    const result = trigger.pipe(inspect('outer'), switchMap(inner), inspect('result'), take(1));
    const last = lastValueFrom(result);
    trigger.next(0);
    await last;
    const into = (stage: string) => entries.find((entry) => entry['stage'] === stage)?.['into'];
    expect([into('result'), into('outer'), into('inner')]).toEqual([undefined, 1, 1]);
  });

  it('keeps pipelines apart', () => {
    const entries = watch();
    const source = new Subject<number>();
    for (const name of ['a', 'b']) source.pipe(inspect(name)).subscribe();
    source.next(1);
    expect(entries.filter(({ into, type }) => into !== undefined || type === 'join')).toEqual([]);
  });

  it('reports a valve once for each run of code', async () => {
    const entries = watch();
    const valve = new Valve({ highWaterMark: 2, lowWaterMark: 1 });
    const work = valve.concatMap((value: number) => of(value).pipe(delay(1)));
    await received(from([1, 2, 3]).pipe(work, inspect('db', { valve })));
    const states = entries.filter(({ type }) => type === 'valve');
    expect(states[0]).toMatchObject({ depth: 3, isOpen: false });
    expect(states.at(-1)).toMatchObject({ isOpen: true });
  });

  it('never lets a report that throws reach the pipeline', async () => {
    attached.push(
      attachInspector(() => {
        throw new Error('broken inspector');
      }),
    );
    expect(await received(of(1, 2).pipe(inspect('x')))).toEqual([1, 2]);
  });

  it('reports nothing once it is detached', () => {
    const entries = watch();
    const source = new Subject<number>();
    source.pipe(inspect('x')).subscribe();
    const count = entries.length;
    attached.pop()!.unsubscribe();
    source.next(1);
    source.pipe(inspect('x')).subscribe();
    expect(entries).toHaveLength(count);
  });

  it('refuses an argument that is not a function', () => {
    expect(() => attachInspector(null as never)).toThrow(TypeError);
  });
});

describe('inspect with a real client', () => {
  const use = useServer();

  it('shows both attempts of a reply that breaks, before the stage that joins them', async () => {
    const entries = watch();
    const events = messageEvents.text('Hello world', { chunk: 4 });
    use.server.reply({ events, fault: { kind: 'rst', beforeEvent: 4 } }, { events });
    const ask = (asked: typeof params) => fromMessages(use.client, asked).pipe(inspect('api'));
    const resume = () => ask(params);
    const whole = ask(params).pipe(
      retryResumable({
        resume: ({ partial }) => (continueFrom(params, partial), resume()),
        delay: 20,
      }),
      inspect('whole'),
    );
    await received(whole.pipe(toArray()));
    const attempts = entries
      .filter((entry) => entry['stage'] === 'api')
      .map(({ id }) => id as number);
    expect(attempts).toHaveLength(2);
    expect(types(entries, attempts[0]!).at(-1)).toBe('error');
    // The second is subscribed by a timer: its first value shows where it belongs.
    const linked = entries.find(({ type, id }) => type === 'join' && id === attempts[1]);
    expect(linked?.['into']).toBe(1);
    expect(types(entries, 1).at(-1)).toBe('complete');
  });
});
