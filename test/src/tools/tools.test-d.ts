import type Anthropic from '@anthropic-ai/sdk';
import type { Client } from '@modelcontextprotocol/client';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import {
  accumulateMessage,
  type AnyStreamEvent,
  type BetaStreamEvent,
  type DeepPartial,
  eventsOfType,
  finalText,
  fromMessages,
  fromResponse,
  isSubagentEvent,
  type MessageOf,
  retryResumable,
  type StreamEvent,
  textOnly,
} from 'claude-rx';
import {
  type AnyTool,
  calls,
  defineTool,
  type InterruptedSubagent,
  type ResumedSubagent,
  type PendingCall,
  type PlainCall,
  type DefinedTool,
  type McpProgress,
  mcpTools,
  runTools,
  spent,
  type StopWhen,
  turnCount,
  type RunningCall,
  type SubagentUsage,
  type ToolAnswer,
  type ToolEvent,
  type ToolResultEvent,
  type ToolSource,
  type TurnEndEvent,
} from 'claude-rx/tools';
import { filter, from, map, type Observable } from 'rxjs';
import { describe, expectTypeOf, it } from 'vitest';
import { z } from 'zod';

declare const client: Anthropic;
const params = {
  model: 'claude-opus-5-5',
  max_tokens: 1024,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};

describe('defineTool', () => {
  it('types the output of the schema for run, and its partial input for preview', () => {
    const tool = defineTool({
      name: 'book',
      description: 'Books',
      input: z.object({ nights: z.string().transform(Number), city: z.string().default('Rome') }),
      run(input, { partial$, signal, toolUseId, turn }) {
        expectTypeOf(input).toEqualTypeOf<{ nights: number; city: string }>();
        expectTypeOf(partial$).toEqualTypeOf<
          Observable<DeepPartial<{ nights: string; city?: string | undefined }>>
        >();
        expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
        expectTypeOf(toolUseId).toEqualTypeOf<string>();
        expectTypeOf(turn).toEqualTypeOf<number>();
        return from([1, 2]);
      },
    });
    expectTypeOf(tool).toExtend<AnyTool>();
    // @ts-expect-error the model has nothing else to go by
    defineTool({ name: 'a', input: z.object({}), run: () => '' });
  });
});

describe('deferred answers', () => {
  const place = defineTool({ name: 'place', description: 'Where?', input: z.object({}) });

  it('are typed by their kinds', () => {
    expectTypeOf(place).toExtend<AnyTool>();
    runTools(client, params, {
      tools: [place],
      approve: ({ name }) => (name === 'a' ? 'defer' : true),
      answers: [
        { id: 'a', approved: true },
        { id: 'b', approved: false, reason: 'no' },
        { id: 'c', result: [1] },
        { id: 'd', error: 'gone' },
        {
          id: 'e',
          answers: [{ id: 'f', approved: true }],
          subagent: { appended: [], pending: [] },
        },
      ],
    }).subscribe((event) => {
      if (event.type === 'turn_end') {
        expectTypeOf(event.pending).toEqualTypeOf<PendingCall[] | undefined>();
      }
      if (event.type === 'tool_answers') {
        expectTypeOf(event.messages).toEqualTypeOf<Anthropic.MessageParam[]>();
        expectTypeOf(event.pending).toEqualTypeOf<PendingCall[] | undefined>();
      }
    });
    // @ts-expect-error an answer is a yes, a no, a result or an error
    expectTypeOf<{ id: string }>().toExtend<ToolAnswer>();
    expectTypeOf<PendingCall['subagent']>().toEqualTypeOf<InterruptedSubagent | undefined>();
    // A pending call with answers is an answer.
    expectTypeOf<PendingCall & { answers: ToolAnswer[] }>().toExtend<ToolAnswer>();
    // @ts-expect-error other words are no decision
    runTools(client, params, { tools: [place], approve: () => 'later' });
  });
});

