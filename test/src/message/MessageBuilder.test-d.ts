import type {
  BetaMessage,
  BetaRawMessageStreamEvent,
} from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type { Message, RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages/messages';
import {
  eventsOf,
  MessageBuilder,
  unfinishedInput,
  type BetaStreamEvent,
  type PingEvent,
  type StreamEvent,
} from 'claude-rx';
import { expectTypeOf, test } from 'vitest';

test('the message of a builder is that of its events', () => {
  expectTypeOf(new MessageBuilder().message).toEqualTypeOf<Message | undefined>();
  expectTypeOf(new MessageBuilder<StreamEvent>().message).toEqualTypeOf<Message | undefined>();
  expectTypeOf(new MessageBuilder<RawMessageStreamEvent>().message).toEqualTypeOf<
    Message | undefined
  >();
  expectTypeOf(new MessageBuilder<BetaStreamEvent>().message).toEqualTypeOf<
    BetaMessage | undefined
  >();
  expectTypeOf(new MessageBuilder<BetaRawMessageStreamEvent>().message).toEqualTypeOf<
    BetaMessage | undefined
  >();
  expectTypeOf(new MessageBuilder<PingEvent>().message).toEqualTypeOf<Message | undefined>();
});

test('a builder takes the events it was made for', () => {
  expectTypeOf(new MessageBuilder().push).parameters.toEqualTypeOf<[StreamEvent]>();
  expectTypeOf(new MessageBuilder<BetaStreamEvent>().push).parameters.toEqualTypeOf<
    [BetaStreamEvent]
  >();
  // @ts-expect-error no events
  expectTypeOf<MessageBuilder<string>>().toBeObject();
});

test('unfinishedInput is a key that narrows a block', () => {
  const { content } = {} as Message;
  const unfinished = content.flatMap((block) =>
    unfinishedInput in block ? block[unfinishedInput] : [],
  );
  expectTypeOf(unfinished).toEqualTypeOf<unknown[]>();
});

test('eventsOf gives the events of the message it is given', () => {
  expectTypeOf(eventsOf({} as Message)).toEqualTypeOf<StreamEvent[]>();
  expectTypeOf(eventsOf<BetaStreamEvent>)
    .parameter(0)
    .toEqualTypeOf<BetaMessage>();
  expectTypeOf(eventsOf<BetaStreamEvent>).returns.toEqualTypeOf<BetaStreamEvent[]>();
});
