import type {
  BetaMessage,
  BetaRawMessageStreamEvent,
  BetaUsage,
} from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type {
  Message,
  RawMessageStreamEvent,
  Usage,
} from '@anthropic-ai/sdk/resources/messages/messages';
import type { BetaStreamEvent, MessageStreamError, StreamEvent } from 'claude-rx';
import { type MessageState, messageState } from 'claude-rx/operators/messageState';
import { type Observable } from 'rxjs';
import { expectTypeOf, test } from 'vitest';

declare const raw: Observable<RawMessageStreamEvent>;
declare const events: Observable<StreamEvent>;
declare const betaRaw: Observable<BetaRawMessageStreamEvent>;
declare const betaEvents: Observable<BetaStreamEvent>;

test('messageState gives the state that belongs to the events', () => {
  expectTypeOf(raw.pipe(messageState())).toEqualTypeOf<
    Observable<MessageState<RawMessageStreamEvent>>
  >();
  expectTypeOf(events.pipe(messageState())).toEqualTypeOf<Observable<MessageState>>();
  expectTypeOf(betaRaw.pipe(messageState())).toEqualTypeOf<
    Observable<MessageState<BetaRawMessageStreamEvent>>
  >();
  expectTypeOf(betaEvents.pipe(messageState())).toEqualTypeOf<
    Observable<MessageState<BetaStreamEvent>>
  >();
});

test('a state of one kind of source goes where that of another is wanted', () => {
  expectTypeOf<MessageState<RawMessageStreamEvent>>().toExtend<MessageState>();
  expectTypeOf<MessageState<BetaRawMessageStreamEvent>>().toExtend<MessageState<BetaStreamEvent>>();
});

test('the status tells what a state holds', () => {
  const state = {} as MessageState;
  expectTypeOf(state.status).toEqualTypeOf<
    'waiting' | 'streaming' | 'complete' | 'error' | 'aborted'
  >();
  expectTypeOf(state.text).toEqualTypeOf<string>();
  expectTypeOf(state.message).toEqualTypeOf<Message | undefined>();
  expectTypeOf(state.usage).toEqualTypeOf<Usage | undefined>();
  expectTypeOf(state.error).toEqualTypeOf<MessageStreamError | undefined>();

  if (state.status === 'waiting') {
    expectTypeOf(state.text).toEqualTypeOf<''>();
    expectTypeOf(state.message).toEqualTypeOf<undefined>();
  }
  if (state.status === 'streaming' || state.status === 'complete') {
    expectTypeOf(state.message).toEqualTypeOf<Message>();
    expectTypeOf(state.usage).toEqualTypeOf<Usage>();
    expectTypeOf(state.error).toEqualTypeOf<undefined>();
  }
  if (state.status === 'error' || state.status === 'aborted') {
    expectTypeOf(state.error).toEqualTypeOf<MessageStreamError>();
    expectTypeOf(state.message).toEqualTypeOf<Message | undefined>();
  }
});

test('the state of beta events holds a BetaMessage', () => {
  const state = {} as MessageState<BetaStreamEvent>;
  expectTypeOf(state.message).toEqualTypeOf<BetaMessage | undefined>();
  expectTypeOf(state.usage).toEqualTypeOf<BetaUsage | undefined>();
});
