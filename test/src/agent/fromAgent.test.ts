// With generators; with the real Agent SDK: test/agent-sdk.
import { textOnly, Valve } from 'claude-rx';
import { type AgentMessage, fromAgent, streamEvents } from 'claude-rx/agent';
import { NEVER, take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  complete,
  errorResult,
  init,
  reply,
  result,
  text,
  toolResult,
  toolUse,
} from '../../agent/messages.ts';
import { failure, received, until } from '../../support/server.ts';

const said = text('Hello wide world');
const whole = [
  init(),
  ...reply({ id: 'msg_1', blocks: [toolUse('toolu_1')], stopReason: 'tool_use' }, 'partial'),
  toolResult('toolu_1'),
  ...reply({ id: 'msg_2', blocks: [said] }, 'partial'),
  result(),
];

async function* play(messages: readonly AgentMessage[]): AsyncGenerator<AgentMessage> {
  for (const message of messages) {
    await Promise.resolve();
    yield message;
  }
}

/** The part of the SDK's `Query` beside the generator. */
function query(messages: readonly AgentMessage[], { hangs = false } = {}) {
  const log: string[] = [];
  async function* run() {
    yield* messages;
    if (hangs) await new Promise(() => {});
  }
  const query = Object.assign(run(), {
    interrupt: () => {
      log.push('interrupt');
      return Promise.reject(new Error('Query closed before response received'));
    },
    close: () => void log.push('close'),
  });
  return { query, log };
}

