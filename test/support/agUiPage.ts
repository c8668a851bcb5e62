import { AbstractAgent, type AgentSubscriber, HttpAgent } from '@ag-ui/client';
import type {
  Interrupt,
  Message,
  ResumeEntry,
  RunAgentInput,
  RunErrorEvent,
  RunFinishedEvent,
  Tool,
} from '@ag-ui/core';
import type { AgUiEvent } from 'claude-rx/ag-ui';
import type { Observable } from 'rxjs';
import { expect, vi } from 'vitest';

/** A page of AG-UI with the real client, whose runs are made in the same process. */
export class TestAgent extends AbstractAgent {
  readonly #run: (input: RunAgentInput) => Observable<AgUiEvent>;

  constructor(run: (input: RunAgentInput) => Observable<AgUiEvent>, initialMessages: Message[]) {
    super({ threadId: 'thread', initialMessages });
    this.#run = run;
  }

  run(input: RunAgentInput): Observable<AgUiEvent> {
    return this.#run(input);
  }
}

/** What a page has after a run. */
export interface PageRun {
  messages: Message[];
  newMessages: Message[];
  /** Why the run failed, as the page is told. */
  error: RunErrorEvent | undefined;
  finished: RunFinishedEvent | undefined;
  pendingToolCallIds: string[];
  interrupts: Interrupt[];
  customs: { name: string; value: unknown }[];
}

export interface RunOptions {
  tools?: Tool[];
  resume?: ResumeEntry[];
  runId?: string;
}

/** Runs the agent; the client must accept each event as it is, without a warning. */
export async function runPage(agent: AbstractAgent, options: RunOptions = {}): Promise<PageRun> {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  const run: PageRun = {
    messages: [],
    newMessages: [],
    error: undefined,
    finished: undefined,
    pendingToolCallIds: [],
    interrupts: [],
    customs: [],
  };
  const subscriber: AgentSubscriber = {
    onRunErrorEvent: ({ event }) => void (run.error = event),
    onRunFinishedEvent: (params) => {
      run.finished = params.event;
      if (params.outcome === 'success') run.pendingToolCallIds = params.pendingToolCallIds ?? [];
      if (params.outcome === 'interrupt') run.interrupts = params.interrupts;
    },
    onCustomEvent: ({ event }) => void run.customs.push(event),
  };
  try {
    const { newMessages } = await agent.runAgent(options, subscriber);
    expect(warn.mock.calls).toEqual([]);
    return { ...run, messages: agent.messages, newMessages };
  } finally {
    warn.mockRestore();
  }
}

export const user = (content: string, id = `user-${content}`): Message => ({
  id,
  role: 'user',
  content,
});

/** A page whose runs are made by `run`, after one message of its user. */
export function pageOf(
  run: (input: RunAgentInput) => Observable<AgUiEvent>,
  messages: Message[] = [user('Hi')],
): TestAgent {
  return new TestAgent(run, messages);
}

/** A page of an endpoint. */
export function pageOver(url: string, messages: Message[] = [user('Hi')]): HttpAgent {
  return new HttpAgent({ url, threadId: 'thread', initialMessages: messages });
}

/**
 * What the reducer of `@ag-ui/client` makes of the events, a hundred times as fast; `agUiChaos` compares
 * both.
 */
export function reduced(messages: readonly Message[], events: readonly AgUiEvent[]): Message[] {
  let all = structuredClone([...messages]) as any[];
  const find = (id: string) => all.find((message) => message.id === id);
  const callOf = (id: string) =>
    all.flatMap(({ toolCalls = [] }) => toolCalls).find((call) => call.id === id);
  const add = (message: object) => void all.push(message);
  const describe = (target: any, { metadata }: { metadata?: object | undefined }) => {
    if (metadata) target.metadata = { ...target.metadata, ...structuredClone(metadata) };
  };
  for (const event of events as any[]) {
    const { type, messageId: id, toolCallId } = event;
    switch (type) {
      case 'TEXT_MESSAGE_START':
        if (!find(id)) add({ id, role: 'assistant', content: '' });
        break;
      case 'REASONING_MESSAGE_START':
        if (!find(id)) add({ id, role: 'reasoning', content: '' });
        break;
      case 'TEXT_MESSAGE_CONTENT':
      case 'REASONING_MESSAGE_CONTENT':
        find(id).content = `${find(id).content ?? ''}${event.delta}`;
        break;
      case 'TEXT_MESSAGE_END':
      case 'REASONING_MESSAGE_END':
        describe(find(id), event);
        break;
      case 'TOOL_CALL_START': {
        if (callOf(toolCallId)) break;
        if (!find(event.parentMessageId)) add({ id: event.parentMessageId, role: 'assistant' });
        const call = { id: toolCallId, type: 'function' };
        const made = { ...call, function: { name: event.toolCallName, arguments: '' } };
        describe(made, event);
        (find(event.parentMessageId).toolCalls ??= []).push(made);
        break;
      }
      case 'TOOL_CALL_ARGS':
        callOf(toolCallId).function.arguments += event.delta;
        break;
      case 'TOOL_CALL_RESULT': {
        const made = { id, toolCallId, role: 'tool', content: event.content };
        describe(made, event);
        const isOwner = (one: any) => one.toolCalls?.some((call: any) => call.id === toolCallId);
        let at = all.findIndex(isOwner) + 1;
        if (at === 0) at = all.length;
        else while (all[at]?.role === 'tool') at++;
        all.splice(at, 0, made);
        break;
      }
      case 'REASONING_ENCRYPTED_VALUE':
        find(event.entityId).encryptedValue = event.encryptedValue;
        break;
      case 'MESSAGES_SNAPSHOT': {
        const stated: any[] = structuredClone(event.messages);
        const hasReasoning = stated.some(({ role }) => role === 'reasoning');
        const now = (one: any) => stated.find((other) => other.id === one.id);
        all = all
          .filter((one) => now(one) || (one.role === 'reasoning' && !hasReasoning))
          .map((one) => now(one) ?? one);
        for (const one of stated) if (!find(one.id)) add(one);
        break;
      }
    }
  }
  return all as Message[];
}
