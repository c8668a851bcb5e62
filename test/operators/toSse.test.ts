import {
  EventDecoder,
  fromResponse,
  InvalidJsonError,
  MessageStreamError,
  type MessageStreamErrorCode,
  type StreamEvent,
} from 'claude-rx';
import { accumulateMessage } from 'claude-rx/operators/accumulateMessage';
import { toSse } from 'claude-rx/operators/toSse';
import fc from 'fast-check';
import { concat, from, of, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { drawn } from '../diagrams/drawn.ts';
import { testScheduler } from '../support/marbles.ts';
import { failure } from '../support/server.ts';
import { messageStart, messageStop, outcomeOf, ping, raw, synchronous, text } from './events.ts';

const run = (test: Parameters<ReturnType<typeof testScheduler>['run']>[0]) => () =>
  testScheduler().run(test);

const events = { a: text(0, 'a'), b: text(0, 'b'), p: ping };
type AnyEvent = { type: string; [field: string]: unknown };
const data = (event: { type: string }) =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
const frames = {
  a: `id: 0\n${data(events.a)}`,
  b: `id: 1\n${data(events.b)}`,
  p: `id: 0\n${data(ping)}`,
  h: ':\n\n',
};

/** Any UTF-16 units: half surrogates, control characters, quotes, line separators. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.nat(0xffff), { maxLength: 6 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom('', 'plain', '"', '\\', '\u2028', '\ud83d', '\udc4b', '\0', '\u007f'),
);
const index = fc.nat(3);
const deltaOf = (type: string, ...keys: string[]) =>
  fc.tuple(index, ...keys.map(() => anyText)).map(([at, ...texts]) => ({
    type: 'content_block_delta',
    index: at,
    delta: { type, ...Object.fromEntries(keys.map((key, place) => [key, texts[place]])) },
  }));
const anyEvent = fc.oneof(
  deltaOf('text_delta', 'text'),
  deltaOf('thinking_delta', 'thinking'),
  deltaOf('signature_delta', 'signature'),
  deltaOf('input_json_delta', 'partial_json'),
  deltaOf('citations_delta', 'citation'),
  deltaOf('compaction_delta', 'content', 'encrypted_content'),
  deltaOf('text_delta', 'text', 'more'),
  fc.record({ text: anyText, value: fc.jsonValue() }).chain(({ text: content, value }) =>
    fc.constantFrom<AnyEvent>(
      { type: 'message_start', message: { id: content, content: [], usage: value } },
      { type: 'message_start', message: {}, continuation: { tail: content } },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: content } },
      {
        type: 'content_block_start',
        index: 1,
        content_block: { type: 'tool_use', input: value },
      },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: content }, usage: value },
      { type: 'message_stop' },
      { type: 'ping' },
      { type: 'notice', content },
      { type: 'tool_start', tool_use_id: content, input: value },
      { type: 'tool_progress', tool_use_id: content, progress: value },
      { type: 'tool_result', tool_use_id: content, result: { content } },
      { type: 'turn_end', turn: 1, appended: [{ role: 'user', content }], total: value },
      { type: 'text-delta', id: 'a', delta: content },
      { type: 'TEXT_MESSAGE_CONTENT', messageId: 'a', delta: content },
      { type: 'a_new_type', content: value },
    ),
  ),
);

const limited = new MessageStreamError('Slow down', {
  code: 'rate_limited',
  requestId: 'req_1',
  retryAfterMs: 2_000,
  status: 429,
  errorType: 'rate_limit_error',
  attempts: 3,
});

describe('toSse', () => {
  it(
    'writes each event as a frame, and a comment after each silence',
    drawn(
      'toSse',
      run(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold('--a---b------------------|', events);
        const result = '     --a---b-------h-------h--|';
        expectObservable(source.pipe(toSse({ heartbeat: 8 }))).toBe(result, frames);
        expectSubscriptions(source.subscriptions).toBe('^------------------------!');
      }),
      { title: 'toSse({ heartbeat: 8 })' },
    ),
  );

  it(
    'omits the event line, and ends with the data of `done`',
    run(({ cold, expectObservable }) => {
      const config = { id: false, eventLine: false, done: '[DONE]', heartbeat: Infinity };
      const lines = {
        a: `data: ${JSON.stringify(events.a)}\n\n`,
        e: expect.stringMatching(/^data: {"type":"error",.*}\n\n$/) as string,
        d: 'data: [DONE]\n\n',
      };
      expectObservable(cold('-a-|', events).pipe(toSse(config))).toBe('-a-(d|)', lines);
      expectObservable(cold('-a-#', events).pipe(toSse(config))).toBe('-a-(ed|)', lines);
    }),
  );

  it(
    'sends a comment every 15 seconds unless told otherwise',
    run(({ cold, expectObservable }) => {
      const source = cold('40s |', events);
      expectObservable(source.pipe(toSse())).toBe('15s h 14999ms h 9999ms |', frames);
      expectObservable(source.pipe(toSse({ heartbeat: Infinity }))).toBe('40s |');
      expectObservable(source.pipe(toSse({ heartbeat: 2 ** 40 }))).toBe('40s |');
    }),
  );

  it(
    'unsubscribes from the source, and its timer ends',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('--a------', events);
      expectObservable(source.pipe(toSse({ heartbeat: 3 })), '^------!').toBe('--a--h--', frames);
      expectSubscriptions(source.subscriptions).toBe('^------!');
    }),
  );

  it(
    'writes an error as the last frame, as the API does, and completes',
    drawn(
      'toSse-error',
      run(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold('--a--#', events, limited);
        const body =
          '{"type":"error","error":{"type":"rate_limit_error","message":"There were too many requests.","claude_rx":' +
          '{"code":"rate_limited","retryable":true,"retryAfterMs":2000,"status":429,' +
          '"errorType":"rate_limit_error","attempts":3}},"request_id":"req_1"}';
        const result = '     --a--(E|)';
        expectObservable(source.pipe(toSse())).toBe(result, {
          ...frames,
          E: `event: error\ndata: ${body}\n\n`,
        });
        expectSubscriptions(source.subscriptions).toBe('^----!');
      }),
      { title: 'toSse()' },
    ),
  );

  it('writes events of every kind byte for byte as JSON.stringify does, in any order', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 12 }), (list) => {
        const expected = list.map((event, index) => `id: ${index}\n${data(event)}`);
        const written: string[] = [];
        from(list)
          .pipe(toSse({ heartbeat: Infinity }))
          .subscribe((frame) => written.push(frame));
        expect(written).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('counts, calls a function for, or omits the ids', () => {
    const ids = (...config: Parameters<typeof toSse>) =>
      outcomeOf(of(events.a, ping, events.b).pipe(toSse(...config))).values.map(
        (frame) => /^id: (.*)\n/.exec(frame)?.[1],
      );
    expect(ids()).toEqual(['0', '1', '2']);
    expect(ids({ id: true })).toEqual(['0', '1', '2']);
    expect(ids({ id: false })).toEqual([undefined, undefined, undefined]);
    expect(ids({ id: ({ type }, index) => `${type}-${index + 7}` })).toEqual([
      'content_block_delta-7',
      'ping-8',
      'content_block_delta-9',
    ]);
  });

  it('starts from 0 for each subscription', () => {
    const frames$ = of(events.a).pipe(toSse());
    expect(outcomeOf(frames$)).toEqual(outcomeOf(frames$));
  });

  it('sends API types to readers that know only these', () => {
    const types = (['overloaded', 'timeout', 'truncated', 'request', 'aborted'] as const).map(
      (code) => JSON.parse(dataOf(new MessageStreamError('No', { code }))).error.type,
    );
    expect(types).toEqual([
      'overloaded_error',
      'timeout_error',
      'api_error',
      'invalid_request_error',
      'api_error',
    ]);
  });

  it.each<MessageStreamError>([
    limited,
    new MessageStreamError('', { code: 'unknown' }),
    new MessageStreamError('Two\nlines \u2028 and \ud800', { code: 'api', retryable: false }),
    new MessageStreamError('x'.repeat(5_000), { code: 'request', retryable: true }),
    new InvalidJsonError('The JSON is cut', { text: '{"a', value: {} }),
    new MessageStreamError('Later', { code: 'a_later_code' as MessageStreamErrorCode }),
  ])('sends an error that fromResponse restores: $code', async (error) => {
    const begin = [messageStart(), text(0, 'Hel')];
    const body = outcomeOf(
      concat(
        begin,
        throwError(() => error),
      ).pipe(toSse(everything)),
    );
    expect(body.completed).toBe(true);
    const again = await failure(fromResponse(new Response(body.values.join(''))));
    const { code, retryable, message } = error;
    const { text: _, value: __, ...fields } = error.toJSON() as Record<string, unknown>;
    expect(again.toJSON()).toStrictEqual({ ...fields, name: 'MessageStreamError' });
    expect(again).toMatchObject({ code, retryable, message });
    expect(again.partial?.content).toEqual([{ type: 'text', text: 'Hel', citations: null }]);
  });

  it('sends any other error as the MessageStreamError it becomes', () => {
    expect(JSON.parse(dataOf(new TypeError('terminated')))).toMatchObject({
      error: {
        message: 'The connection to the model was lost.',
        claude_rx: { code: 'connection' },
      },
    });
    expect(JSON.parse(dataOf('just text'))).toMatchObject({
      error: { claude_rx: { code: 'unknown', retryable: false } },
    });
  });

  it('sends a resume event with its error', () => {
    const partial = outcomeOf(of(messageStart()).pipe(accumulateMessage())).values[0];
    const error = limited.with({ partial });
    const resume: StreamEvent = { type: 'resume', attempt: 2, keep: 1, error };
    const seen: StreamEvent[] = [];
    const decoder = new EventDecoder((event) => seen.push(event));
    const { values } = outcomeOf(of(resume).pipe(toSse(everything)));
    decoder.push(new TextEncoder().encode(values.join('')));
    expect(seen).toMatchObject([{ type: 'resume', attempt: 2, keep: 1 }]);
    const [again] = seen as [typeof resume];
    expect(again.error).toBeInstanceOf(MessageStreamError);
    expect({ ...again.error.toJSON() }).toStrictEqual(limited.toJSON());
  });

  it('errors for an event that cannot be encoded', () => {
    const cyclic: Record<string, unknown> = { type: 'tool_progress' };
    cyclic['self'] = cyclic;
    for (const event of [{ index: 1 }, { type: 'a\nb' }, null, cyclic]) {
      const { source, taken } = synchronous([raw(event as object), messageStop]);
      const { values, completed } = outcomeOf(source.pipe(toSse()));
      expect(values).toEqual([expect.stringContaining('event: error\n')]);
      expect([completed, taken()]).toEqual([true, 1]);
    }
    const twoLines = outcomeOf(of(ping).pipe(toSse({ ...everything, id: () => '1\ndata: {}' })));
    expect(twoLines.values).toEqual([expect.stringContaining('an id must be a single line')]);
  });

  it('throws for an invalid interval or id, when called', () => {
    for (const heartbeat of [0, -1, Number.NaN, '15' as never]) {
      expect(() => toSse({ heartbeat })).toThrow(TypeError);
    }
    expect(() => toSse({ id: 7 as never })).toThrow(/`id` must be a boolean or a function/);
    expect(() => toSse({ done: 'a\nb' })).toThrow(/`done` must be one line of text/);
  });
});

/** Between services of one's own: nothing is masked. */
const everything = { errorText: ({ message }: MessageStreamError) => message };

/** The data of the frame that this error becomes. */
function dataOf(error: unknown): string {
  const { values } = outcomeOf(
    concat(
      from([]),
      throwError(() => error),
    ).pipe(toSse()),
  );
  return values[0]!.replace(/^event: error\ndata: /, '');
}
