import type { Message } from '@anthropic-ai/sdk/resources/messages/messages';
import { MessageStreamError, toMessageStreamError, type MessageStreamErrorCode } from 'claude-rx';
import { expectTypeOf, test } from 'vitest';

test('an error is an Error whose code is one of the known', () => {
  const error = new MessageStreamError('x', { code: 'truncated' });
  expectTypeOf(error).toExtend<Error>();
  expectTypeOf(error.code).toEqualTypeOf<MessageStreamErrorCode>();
  expectTypeOf(error.retryable).toBeBoolean();
  expectTypeOf(error.partial).toEqualTypeOf<Message | undefined>();
  expectTypeOf(error.cause).toBeUnknown();
  expectTypeOf<'broken'>().not.toExtend<MessageStreamErrorCode>();
  expectTypeOf<{}>().not.toExtend<ConstructorParameters<typeof MessageStreamError>[1]>();
});

test('its values are read only', () => {
  type Own =
    | 'code'
    | 'retryable'
    | 'partial'
    | 'requestId'
    | 'retryAfterMs'
    | 'status'
    | 'errorType';
  type Values = Pick<MessageStreamError, Own>;
  expectTypeOf<Values>().toEqualTypeOf<Readonly<Values>>();
  // @ts-expect-error read only
  expectTypeOf((error: MessageStreamError) => (error.code = 'api')).toBeFunction();
});

test('anything can be turned into one', () => {
  expectTypeOf(toMessageStreamError).parameter(0).toBeUnknown();
  expectTypeOf(toMessageStreamError).returns.toEqualTypeOf<MessageStreamError>();
});