describe('subagents', () => {
  it('are distinguished from other progress, and read with any operator', () => {
    runTools(client, params, { tools: [] }).subscribe((event) => {
      if (event.type !== 'tool_progress') return;
      expectTypeOf(event.progress).toBeUnknown();
      if (!isSubagentEvent(event)) return;
      expectTypeOf(event.parent_tool_use_id).toEqualTypeOf<string>();
      expectTypeOf(event.progress).toEqualTypeOf<AnyStreamEvent>();
    });
    const texts = runTools(client, params, { tools: [] }).pipe(
      filter(isSubagentEvent),
      map(({ progress }) => progress),
      textOnly(),
    );
    expectTypeOf(texts).toEqualTypeOf<Observable<string>>();
    const ends = runTools(client, params, { tools: [] }).pipe(eventsOfType('turn_end'));
    ends.subscribe(({ subagents }) => {
      expectTypeOf(subagents).toEqualTypeOf<SubagentUsage[] | undefined>();
    });
  });
});

describe('resume', () => {
  it('gets the output of the schema, and values for `runTools`', () => {
    defineTool({
      name: 'agent',
      description: 'An agent',
      input: z.object({ task: z.string() }),
      run: ({ task }) => task,
      resume: ({ task }, resumed, { signal }) => {
        expectTypeOf(task).toEqualTypeOf<string>();
        expectTypeOf(resumed).toEqualTypeOf<ResumedSubagent>();
        expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
        const { appended, answers } = resumed;
        const messages = [...params.messages, ...appended];
        return runTools(client, { ...params, messages }, { tools: [], answers });
      },
    });
  });
});

describe('mcpTools', () => {
  it('accepts a client of 2.x and its list of tools', async () => {
    const mcp = {} as Client;
    expectTypeOf(mcpTools(mcp)).toEqualTypeOf<ToolSource>();
    const { tools } = await mcp.listTools();
    expectTypeOf(mcpTools(mcp, tools, { strict: true })).toEqualTypeOf<DefinedTool[]>();
    runTools(client, params, { tools: [mcpTools(mcp), ...mcpTools(mcp, tools)] });
  });

  it('accepts a function with a list of tools', () => {
    const call = async (name: string, input: Record<string, unknown>) => ({
      content: [{ type: 'text', text: `${name} ${JSON.stringify(input)}` }],
    });
    const definitions = [{ name: 'a', inputSchema: { type: 'object' } }];
    expectTypeOf(mcpTools(call, definitions)).toEqualTypeOf<DefinedTool[]>();
    mcpTools((_name, _input, { signal, onprogress }) => {
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
      expectTypeOf(onprogress).parameter(0).toEqualTypeOf<McpProgress>();
      return Promise.resolve({ isError: true });
    }, definitions);
    // @ts-expect-error a function cannot list the tools
    mcpTools(call);
    // @ts-expect-error no tools, no client
    mcpTools({}, definitions);
  });

  it('does not accept a client of 1.x, whose second parameter is a schema', () => {
    interface Schema {
      parse(value: unknown): unknown;
    }
    const old = {} as {
      callTool(
        params: { name: string; arguments?: Record<string, unknown> },
        schema?: Schema,
        options?: { signal?: AbortSignal },
      ): Promise<{ content: { type: 'text'; text: string }[] }>;
    };
    // @ts-expect-error wants a function that calls it
    mcpTools(old, []);
  });
});

describe('stop conditions', () => {
  it('get the turns, and return a boolean', () => {
    runTools(client, params, {
      tools: [],
      prices: (model) => (model === 'claude-opus-5-5' ? { input: 5, output: 25 } : undefined),
      stopWhen: ({ turn, turns, total, cost, message }) => {
        expectTypeOf(turn).toEqualTypeOf<number>();
        expectTypeOf(turns[0]!.outcome).toEqualTypeOf<TurnEndEvent['outcome']>();
        expectTypeOf(total.output_tokens).toEqualTypeOf<number>();
        expectTypeOf(cost).toEqualTypeOf<number | undefined>();
        expectTypeOf(message.role).toEqualTypeOf<'assistant'>();
        return from([true]);
      },
    });
    expectTypeOf(turnCount(3)).toExtend<StopWhen>();
    expectTypeOf(calls('a', 'b')).toExtend<StopWhen>();
    expectTypeOf(spent({ tokens: 1, cost: 1 })).toExtend<StopWhen>();
    // @ts-expect-error a name is needed
    calls();
    // @ts-expect-error it says whether to stop
    runTools(client, params, { tools: [], stopWhen: () => 'yes' });
  });
});

