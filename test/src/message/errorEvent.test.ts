import {
  errorEvent,
  fromResponse,
  MessageStreamError,
  type MessageStreamErrorCode,
  type StreamEvent,
  toMessageStreamError,
  toSseResponse,
} from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { runTools } from 'claude-rx/tools';
import { inspect } from 'node:util';
import { concat, defer, from, type Observable, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { CODES } from '../../../src/message/MessageStreamError.ts';
import { ERROR_SENTENCES } from '../../../src/message/errorEvent.ts';
import { failure, params } from '../../support/server.ts';
import { SINKS } from '../../support/sinks.ts';
import { tool } from '../tools/turns.ts';

const SECRET = 'hunter2-secret';

class OwnError extends Error {
  readonly connection = SECRET;
  override readonly stack = `Error\n  at /srv/${SECRET}.js`;
}

/** Errors with the secret in each place that could hold one. */
const errors: [string, unknown][] = [
  ['an Error', new OwnError(`connect ECONNREFUSED 10.1.2.3 ${SECRET}`, { cause: SECRET })],
  ['an object', { token: SECRET }],
  ['a text', SECRET],
  ['JSON as text', JSON.stringify({ error: { message: SECRET } })],
  ['an array', [SECRET]],
  [
    'an error of a stream',
    new MessageStreamError(SECRET, {
      code: 'connection',
      errorType: SECRET,
      cause: new Error(SECRET),
      partial: { content: [{ type: 'text', text: SECRET }] } as never,
    }),
  ],
  ['an unknown code', new MessageStreamError('x', { code: SECRET as never })],
  ['an error event of a gateway', { type: 'error', error: { type: SECRET, message: SECRET } }],
];

const opening = [...messageEvents.text('Hello world')].slice(0, 3);

/** A reply with the error at its end, in a seam, and as a value. */
const replies = (error: unknown): Observable<StreamEvent>[] => {
  const broken = throwError(() => error);
  const resume = { type: 'resume', attempt: 2, keep: 0, error } as StreamEvent;
  const value = {
    type: 'error',
    error: { type: SECRET, message: SECRET },
  } as unknown as StreamEvent;
  return [
    concat(opening, broken),
    from([...opening, resume, ...messageEvents.text('Hi')]),
    from([...opening, value]),
    defer(() => broken),
  ];
};

describe('errors on their way to a reader', () => {
  it.each(errors)('have nothing internal in any sink: %s', async (_, error) => {
    for (const reply$ of replies(error)) {
      for (const read of Object.values(SINKS)) expect(await read(reply$)).not.toContain(SECRET);
    }
  });

  it('have the fields that a reader needs', async () => {
    const init = {
      code: 'rate_limited',
      retryable: true,
      retryAfterMs: 7,
      status: 429,
      attempts: 2,
      requestId: 'req_1',
      errorType: 'rate_limit_error',
    } as const;
    const reply$ = concat(
      opening,
      throwError(() => new MessageStreamError(SECRET, init)),
    );
    const read = await failure(fromResponse(toSseResponse(reply$)));
    expect(read).toMatchObject({ ...init, message: 'There were too many requests.' });
    const all = { errorText: ({ message }: MessageStreamError) => message };
    expect((await failure(fromResponse(toSseResponse(reply$, all)))).message).toBe(SECRET);
  });

  it('have a sentence for each code, also if `errorText` fails', () => {
    expect(new Set(Object.keys(ERROR_SENTENCES))).toEqual(CODES);
    for (const code of CODES as ReadonlySet<MessageStreamErrorCode>) {
      const error = new MessageStreamError(SECRET, { code });
      const fails = (): never => {
        throw new Error(SECRET);
      };
      for (const errorText of [undefined, fails, () => 7 as never]) {
        const event = errorEvent(error, { errorText });
        expect(event.error.message).toBe(ERROR_SENTENCES[code]);
        expect(toMessageStreamError(event)).toMatchObject({ code, retryable: error.retryable });
      }
    }
  });

  it.each(['constructor', 'toString', '__proto__', 'a_later_code'])(
    'with the code %s, which none has, are not taken for more than they say',
    (code) => {
      const error = toMessageStreamError({ name: 'MessageStreamError', message: SECRET, code });
      expect(error.retryable).toBe(false);
      const { type, message } = errorEvent(error).error;
      expect([type, message]).toEqual(['api_error', ERROR_SENTENCES.unknown]);
    },
  );

  it('send the content for the model, not the value of the tool', async () => {
    const replies = [messageEvents.toolUse('a', {}), messageEvents.text('Done')];
    const loop$ = runTools((_, { turn }) => from([...replies[turn - 1]!]), params, {
      tools: [tool('a', () => ({ toString: () => 'shown', toJSON: () => 'shown', row: SECRET }))],
    });
    const text = await toSseResponse(loop$).text();
    expect(text).toContain('"tool_result"');
    expect(text).not.toContain(SECRET);
  });

  it('show no headers of the response when they are inspected', () => {
    const headers = new Headers({ 'set-cookie': SECRET, 'request-id': 'req_1' });
    const cause = Object.assign(new Error('Overloaded'), { status: 529, headers, requestID: 'r' });
    const error = toMessageStreamError(cause);
    expect(inspect(error)).not.toContain(SECRET);
    expect(inspect({ error }, { depth: 9 })).not.toContain(SECRET);
    expect(inspect(error)).toMatch(/overloaded[\s\S]*Overloaded/);
  });
});
