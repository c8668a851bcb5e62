import type {
  Query,
  SDKAssistantMessage,
  SDKMessage,
  SDKResultMessage,
} from '@anthropic-ai/claude-agent-sdk';
import { type BetaStreamEvent, textOnly } from 'claude-rx';
import {
  type AgentMessage,
  fromAgent,
  streamEvents,
  type AgentState,
  agentState,
} from 'claude-rx/agent';
import { filter, type Observable } from 'rxjs';

declare const query: Query;
type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <A, B>(_same: Equal<A, B>): void => {};

// The SDK's query is taken as it is, and its messages keep their own types.
const messages = fromAgent(() => query);
is<typeof messages, Observable<SDKMessage>>(true);
is<ReturnType<typeof fromAgent<SDKMessage>>, Observable<SDKMessage>>(true);
fromAgent(query);
messages.subscribe((message) => {
  if (message.type === 'assistant') is<typeof message, SDKAssistantMessage>(true);
  if (message.type === 'result') is<typeof message, SDKResultMessage>(true);
});

// So are they by the operators, and what is behind those has our types.
const events = messages.pipe(streamEvents());
is<typeof events, Observable<BetaStreamEvent>>(true);
const texts = messages.pipe(
  filter(({ type }) => type !== 'user'),
  streamEvents({ parent: 'toolu_1' }),
  textOnly(),
);
is<typeof texts, Observable<string>>(true);
const states = messages.pipe(agentState());
is<typeof states, Observable<AgentState>>(true);

// What the CLI writes has the SDK's shape, where it is read here: one goes where the other does.
const asOurs = (message: SDKMessage): AgentMessage => message;
export { asOurs };
