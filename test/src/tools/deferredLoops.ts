import { MessageStreamError, type StreamEvent } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import {
  type DefinedTool,
  defineTool,
  type PendingCall,
  type ResumedSubagent,
  runTools,
  type RunToolsOptions,
  type ToolAnswer,
  type ToolEvent,
} from 'claude-rx/tools';
import fc from 'fast-check';
import { concat, delay, type Observable, of, throwError } from 'rxjs';
import { expect } from 'vitest';
import { requestProblems } from '../../../src/testing/requestProblems.ts';
import { SaidBefore } from '../../../src/testing/SaidBefore.ts';
import { testScheduler } from '../../support/marbles.ts';
import { params } from '../../support/server.ts';
import { schema, tool } from './turns.ts';

/**
 * `run` runs at once, `ask` is deferred by `approve`, `page` is run by the client, `agent` is a subagent that
 * has all of them.
 */
const NAMES = ['run', 'ask', 'page', 'agent'] as const;
const page = defineTool({ name: 'page', description: 'For a test', input: schema });
/** How many loops a chat has. */
const LOOPS = 6;
/** How deep subagents call subagents. */
const DEPTH = 2;

const thinking = { type: 'enabled', budget_tokens: 500 } as const;

const piece = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom({ text: 'Well. ' }, { text: ' ' }) },
  { weight: 2, arbitrary: fc.constant({ thinking: 'Hm.' }) },
  {
    weight: 5,
    arbitrary: fc.record({
      name: fc.constantFrom(...NAMES),
      json: fc.constantFrom('{"n":1}', '{"n":2}', '{"n":3}', '{"n":4}', '{"n":"x"}', '{oops'),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ search: true }) },
);

/** Mostly nothing. */
const rarely = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });

const aReply = fc.record({
  pieces: fc.array(piece, { minLength: 1, maxLength: 5 }),
  stopReason: rarely(fc.constantFrom('max_tokens', 'pause_turn', 'end_turn', 'refusal')),
  /** After how many events the request fails. */
  fails: rarely(fc.nat(20)),
});

/** What happens between two loops, each in a process of its own. */
const aBreak = fc.record({
  withdraws: rarely(fc.constantFrom(...NAMES)),
  adds: rarely(fc.constantFrom(...NAMES)),
  answers: fc.array(fc.constantFrom('yes', 'no', 'result', 'error'), {
    minLength: 5,
    maxLength: 5,
  }),
});

const aPlan = fc.record({
  replies: fc.array(aReply, { minLength: 4, maxLength: 12 }),
  breaks: fc.array(aBreak, { minLength: LOOPS, maxLength: LOOPS }),
  options: fc.record({
    eager: fc.boolean(),
    concurrency: fc.constantFrom(1, 2, Infinity),
    maxTurns: fc.constantFrom(2, 10),
  }),
  stopsAt: fc.constantFrom(1, 2, 99),
  pace: fc.nat(3),
});
type Plan = typeof aPlan extends fc.Arbitrary<infer Value> ? Value : never;

const DONE: Plan['replies'][number] = {
  pieces: [{ text: 'Well. ' }],
  stopReason: undefined,
  fails: undefined,
};

function replyEvents({ pieces, stopReason }: Plan['replies'][number], number: number) {
  let reply = messageEvents.with({ id: `msg_${number}`, ...(stopReason && { stopReason }) });
  for (const [index, part] of pieces.entries()) {
    const id = `${number}_${index}`;
    if ('text' in part) reply = reply.text(part.text);
    else if ('thinking' in part) reply = reply.thinking(part.thinking, { signature: `s${id}` });
    else if ('name' in part) {
      reply = reply.toolUse(part.name, {}, { json: part.json, id: `toolu_${id}` });
    } else {
      reply = reply
        .serverToolUse('web_search', {}, { id: `srvtoolu_${id}` })
        .block({ type: 'web_search_tool_result', tool_use_id: `srvtoolu_${id}`, content: [] });
    }
  }
  return [...reply];
}

function answerTo(call: PendingCall, kind: string): ToolAnswer {
  const { id, name, subagent } = call;
  // Most go on: they are what is tried here.
  if (subagent && kind !== 'no') {
    return { ...call, answers: subagent.pending.map((one) => answerTo(one, kind)) };
  }
  // The page has run its own call: there is nothing to approve.
  if (kind === 'yes' && name !== 'page') return { id, approved: true };
  if (kind === 'no') return { id, approved: false, reason: 'not now' };
  return kind === 'error' ? { id, error: 'it broke' } : { id, result: { from: name } };
}

const change = (type: string, name: string) => ({
  role: 'system',
  content: [{ type, tool: { type: 'tool_reference', name } }],
});

/**
 * Runs so many loops, in chats of random replies, deferred calls, subagents, answers, withdrawals and faults in
 * virtual time.
 * Behind each loop only JSON goes on, as from one process to another. No request is one that the API
 * refuses, no call runs twice, and none of a tool that was withdrawn. What happened how often.
 */
