import {
  type BetaStreamEvent,
  finalMessage,
  type MessageOf,
  type NoticeEvent,
  type StreamEvent,
  textOnly,
} from 'claude-rx';
import {
  type AgentInitMessage,
  type AgentMessage,
  type AgentNotice,
  type AgentResultMessage,
  fromAgent,
  streamEvents,
  type AgentState,
  type AgentTask,
  agentState,
} from 'claude-rx/agent';
import { filter, type Observable, of } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

declare const query: AsyncGenerator<AgentMessage, void>;
interface Mine {
  type: 'mine' | 'assistant';
  session_id: string;
}

it('emits the messages of the query', () => {
  expectTypeOf(fromAgent(query)).toEqualTypeOf<Observable<AgentMessage>>();
  expectTypeOf(fromAgent(() => query)).toEqualTypeOf<Observable<AgentMessage>>();
  expectTypeOf(fromAgent((signal) => (signal.throwIfAborted(), query))).toEqualTypeOf<
    Observable<AgentMessage>
  >();
  expectTypeOf(fromAgent({} as AsyncIterable<Mine>)).toEqualTypeOf<Observable<Mine>>();
  // @ts-expect-error: a prompt is no query
  fromAgent('Hello');
  // @ts-expect-error: events of a reply are no messages of an agent
  fromAgent({} as AsyncIterable<StreamEvent>);
});

it('narrows the types of messages', () => {
  fromAgent(query).subscribe((message) => {
    if (message.type === 'result') {
      expectTypeOf(message).toEqualTypeOf<AgentResultMessage>();
      if (message.subtype === 'success') expectTypeOf(message.result).toEqualTypeOf<string>();
      else expectTypeOf(message.errors).toEqualTypeOf<string[]>();
    }
    if (message.type === 'system' && message.subtype === 'init') {
      expectTypeOf(message).toEqualTypeOf<AgentInitMessage>();
    }
    if (message.type === 'assistant') {
      expectTypeOf(message.message).toEqualTypeOf<MessageOf<BetaStreamEvent>>();
    }
    if (message.type === 'stream_event') {
      expectTypeOf(message.api_message_id).toEqualTypeOf<string | undefined>();
      expectTypeOf(message.abandoned_blocks?.from_block_index).toEqualTypeOf<number | undefined>();
    }
    if (message.type === 'system' && message.subtype === 'task_started') {
      expectTypeOf(message.task_id).toEqualTypeOf<string>();
    }
    if (message.type === 'tool_progress')
      expectTypeOf(message['anything']).toEqualTypeOf<unknown>();
  });
});

it('takes any messages of an agent', () => {
  const messages = fromAgent(query);
  expectTypeOf(messages.pipe(streamEvents())).toEqualTypeOf<Observable<BetaStreamEvent>>();
  expectTypeOf(messages.pipe(streamEvents({ parent: 'toolu_1' }), textOnly())).toEqualTypeOf<
    Observable<string>
  >();
  messages.pipe(streamEvents()).subscribe((event) => {
    if (event.type === 'notice') expectTypeOf(event).toEqualTypeOf<NoticeEvent>();
  });
  messages.pipe(agentState()).subscribe(({ tasks, notices }) => {
    expectTypeOf(tasks).toEqualTypeOf<readonly AgentTask[]>();
    expectTypeOf(notices).toEqualTypeOf<readonly AgentNotice[]>();
  });
  const results = messages.pipe(filter(({ type }) => type !== 'user'));
  expectTypeOf(results.pipe(streamEvents(), finalMessage())).toEqualTypeOf<
    Observable<MessageOf<BetaStreamEvent>>
  >();
  expectTypeOf(messages.pipe(agentState())).toEqualTypeOf<Observable<AgentState>>();
  expectTypeOf(of({} as Mine).pipe(streamEvents())).toEqualTypeOf<Observable<BetaStreamEvent>>();
  // @ts-expect-error: events of a reply are no messages of an agent
  of({} as StreamEvent).pipe(streamEvents());
  // @ts-expect-error: events of a reply are no messages of an agent
  of({} as BetaStreamEvent).pipe(agentState());
});