describe('runTools', () => {
  const tools = [
    defineTool({ name: 'a', description: '', input: z.object({ n: z.number() }), run: () => '' }),
    betaZodTool({ name: 'b', description: '', inputSchema: z.object({}), run: () => '' }),
    { type: 'web_search_20250305', name: 'web_search' },
  ] as const;

  it('has the events of the client and of the tools', () => {
    expectTypeOf(runTools(client, params, { tools })).toEqualTypeOf<
      Observable<StreamEvent | ToolEvent>
    >();
    expectTypeOf(runTools(client.beta, params, { tools })).toEqualTypeOf<
      Observable<BetaStreamEvent | ToolEvent<BetaStreamEvent>>
    >();
  });

  it('has the events of the function that makes the requests', () => {
    const loop = runTools(
      (turnParams, { turn }) => {
        expectTypeOf(turn).toEqualTypeOf<number>();
        expectTypeOf(turnParams.messages).toEqualTypeOf<Anthropic.MessageParam[]>();
        return fromMessages(client.beta, turnParams).pipe(
          retryResumable({ resume: () => fromMessages(client.beta, turnParams) }),
        );
      },
      params,
      { tools },
    );
    expectTypeOf(loop).toEqualTypeOf<Observable<BetaStreamEvent | ToolEvent<BetaStreamEvent>>>();
  });

  it('accepts stop reasons, and lists the calls that did not run', () => {
    const loop = runTools(client, params, { tools, stopReasons: ['end_turn', null] });
    loop.pipe(eventsOfType('turn_end')).subscribe(({ skipped }) => {
      expectTypeOf(skipped).toEqualTypeOf<PlainCall[] | undefined>();
    });
    // @ts-expect-error a list is wanted
    runTools(client, params, { tools, stopReasons: 'end_turn' });
  });

  it('lets `around` wrap the run of a tool, or replace it', () => {
    runTools(client, params, {
      tools,
      around: (call, run$) => {
        expectTypeOf(call).toEqualTypeOf<RunningCall>();
        expectTypeOf(run$).toEqualTypeOf<Observable<unknown>>();
        return call.turn > 1 ? ['cached'] : run$;
      },
    });
    // @ts-expect-error it gives an Observable, or what can be made one
    runTools(client, params, { tools, around: () => 5 });
  });

  it('narrows by type, and can be piped into every operator', () => {
    const loop = runTools(client, params, { tools });
    expectTypeOf(loop.pipe(eventsOfType('tool_result'))).toEqualTypeOf<
      Observable<ToolResultEvent>
    >();
    expectTypeOf(loop.pipe(eventsOfType('turn_end'))).toEqualTypeOf<Observable<TurnEndEvent>>();
    expectTypeOf(loop.pipe(textOnly())).toEqualTypeOf<Observable<string>>();
    expectTypeOf(loop.pipe(finalText())).toEqualTypeOf<Observable<string>>();
    expectTypeOf(loop.pipe(accumulateMessage())).toEqualTypeOf<
      Observable<MessageOf<StreamEvent>>
    >();
    const ends = loop.pipe(filter((event) => event.type === 'turn_end'));
    expectTypeOf(ends).toEqualTypeOf<Observable<TurnEndEvent>>();
    expectTypeOf<TurnEndEvent['appended']>().toEqualTypeOf<Anthropic.MessageParam[]>();
    expectTypeOf<TurnEndEvent<BetaStreamEvent>['appended']>().toEqualTypeOf<
      Anthropic.Beta.BetaMessageParam[]
    >();
  });

  it('requires its tools as an option', () => {
    // @ts-expect-error
    runTools(client, { ...params, tools: [] }, { tools });
    // @ts-expect-error
    runTools(client, params);
  });
});

describe('fromResponse', () => {
  it('has the events of tools if their type is given', () => {
    expectTypeOf(fromResponse<ToolEvent>(new Response())).toEqualTypeOf<
      Observable<StreamEvent | ToolEvent>
    >();
    expectTypeOf(fromResponse(new Response())).toEqualTypeOf<Observable<StreamEvent>>();
  });
});
