import type { Message } from '@anthropic-ai/sdk/resources/messages/messages';
import { InvalidJsonError, MessageStreamError, toMessageStreamError } from 'claude-rx';
import { requireMessageStop } from 'claude-rx/operators/requireMessageStop';
import { concat, of, throwError } from 'rxjs';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { messageStart, outcomeOf } from '../../operators/events.ts';

const init = { text: '{"a":5,', value: { a: 5 } };
const message = { id: 'msg_1' } as Message;

describe('InvalidJsonError', () => {
  it('is a MessageStreamError that is not retryable', () => {
    const error = new InvalidJsonError('It is cut', init);
    expect(error).toBeInstanceOf(MessageStreamError);
    expect(error).toMatchObject({ code: 'invalid_json', retryable: false, ...init });
    expect(error.name).toBe('InvalidJsonError');
    expect(String(error)).toBe('InvalidJsonError: It is cut');
    expect(error.stack).toMatch(/^InvalidJsonError: It is cut\n/);
    expect(error.partial).toBeUndefined();
  });

  it('has the code refusal where the model declined', () => {
    expect(new InvalidJsonError('', { ...init, stopReason: 'refusal' })).toMatchObject({
      code: 'refusal',
      retryable: false,
      stopReason: 'refusal',
    });
    expect(new InvalidJsonError('', { ...init, stopReason: 'max_tokens' }).code).toBe(
      'invalid_json',
    );
  });

  it('has no properties for unknown values', () => {
    const error = new InvalidJsonError('', { ...init, issues: undefined, stopReason: undefined });
    expect(Object.keys(error).toSorted()).toEqual(['code', 'retryable', 'text', 'value']);
    expect(inspect(error)).not.toContain('undefined');
  });

  it('has the known values', () => {
    const cause = new SyntaxError('x');
    const issues = [{ message: 'no', path: ['a'] }];
    const error = new InvalidJsonError('', { ...init, issues, cause, partial: () => message });
    expect(error.issues).toBe(issues);
    expect(error.cause).toBe(cause);
    expect(error.partial).toBe(message);
  });

  it('is returned unchanged by toMessageStreamError', () => {
    const issues = [{ message: 'no' }];
    const cause = new SyntaxError('x');
    const error = new InvalidJsonError('Cut', { ...init, issues, stopReason: 'max_tokens', cause });
    const known = toMessageStreamError(error, { partial: message, requestId: 'req_1' });
    expect(known).toBeInstanceOf(InvalidJsonError);
    expect(known).toMatchObject({
      ...init,
      code: 'invalid_json',
      message: 'Cut',
      stopReason: 'max_tokens',
      requestId: 'req_1',
    });
    expect((known as InvalidJsonError).issues).toBe(issues);
    expect(known.partial).toBe(message);
    expect(known.cause).toBe(cause);
    expect(known.stack).toBe(error.stack);
    expect(toMessageStreamError(known, { partial: undefined })).toBe(known);
    expect(toMessageStreamError(error)).toBe(error);
  });

  it('builds the partial message only when it is read', () => {
    let made = 0;
    const partial = () => (made++, message);
    const error = new InvalidJsonError('', init).with({ partial }).with({ requestId: 'req_1' });
    expect(made).toBe(0);
    expect(error.partial).toBe(message);
    expect(error.partial).toBe(message);
    expect(made).toBe(1);
  });

  it('passes through requireMessageStop unchanged', () => {
    const error = new InvalidJsonError('Cut', init);
    const source = concat(
      of(messageStart()),
      throwError(() => error),
    );
    const outcome = outcomeOf(source.pipe(requireMessageStop()));
    expect(outcome.error).toBeInstanceOf(InvalidJsonError);
    expect(outcome.error).toMatchObject({ ...init, message: 'Cut' });
    expect((outcome.error as InvalidJsonError).partial?.id).toBe('msg_1');
  });

  it('keeps its class and fields as the last of several attempts', () => {
    const error = new InvalidJsonError('Cut', { ...init, stopReason: 'refusal', partial: message });
    const last = error.after(3, { id: 'msg_2' } as Message);
    expect(last).toBeInstanceOf(InvalidJsonError);
    expect(last).toMatchObject({ ...init, attempts: 3, code: 'refusal', stopReason: 'refusal' });
    expect(last.partial?.id).toBe('msg_2');
    expect(last.with({ requestId: 'req_1' })).toMatchObject({ attempts: 3, requestId: 'req_1' });
  });

  it('is logged as JSON without the value, with the beginning of a long text and plain issues', () => {
    const circular: { path: [{ key: string }]; message: string; self?: unknown } = {
      path: [{ key: 'a' }],
      message: 'no',
    };
    circular.self = circular;
    const text = 'x'.repeat(100_000);
    const error = new InvalidJsonError('Bad', { text, value: { text }, issues: [circular] });
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'InvalidJsonError',
      message: 'Bad',
      code: 'invalid_json',
      retryable: false,
      text: `${'x'.repeat(1_000)}...`,
      issues: [{ message: 'no', path: ['a'] }],
    });
    expect(JSON.parse(JSON.stringify(new InvalidJsonError('', init)))).toMatchObject({
      text: '{"a":5,',
    });
  });
});
