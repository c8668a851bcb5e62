import { MessageStreamError } from 'claude-rx';
import { type AgentMessage, type AgentState, agentState } from 'claude-rx/agent';
import { from } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  complete,
  cliError,
  errorResult,
  init,
  partial,
  reply,
  result,
  SESSION,
  text,
} from '../agent/messages.ts';
import { drawn } from '../diagrams/drawn.ts';
import { marbles } from '../support/marbles.ts';

const sent = { uuid: 'u', session_id: SESSION };
const system = (subtype: string, fields: object = {}) =>
  ({ type: 'system', subtype, ...fields, ...sent }) as AgentMessage;

function statesOf(messages: AgentMessage[]): AgentState[] {
  const states: AgentState[] = [];
  from(messages)
    .pipe(agentState())
    .subscribe((state) => states.push(state));
  return states;
}
const stateOf = (...messages: AgentMessage[]) => statesOf(messages).at(-2)!;

describe('agentState', () => {
  it(
    'emits the status of the session from the start to the end',
    drawn(
      'agentState',
      marbles((m) => {
        const messages = {
          i: init(),
          q: system('status', { status: 'requesting' }),
          a: complete('msg_1', text('Hello')),
          r: result(),
        };
        const source = m.hot('  -i--q--a--a--r|', messages);
        const expected = '      sA--B--C-----D(E|)';
        const [s, A, B, C, D, E] = statesOf([messages.i, messages.q, messages.a, messages.r]);
        const values = { s, A, B, C, D, E } as Record<string, AgentState>;
        m.expect(source.pipe(agentState())).toBeObservable(expected, values);
        m.expect(source).toHaveSubscriptions('^-------------!');
      }),
    ),
  );

  it('has all fields of the first message', () => {
    expect(stateOf(init({ mcp_servers: [{ name: 'db', status: 'connected' }] }))).toEqual({
      status: 'running',
      sessionId: SESSION,
      model: 'claude-opus-5-5',
      cwd: '/project',
      version: '2.1.332',
      permissionMode: 'default',
      tools: ['Bash', 'Read'],
      mcpServers: [{ name: 'db', status: 'connected' }],
      turns: 0,
      costUsd: 0,
      modelUsage: {},
      usage: undefined,
      rateLimits: {},
      permissionDenials: [],
      notices: [],
      tasks: [],
      thinkingTokens: 0,
      safetyStops: 0,
      retry: undefined,
      result: undefined,
    });
  });

  it('has the totals of the last result, and counts the turns', () => {
    const modelUsage = { 'claude-opus-5-5': { inputTokens: 5, costUSD: 0.5 } } as never;
    const first = result({ total_cost_usd: 0.25 });
    const second = errorResult('error_max_turns', { total_cost_usd: 0.5, modelUsage });
    const state = stateOf(init(), first, second);
    expect(state).toMatchObject({ status: 'idle', turns: 2, costUsd: 0.5, modelUsage });
    expect(state.result).toBe(second);
    expect(state.usage).toBe(second.usage);
  });

  it('keeps the latest status of each rate limit', () => {
    const limit = (rateLimitType: string, utilization: number) =>
      ({
        type: 'rate_limit_event',
        rate_limit_info: { status: 'allowed', rateLimitType, utilization },
        ...sent,
      }) as AgentMessage;
    const { rateLimits } = stateOf(
      limit('five_hour', 0.1),
      limit('seven_day', 0.7),
      limit('five_hour', 0.2),
    );
    expect(rateLimits).toMatchObject({
      five_hour: { utilization: 0.2 },
      seven_day: { utilization: 0.7 },
    });
  });

  it('lists a denied call once, also if the result names it again', () => {
    const denied = system('permission_denied', {
      tool_name: 'Bash',
      tool_use_id: 'toolu_1',
      message: 'no',
    });
    const tool_input = { command: 'rm -rf /' };
    const again = [{ tool_name: 'Bash', tool_use_id: 'toolu_1', tool_input }];
    expect(stateOf(denied).permissionDenials).toEqual([
      { tool_name: 'Bash', tool_use_id: 'toolu_1' },
    ]);
    expect(stateOf(denied, result({ permission_denials: again })).permissionDenials).toEqual(again);
  });

  it('shows a retry until the next event', () => {
    const retry = system('api_retry', {
      attempt: 2,
      max_retries: 10,
      retry_delay_ms: 500,
      error_status: 529,
      error: 'overloaded',
    });
    expect(stateOf(init(), retry)).toMatchObject({
      status: 'retrying',
      retry: { attempt: 2, maxRetries: 10, delay: 500, error: 'overloaded' },
    });
    const later = stateOf(init(), retry, complete('msg_1', text('Hello')));
    expect(later).toMatchObject({ status: 'running', retry: undefined });
  });

  it('follows status messages, and a change of the model', () => {
    const fallback = (fields: object) =>
      system('model_refusal_fallback', { fallback_model: 'claude-opus-4-8', ...fields });
    expect(
      stateOf(init(), system('session_state_changed', { state: 'requires_action' })).status,
    ).toBe('requires_action');
    expect(stateOf(init(), system('status', { status: 'compacting' })).status).toBe('compacting');
    expect(
      stateOf(init(), system('status', { status: null, permissionMode: 'plan' })),
    ).toMatchObject({
      status: 'running',
      permissionMode: 'plan',
    });
    expect(stateOf(init(), fallback({})).model).toBe('claude-opus-4-8');
    expect(stateOf(init(), fallback({ scope: 'local' })).model).toBe('claude-opus-5-5');
  });

  it('does not treat a message of a background subagent as a turn', () => {
    const late = complete('msg_9', text('Done'), { parent_tool_use_id: 'toolu_1' });
    expect(stateOf(init(), result(), late).status).toBe('idle');
  });

  const started = (id: string, fields: object = {}) =>
    system('task_started', {
      task_id: id,
      tool_use_id: `toolu_${id}`,
      description: 'Look',
      subagent_type: 'general-purpose',
      task_type: 'local_agent',
      ...fields,
    });

  it('follows a subagent from its start to its report', () => {
    const states = statesOf([
      started('a1'),
      system('task_progress', {
        task_id: 'a1',
        tool_use_id: 'toolu_a1',
        description: 'Running echo',
        usage: { total_tokens: 26, tool_uses: 1, duration_ms: 160 },
        last_tool_name: 'Bash',
      }),
      system('task_updated', { task_id: 'a1', patch: { status: 'completed', end_time: 1 } }),
      system('task_notification', {
        task_id: 'a1',
        tool_use_id: 'toolu_a1',
        status: 'completed',
        summary: 'All is well.',
      }),
    ]);
    expect(states.map(({ tasks }) => tasks[0]?.status)).toEqual([
      undefined,
      'running',
      'running',
      'completed',
      'completed',
      'completed',
    ]);
    expect(states.at(-1)!.tasks).toEqual([
      {
        id: 'a1',
        callId: 'toolu_a1',
        type: 'local_agent',
        subagentType: 'general-purpose',
        description: 'Look',
        isBackground: false,
        status: 'completed',
        lastTool: 'Bash',
        usage: { total_tokens: 26, tool_uses: 1, duration_ms: 160 },
        summary: 'All is well.',
      },
    ]);
  });

  it('lists background tasks, also if their start was missed', () => {
    const { tasks } = stateOf(
      system('background_tasks_changed', {
        tasks: [{ task_id: 'b1', task_type: 'local_bash', description: 'npm run watch' }],
      }),
      system('background_tasks_changed', { tasks: [] }),
    );
    expect(tasks).toMatchObject([{ id: 'b1', isBackground: true, status: 'running' }]);
  });

  it('keeps at most 50 ended tasks, and all running tasks', () => {
    const messages = Array.from({ length: 60 }, (_, n) => [
      started(`t${n}`),
      ...(n === 0
        ? []
        : [system('task_updated', { task_id: `t${n}`, patch: { status: 'failed' } })]),
    ]).flat();
    const { tasks } = stateOf(...messages, started('last'));
    expect(tasks).toHaveLength(52);
    expect(tasks[0]?.id).toBe('t0');
    expect(tasks[1]?.id).toBe('t10');
  });

  it('keeps at most 50 notices of Claude Code', () => {
    const state = stateOf(
      ...Array.from({ length: 50 }, () => system('informational', { content: 'Once more.' })),
      system('api_retry', { attempt: 1, max_retries: 2, retry_delay_ms: 1, error: 'overloaded' }),
      cliError('API Error: overloaded', { error: 'overloaded' }),
    );
    expect(state.notices).toHaveLength(50);
    expect(state.notices.slice(-2)).toEqual([
      { kind: 'api_retry', text: 'overloaded', error: 'overloaded' },
      { kind: 'api_error', text: 'API Error: overloaded', error: 'overloaded' },
    ]);
  });

  it('has the estimated thinking tokens, and the count of replies that safeguards stopped', () => {
    const thinks = system('thinking_tokens', { estimated_tokens: 12, estimated_tokens_delta: 3 });
    expect(stateOf(thinks).thinkingTokens).toBe(12);
    expect(stateOf(thinks, system('status', { status: 'requesting' })).thinkingTokens).toBe(0);
    expect(stateOf(thinks, result({ safety_stops: 3 }))).toMatchObject({
      safetyStops: 3,
      thinkingTokens: 0,
    });
  });

  it('emits nothing for messages that change nothing, and reuses unchanged parts', () => {
    const words = reply({ id: 'msg_1', blocks: [text('Hello wide world')] }, 'partial');
    const states = statesOf([init(), ...words, system('notification'), partial({ type: 'ping' })]);
    expect(states.map(({ status }) => status)).toEqual(['starting', 'running', 'ended']);
    expect(states[2]!.tools).toBe(states[1]!.tools);
  });

  it(
    'ends with the error as its last state',
    marbles((m) => {
      const error = new MessageStreamError('It stopped', { code: 'aborted' });
      const other = new RangeError('mine');
      const i = init();
      const [s, A] = statesOf([i]);
      const stopped = { ...A, status: 'aborted', error };
      m.expect(m.cold('-i-#', { i }, error).pipe(agentState())).toBeObservable('sA-(E|)', {
        s,
        A,
        E: stopped,
      } as never);
      const states: AgentState[] = [];
      m.cold('-i-#', { i }, other)
        .pipe(agentState())
        .subscribe((state) => states.push(state));
      m.flush();
      expect(states.at(-1)).toMatchObject({
        status: 'error',
        error: { code: 'unknown', cause: other },
      });
    }),
  );
});