describe('fromAgent', () => {
  it('emits the messages unchanged', async () => {
    expect(await received(fromAgent(() => play(whole)))).toEqual(whole);
  });

  it('calls the function for each subscription', async () => {
    let count = 0;
    const agent = fromAgent(() => {
      count++;
      return play(whole);
    });
    expect(count).toBe(0);
    await received(agent);
    await received(agent);
    expect(count).toBe(2);
  });

  it('explains how to subscribe twice when given a query', async () => {
    const agent = fromAgent(play(whole));
    await received(agent);
    expect(await failure(agent)).toMatchObject({
      code: 'request',
      message: expect.stringContaining('pass a function'),
    });
  });

  it('throws for an argument that is not a query, when called', () => {
    expect(() => fromAgent(undefined as never)).toThrow(TypeError);
    expect(() => fromAgent('prompt' as never)).toThrow(/query/);
  });

  it('reports an error that the function throws', async () => {
    const mine = new RangeError('mine');
    const agent = fromAgent(() => {
      throw mine;
    });
    expect(await failure(agent)).toMatchObject({ code: 'unknown', cause: mine });
  });

  it.each(whole.slice(0, -1).map((_, index) => index))(
    'errors with code truncated if it ends without a result, after message %i',
    async (index) => {
      const seen: AgentMessage[] = [];
      const agent = fromAgent(() => play(whole.slice(0, index + 1)));
      agent.subscribe({ next: (message) => seen.push(message), error: () => {} });
      const error = await failure(agent);
      expect(error).toMatchObject({ code: 'truncated', retryable: true });
      expect(seen).toEqual(whole.slice(0, index + 1));
      const ids = seen.flatMap((one) =>
        one.type === 'stream_event' && one.event.type === 'message_start'
          ? [one.event.message.id]
          : [],
      );
      expect(error.partial?.id).toBe(ids.at(-1));
    },
  );

  it('errors with code truncated if the second turn has no result', async () => {
    const messages = [...whole, ...reply({ id: 'msg_3', blocks: [text('And')] }, 'complete')];
    const error = await failure(fromAgent(() => play(messages)));
    expect(error).toMatchObject({ code: 'truncated', partial: { content: [text('And')] } });
  });

  it.each([
    ['of which only the beginning has come', [init()]],
    ['that waits in the queue', [result({ queued_turn_count: 1 })]],
  ])('is truncated where another turn %s has no result', async (_, rest) => {
    const error = await failure(fromAgent(() => play([...whole, ...rest])));
    expect(error).toMatchObject({ code: 'truncated' });
    const more = [...whole, ...rest, result({ queued_turn_count: 0 })];
    expect(await received(fromAgent(() => play(more)))).toEqual(more);
  });

  it('completes after the result, whatever system messages and subagents follow', async () => {
    const late = complete('msg_9', said, { parent_tool_use_id: 'toolu_1' });
    const messages = [...whole, init({ subtype: 'task_notification' as never }), late];
    expect(await received(fromAgent(() => play(messages)))).toEqual(messages);
  });

  const limit = (api_error_status: number) => result({ is_error: true, api_error_status });
  it.each([
    ['error_max_turns', errorResult('error_max_turns'), undefined, 'request', false],
    ['error_max_budget_usd', errorResult('error_max_budget_usd'), undefined, 'request', false],
    [
      'error_max_structured_output_retries',
      errorResult('error_max_structured_output_retries'),
      undefined,
      'invalid_json',
      false,
    ],
    ['error_during_execution', errorResult('error_during_execution'), undefined, 'unknown', false],
    [
      'error_during_execution',
      errorResult('error_during_execution', { terminal_reason: 'aborted_streaming' }),
      undefined,
      'aborted',
      false,
    ],
    [
      'no_config',
      errorResult('error_during_execution', { startup_failure_reason: 'no_config' }),
      undefined,
      'request',
      false,
    ],
    [
      'authentication_failed',
      result({ is_error: true }),
      'authentication_failed',
      'request',
      false,
    ],
    ['overloaded', result({ is_error: true }), 'overloaded', 'overloaded', true],
    ['rate_limit', result({ is_error: true }), 'rate_limit', 'rate_limited', true],
    ['server_error', limit(529), 'server_error', 'overloaded', true],
    ['invalid_request', limit(400), 'invalid_request', 'request', false],
  ])('reports the result %s as an error, after the result itself', async (...given) => {
    const [errorType, end, kind, code, retryable] = given;
    const last = complete('msg_3', text('API Error'), kind === undefined ? {} : { error: kind });
    const messages = [...whole.slice(0, -1), last, end];
    const seen: AgentMessage[] = [];
    const agent = fromAgent(() => play(messages));
    agent.subscribe({ next: (message) => seen.push(message), error: () => {} });
    const error = await failure(agent);
    expect(error).toMatchObject({ code, retryable, errorType, cause: end });
    expect(error.message).toContain(end.subtype === 'success' ? 'done' : end.subtype);
    expect(error.partial?.content).toEqual([text('API Error')]);
    expect(seen).toEqual(messages);
  });

  it('emits such a result with allowErrorResult, and goes on', async () => {
    const messages = [init(), errorResult('error_max_turns'), ...whole];
    expect(await received(fromAgent(() => play(messages), { allowErrorResult: true }))).toEqual(
      messages,
    );
  });

  it('keeps a thrown error as the cause, with the reply so far', async () => {
    const mine = new RangeError('mine');
    async function* broken() {
      yield* whole.slice(0, -4);
      throw mine;
    }
    const error = await failure(fromAgent(() => broken()));
    expect(error).toMatchObject({ code: 'unknown', cause: mine });
    expect(error.partial?.content).toEqual([said]);
    const without = await failure(fromAgent(() => broken(), { keepContent: false }));
    expect(without.partial).toBeUndefined();
  });

  it('interrupts and closes a query at once when unsubscribed during a stall', async () => {
    const { query: hanging, log } = query(whole.slice(0, 3), { hangs: true });
    let count = 0;
    const subscription = fromAgent(() => hanging).subscribe(() => count++);
    await until(() => count === 3);
    expect(log).toEqual([]);
    subscription.unsubscribe();
    expect(log).toEqual(['interrupt', 'close']);
  });

  it('closes a query when it has failed, and when it has completed', async () => {
    const failed = query([init(), errorResult('error_max_turns'), init()]);
    await failure(fromAgent(failed.query));
    expect(failed.log).toContain('close');
    const { query: good, log } = query(whole);
    await received(fromAgent(good));
    expect(log).toContain('close');
  });

  it('calls return() of a generator, and passes it a signal', async () => {
    const log: string[] = [];
    async function* heedful(signal: AbortSignal) {
      try {
        yield* whole.slice(0, 2);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        log.push('aborted');
      } finally {
        log.push('returned');
      }
    }
    let seen = 0;
    const subscription = fromAgent(heedful).subscribe(() => seen++);
    await until(() => seen === 2);
    subscription.unsubscribe();
    await until(() => log.length === 2);
    expect(log).toEqual(['aborted', 'returned']);
  });

  it('reads nothing more when unsubscribed at a message', async () => {
    let asked = 0;
    async function* counted() {
      for (const message of whole) {
        asked++;
        yield message;
      }
    }
    expect(await received(fromAgent(counted).pipe(take(3)))).toEqual(whole.slice(0, 3));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(asked).toBe(3);
  });

  it('errors with the reason of a signal, and the reply so far', async () => {
    const stopping = new AbortController();
    const { query: hanging, log } = query(whole.slice(0, -4), { hangs: true });
    const agent = fromAgent(hanging, { signal: stopping.signal });
    const failed = failure(agent);
    setTimeout(() => stopping.abort(new Error('the user pressed Stop')), 10);
    const error = await failed;
    expect(error).toMatchObject({
      code: 'aborted',
      message: expect.stringContaining('the user pressed Stop'),
    });
    expect(error.partial?.content).toEqual([said]);
    expect(log).toEqual(['interrupt', 'close']);
  });

  it('makes a generator wait with a valve', async () => {
    let asked = 0;
    async function* counted() {
      for (const message of whole) {
        asked++;
        yield message;
      }
    }
    const valve = new Valve({ highWaterMark: 4 });
    const subscription = fromAgent(counted, { valve })
      .pipe(valve.concatMap(() => NEVER))
      .subscribe();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(asked).toBe(4);
    subscription.unsubscribe();
    expect(valve.depth).toBe(0);
  });

  it('emits text through streamEvents', async () => {
    const texts = await received(fromAgent(() => play(whole)).pipe(streamEvents(), textOnly()));
    expect(texts.join('')).toBe('Hello wide world');
  });
});