export function checkDeferredLoops(loops: number): Map<string, number> {
  const counts = new Map<string, number>();
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  fc.assert(
    fc.property(aPlan, (plan) => testScheduler().run((helpers) => runChat(plan, helpers, count))),
    // A chat has about one loop of a subagent, besides its own.
    { numRuns: Math.ceil(loops / (LOOPS + 1)) },
  );
  return counts;
}

function runChat(
  { replies, breaks, options, stopsAt, pace }: Plan,
  { flush }: { flush: () => void },
  count: (what: string) => void,
): void {
  const said = new SaidBefore();
  const problems: string[] = [];
  const hasRun = new Set<string>();
  const withdrawn = new Set<string>();
  let number = 0;
  const run = (_: unknown, { toolUseId }: { toolUseId: string }) => {
    count('run');
    if (hasRun.has(toolUseId)) problems.push(`${toolUseId} has run twice`);
    hasRun.add(toolUseId);
    return of('done').pipe(delay(3));
  };
  const toolsAt = (depth: number): DefinedTool[] => {
    const plain = [tool('run', run), tool('ask', run), page];
    return depth > DEPTH ? plain : [...plain, agentAt(depth)];
  };
  const agentAt = (depth: number): DefinedTool => {
    const work = ({ appended = [], answers }: Partial<ResumedSubagent> = {}) => {
      count('loop');
      const messages = [...params.messages, ...appended];
      return runTools(request, { ...params, messages } as never, {
        ...all,
        tools: toolsAt(depth + 1),
        answers,
      });
    };
    return defineTool({
      name: 'agent',
      description: 'For a test',
      input: schema,
      run: (_, { toolUseId }) => {
        if (hasRun.has(toolUseId)) problems.push(`${toolUseId} has begun twice`);
        hasRun.add(toolUseId);
        return work();
      },
      resume: (_, resumed, { toolUseId }) => {
        count('resumed');
        if (!hasRun.has(toolUseId)) problems.push(`${toolUseId} goes on without having begun`);
        return work(resumed);
      },
    });
  };
  const all: RunToolsOptions = {
    ...options,
    tools: [],
    approve: ({ name }) => (name === 'ask' ? 'defer' : true),
    stopWhen: ({ turn }) => turn === stopsAt,
  };
  const request = (turnParams: object): Observable<StreamEvent> => {
    problems.push(...requestProblems({ ...turnParams, thinking } as never, { said }));
    const plan: Plan['replies'][number] = replies[number++] ?? DONE;
    const heard = [...said.listen(replyEvents(plan, number) as never, turnParams)];
    const events = heard as StreamEvent[];
    const { fails = Infinity } = plan;
    const whole = events
      .slice(0, fails)
      .map((event) => (pace > 0 ? of(event).pipe(delay(pace)) : of(event)));
    if (fails >= events.length) return concat(...whole);
    const lost = new MessageStreamError('lost', { code: 'connection' });
    return concat(
      ...whole,
      throwError(() => lost),
    );
  };

  let stored = JSON.stringify({ messages: params.messages });
  let answers: ToolAnswer[] | undefined;
  for (const { withdraws, adds, answers: kinds } of breaks) {
    const { messages } = JSON.parse(stored) as { messages: object[] };
    let pending: PendingCall[] = [];
    let ending = 'no end';
    count('loop');
    const take = (event: ToolEvent | StreamEvent) => {
      if (event.type === 'tool_start' && withdrawn.has(event.name)) {
        problems.push(`${event.name} runs, and was withdrawn`);
      }
      if (event.type === 'tool_result') count(event.status);
      if (event.type === 'tool_answers') {
        messages.splice(event.start, messages.length, ...event.messages);
        // In the history now, whatever becomes of the request.
        pending = event.pending ?? [];
        answers = undefined;
        if (event.pending) ending = 'interrupted again';
      }
      if (event.type === 'turn_end') {
        ending = event.outcome;
        pending = event.pending ?? [];
        messages.push(...event.appended);
      }
    };
    runTools(request, { ...params, messages: [...messages] } as never, {
      ...all,
      tools: toolsAt(1),
      answers,
    }).subscribe({ next: take, error: () => (ending = 'error') });
    flush();
    count(ending);
    if (ending === 'no end' || ending === 'continue') problems.push(`ended with ${ending}`);
    if (ending.startsWith('interrupted') !== pending.length > 0)
      problems.push('pending, and not so');
    answers = undefined;
    if (pending.length > 0) {
      answers = pending.map((call, index) => answerTo(call, kinds[index] ?? 'no'));
    } else if (ending !== 'error') {
      messages.push({ role: 'user', content: 'Go on.' });
    }
    if (withdraws) {
      withdrawn.add(withdraws);
      messages.push(change('tool_removal', withdraws));
    }
    if (adds) {
      withdrawn.delete(adds);
      messages.push(change('tool_addition', adds));
    }
    stored = JSON.stringify({ messages });
  }
  expect(problems).toEqual([]);
}
