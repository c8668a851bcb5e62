import type Anthropic from '@anthropic-ai/sdk';
import type { BetaMessage } from '@anthropic-ai/sdk/resources/beta/messages/messages';
import {
  type BetaStreamEvent,
  fromMessages,
  type MessageStreamError,
  type StreamEvent,
} from 'claude-rx';
import {
  type AssistantMessage,
  ask,
  Conversation,
  type ConversationChanges,
  type ConversationEvent,
  type ConversationState,
  type ConversationUsage,
  type SystemBlock,
} from 'claude-rx/conversation';
import { defineTool, type PendingCall, type ToolEvent } from 'claude-rx/tools';
import type { Observable } from 'rxjs';
import { expectTypeOf, it } from 'vitest';
import { z } from 'zod';

declare const client: Anthropic;
const params = { model: 'claude-opus-5-5', max_tokens: 1 };

it('emits the events of the replies and of the tools', () => {
  const conversation = new Conversation(client, params);
  expectTypeOf(conversation).toEqualTypeOf<Conversation<StreamEvent>>();
  expectTypeOf(conversation.send('Hi')).toEqualTypeOf<
    Observable<StreamEvent | ToolEvent<StreamEvent>>
  >();
  expectTypeOf(conversation.regenerate()).toEqualTypeOf<Observable<ConversationEvent>>();
  expectTypeOf(conversation.countTokens()).toEqualTypeOf<Observable<number>>();
});

it('accepts a function that makes the requests, and types its parameters', () => {
  const conversation = new Conversation((request, { turn }) => {
    expectTypeOf(request.messages).toEqualTypeOf<Anthropic.MessageParam[]>();
    expectTypeOf(turn).toEqualTypeOf<number>();
    return fromMessages(client, request);
  }, params);
  expectTypeOf(conversation).toEqualTypeOf<Conversation<StreamEvent>>();
});

it('accepts a beta client with a type argument', () => {
  const conversation = new Conversation<BetaStreamEvent>(client.beta, params);
  const last = conversation.messages.at(-1);
  if (last?.role !== 'assistant') return;
  expectTypeOf(last.stop_reason).toEqualTypeOf<BetaMessage['stop_reason'] | undefined>();
  // @ts-expect-error -- these are the parameters of another client
  void new Conversation<StreamEvent>(client.beta, { ...params, mcp_servers: [] });
});

it('narrows messages and blocks', () => {
  const { state } = new Conversation(client, params);
  expectTypeOf(state).toEqualTypeOf<ConversationState>();
  expectTypeOf(state.usage).toEqualTypeOf<ConversationUsage>();
  expectTypeOf(state.error).toEqualTypeOf<MessageStreamError | undefined>();
  expectTypeOf(state.live).toEqualTypeOf<AssistantMessage | undefined>();
  for (const message of state.messages) {
    if (message.role === 'user') {
      expectTypeOf(message.blocks[0]!.block).toEqualTypeOf<Anthropic.ContentBlockParam>();
      // @ts-expect-error -- a question has no usage
      void message.usage;
    } else if (message.role === 'system') {
      expectTypeOf(message.blocks[0]!.block).toEqualTypeOf<SystemBlock>();
    } else {
      expectTypeOf(message.blocks[0]!.block).toEqualTypeOf<Anthropic.ContentBlock>();
      expectTypeOf(message.usage).toEqualTypeOf<Anthropic.Usage | undefined>();
      // @ts-expect-error -- a state is not to be written into
      message.text = '';
    }
  }
});

it('accepts tools and content, and no parameters that it sets itself', () => {
  const look = defineTool({
    name: 'look',
    description: '',
    input: z.object({}),
    run: () => 'x',
  });
  const conversation = new Conversation(client, params, { tools: [look], maxTurns: 3 });
  conversation.send([{ type: 'text', text: 'Hi' }]);
  // @ts-expect-error -- a reply is not said by the user
  conversation.send([{ type: 'server_tool', text: 'Hi' }]);
  // @ts-expect-error -- whether it streams is an option
  void new Conversation(client, { ...params, stream: true });
  // @ts-expect-error -- the model is missing
  void new Conversation(client, { max_tokens: 1 });
});

it('accepts a prompt, or parameters', () => {
  expectTypeOf(ask(client, 'Hi')).toEqualTypeOf<Observable<string>>();
  ask(client, 'Hi', { params: { model: 'claude-haiku-4-5', system: 'Be brief' }, stream: false });
  ask(client, { ...params, messages: [] });
  // @ts-expect-error -- a request has messages
  ask(client, params);
});

it('accepts the answers to pending calls', () => {
  const conversation = new Conversation(client, params, {
    tools: [defineTool({ name: 'place', description: 'Where?', input: z.object({}) })],
    stopWhen: ({ turns }) => turns.length > 3,
  });
  expectTypeOf(conversation.state.pending).toEqualTypeOf<readonly PendingCall[]>();
  expectTypeOf(conversation.answer([{ id: 'a', approved: true }])).toEqualTypeOf<
    Observable<ConversationEvent>
  >();
  const [call] = conversation.state.pending;
  expectTypeOf(call!.awaits).toEqualTypeOf<'approval' | 'result' | 'subagent'>();
  expectTypeOf(call!.subagent?.pending).toEqualTypeOf<PendingCall[] | undefined>();
  conversation.answer([{ id: 'a', answers: [{ id: 'b', approved: true }] }]);
  // @ts-expect-error an answer is a yes, a no, a result or an error
  conversation.answer([{ id: 'a' }]);
  // @ts-expect-error answers are given to `answer`
  void new Conversation(client, params, { tools: [], answers: [] });
});

it('returns changes for a log, and loads from them', () => {
  const conversation = Conversation.fromChanges([], client, params);
  expectTypeOf(conversation).toEqualTypeOf<Conversation<StreamEvent>>();
  expectTypeOf(conversation.version).toEqualTypeOf<number>();
  const changes = conversation.changesSince(conversation.version);
  expectTypeOf(changes).toEqualTypeOf<ConversationChanges | undefined>();
  // @ts-expect-error -- a version is needed
  conversation.changesSince();
});
