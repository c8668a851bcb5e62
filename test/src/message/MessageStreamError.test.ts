import { inspect } from 'node:util';
import type { Message } from '@anthropic-ai/sdk/resources/messages/messages';
import { MessageStreamError, type MessageStreamErrorCode } from 'claude-rx';
import { describe, expect, it, vi } from 'vitest';

const message = { id: 'msg_1', content: [] } as unknown as Message;
const full = {
  code: 'overloaded',
  requestId: 'req_1',
  retryAfterMs: 500,
  status: 529,
  errorType: 'overloaded_error',
} as const;

describe('MessageStreamError', () => {
  // Typed so that a code that is missing here does not compile.
  const retryable: Record<MessageStreamErrorCode, boolean> = {
    truncated: true,
    timeout: true,
    connection: true,
    overloaded: true,
    rate_limited: true,
    api: true,
    request: false,
    protocol: false,
    invalid_json: false,
    refusal: false,
    aborted: false,
    unknown: false,
  };
  it.each(Object.entries(retryable))(
    '%s is retryable: %s, unless told otherwise',
    (name, expected) => {
      const code = name as MessageStreamErrorCode;
      expect(new MessageStreamError('x', { code }).retryable).toBe(expected);
      expect(new MessageStreamError('x', { code, retryable: !expected }).retryable).toBe(!expected);
    },
  );

  it('is an Error with a name, a message and a stack that says both', () => {
    const error = new MessageStreamError('Gone', { code: 'truncated' });
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).toBe('MessageStreamError: Gone');
    expect(error.stack).toMatch(/^MessageStreamError: Gone\n.*MessageStreamError.test/);
  });

  it('has a cause only where it was given one', () => {
    expect('cause' in new MessageStreamError('x', { code: 'api' })).toBe(false);
    expect(new MessageStreamError('x', { code: 'api', cause: null })).toMatchObject({
      cause: null,
    });
  });
});

describe("MessageStreamError's partial", () => {
  it('is computed once, when it is first read', () => {
    const partial = vi.fn<() => Message>(() => message);
    const error = new MessageStreamError('x', { code: 'truncated', partial });
    inspect(error);
    JSON.stringify(error);
    error.with({ requestId: 'req_1' });
    expect(partial).not.toHaveBeenCalled();
    expect(error.partial).toBe(message);
    expect(error.partial).toBe(message);
    expect(partial).toHaveBeenCalledTimes(1);
  });

  it('is computed once, also when it is undefined', () => {
    const partial = vi.fn<() => undefined>(() => undefined);
    const error = new MessageStreamError('x', { code: 'truncated', partial });
    expect([error.partial, error.partial]).toEqual([undefined, undefined]);
    expect(partial).toHaveBeenCalledTimes(1);
  });

  it('may be the message itself', () => {
    expect(new MessageStreamError('x', { code: 'truncated', partial: message }).partial).toBe(
      message,
    );
  });
});

describe('MessageStreamError.with', () => {
  it('adds what is missing, and keeps everything else and the stack', () => {
    const cause = new Error('cause');
    const { requestId: _, ...known } = full;
    const error = new MessageStreamError('Gone', { ...known, retryable: false, cause });
    const more = error.with({ partial: message, requestId: 'req_2' });
    expect(more).not.toBe(error);
    expect(more).toBeInstanceOf(MessageStreamError);
    expect(more).toMatchObject({
      ...known,
      retryable: false,
      cause,
      partial: message,
      requestId: 'req_2',
    });
    expect(more.message).toBe('Gone');
    expect(more.stack).toBe(error.stack);
    expect(error.partial).toBeUndefined();
    expect('requestId' in error).toBe(false);
  });

  it('keeps its own values', () => {
    const error = new MessageStreamError('Gone', { ...full, partial: message });
    expect(error.with({ partial: { id: 'other' } as never, requestId: 'other' })).toBe(error);
    const other = new MessageStreamError('Gone', { code: 'api', requestId: 'req_1' });
    expect(other.with({ partial: message, requestId: 'other' })).toMatchObject({
      requestId: 'req_1',
      partial: message,
    });
  });

  it('is the same error when there is nothing to add', () => {
    const error = new MessageStreamError('Gone', { code: 'api' });
    expect(error.with({})).toBe(error);
    expect(error.with({ partial: undefined, requestId: undefined })).toBe(error);
  });

  it('computes the given partial only when it is read', () => {
    const partial = vi.fn<() => Message>(() => message);
    const error = new MessageStreamError('x', { code: 'truncated' }).with({ partial });
    expect(partial).not.toHaveBeenCalled();
    expect(error.partial).toBe(message);
  });
});

describe('MessageStreamError in a log', () => {
  const bare = new MessageStreamError('Gone', { code: 'truncated' });
  const cause = new Error('socket hang up');
  const rich = new MessageStreamError('Busy', { ...full, cause, partial: message });

  it('shows the known fields, and no undefined field', () => {
    expect(Object.keys(bare)).toEqual(['code', 'retryable']);
    expect(inspect(bare)).toMatch(
      /^MessageStreamError: Gone\n[^]*\{\s+code: 'truncated',\s+retryable: true\s+\}$/,
    );
    expect(inspect(bare)).not.toContain('undefined');
    expect(inspect(rich)).toContain("requestId: 'req_1'");
    expect(inspect(rich)).toContain('[cause]: Error: socket hang up');
  });

  it('is written as JSON with its name and message', () => {
    expect(JSON.parse(JSON.stringify(bare))).toEqual({
      name: 'MessageStreamError',
      message: 'Gone',
      code: 'truncated',
      retryable: true,
    });
    expect(JSON.parse(JSON.stringify({ error: rich }))).toEqual({
      error: { name: 'MessageStreamError', message: 'Busy', retryable: true, ...full },
    });
  });
});
