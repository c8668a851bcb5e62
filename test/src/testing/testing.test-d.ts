import type Anthropic from '@anthropic-ai/sdk';
import type { StreamEvent } from 'claude-rx';
import {
  httpError,
  letters,
  type MessageEvents,
  messageEvents,
  type MessagesServer,
  type ReceivedRequest,
  type Reply,
  toMarbles,
} from 'claude-rx/testing';
import { from, type Observable } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

it('builders are iterables of events', () => {
  const reply = messageEvents.text('a').thinking('b').toolUse('c').ping();
  expectTypeOf(reply).toEqualTypeOf<MessageEvents>();
  expectTypeOf(from(reply)).toEqualTypeOf<Observable<StreamEvent>>();
  expectTypeOf([...reply]).toEqualTypeOf<StreamEvent[]>();
});

it('builders take blocks and events that the SDK does not know', () => {
  messageEvents.block({ type: 'novel', anything: [1] }).event({ type: 'unheard_of', at: 3 });
  messageEvents.block({ type: 'redacted_thinking', data: '' });
  messageEvents.with({ stopReason: 'novel_reason' }).with({ usage: { input_tokens: 3 } });
  // @ts-expect-error -- a block has a type
  messageEvents.block({ data: '' });
  // @ts-expect-error -- there is no such counter
  messageEvents.with({ usage: { input: 3 } });
});

it('marbles keep the type of the events', () => {
  expectTypeOf(letters(messageEvents)).toEqualTypeOf<Record<string, StreamEvent>>();
  const raw: Anthropic.RawMessageStreamEvent[] = [{ type: 'message_stop' }];
  expectTypeOf(toMarbles(raw).values).toEqualTypeOf<
    Record<string, Anthropic.RawMessageStreamEvent>
  >();
});

it('a reply is events or a script', () => {
  expectTypeOf(messageEvents).toExtend<Reply>();
  expectTypeOf(httpError(529)).toExtend<Reply>();
  expectTypeOf<StreamEvent[]>().toExtend<Reply>();
  expectTypeOf<{ events: StreamEvent[]; fault: { kind: 'rst'; atByte: 3 } }>().toExtend<Reply>();
  expectTypeOf<{ fault: { kind: 'explode' } }>().not.toExtend<Reply>();
  expectTypeOf<MessagesServer['requests']>().toEqualTypeOf<readonly ReceivedRequest[]>();
});
