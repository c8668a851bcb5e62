import type { AnyStreamEvent, StreamEvent } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { runTools, type RunToolsOptions, type ToolEvent, type TurnEndEvent } from 'claude-rx/tools';
import fc from 'fast-check';
import { concat, delay, NEVER, of, throwError } from 'rxjs';
import { expect } from 'vitest';
import { requestProblems } from '../../../src/testing/requestProblems.ts';
import { SaidBefore } from '../../../src/testing/SaidBefore.ts';
import { testScheduler } from '../../support/marbles.ts';
import { resume } from '../../operators/events.ts';
import { params } from '../../support/server.ts';
import { isOurs, tool } from './turns.ts';

/** How a tool behaves, by the number that it is called with. */
const behaviours = [
  () => 'text',
  () => ({ json: true }),
  () => undefined,
  () => '',
  () => 'half a character \ud83d',
  () => [{ type: 'text', text: '' }],
  () => throwError(() => new Error('')),
  () => {
    throw new Error('at once');
  },
  () => of('later').pipe(delay(7)),
  () => concat(of('half'), of('done').pipe(delay(3))),
  () => NEVER,
];

/** Ids as gateways make them: of another shape, the same in each turn, the same in one reply. */
const anId = fc.option(fc.constantFrom('functions.a:0', 'call_0', 'é', 'functions_a_0', 'call 0'), {
  nil: undefined,
  freq: 3,
});

const OTHER_INPUTS = [
  '{"n":"one"}',
  '{n: 1}',
  '{"n":',
  '',
  '{"n":1,"m":"\\ud83d"}',
  '{"n":1,"\\ud83d":1}',
  'null',
  '[]',
  '"x"',
];

const STOP_REASONS = [
  'end_turn',
  'stop_sequence',
  'max_tokens',
  'model_context_window_exceeded',
  'refusal',
  'pause_turn',
  'compaction',
  'tool_use',
  'vibe_shift',
];

const piece = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .constantFrom('Well. ', '', ' \n', '\u0001', 'half \ud83d', '\ud83d')
      .map((text) => ({ text })),
  },
  { weight: 2, arbitrary: fc.constantFrom('Hm.', '').map((thinking) => ({ thinking })) },
  {
    weight: 5,
    arbitrary: fc.record({
      id: anId,
      name: fc.constantFrom('a', 'b', 'c', 'unknown'),
      json: fc.oneof(
        { weight: 6, arbitrary: fc.nat(behaviours.length - 1).map((n) => `{"n":${n}}`) },
        fc.constantFrom(...OTHER_INPUTS),
      ),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom({ search: true }, { search: 'open' }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...[
        { type: 'redacted_thinking', data: 'x' },
        { type: 'fallback', from: { model: 'a' }, to: { model: 'b' } },
        { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_0', content: [] },
        { type: 'container_upload', file_id: 'f' },
        { type: 'connector_text', connector_text: 'new' },
      ].map((block) => ({ block })),
    ),
  },
);

const aReply = fc.record({
  pieces: fc.array(piece, { maxLength: 5 }),
  stopReason: fc.option(fc.constantFrom(...STOP_REASONS), { nil: undefined }),
  /** After how many events the reply takes back its blocks from some on. */
  breaks: fc.option(fc.record({ after: fc.nat(30), keep: fc.nat(3) }), { nil: undefined }),
});
type ReplyPlan = typeof aReply extends fc.Arbitrary<infer Plan> ? Plan : never;

const DONE: ReplyPlan = { pieces: [{ text: 'Well. ' }], stopReason: undefined, breaks: undefined };

const search = (reply: typeof messageEvents, id: string) =>
  reply
    .serverToolUse('web_search', {}, { id })
    .block({ type: 'web_search_tool_result', tool_use_id: id, content: [] });

/** The searches of a reply that have no result in it. */
function openSearches({ pieces }: ReplyPlan, turn: number): string[] {
  return pieces.flatMap((part, index) =>
    'search' in part && part.search === 'open' ? `srvtoolu_${turn}_${index}` : [],
  );
}

/** The events of a reply, which begins with the results that the one before has left open. */
function replyEvents(plans: readonly ReplyPlan[], turn: number): StreamEvent[] {
  const { pieces, stopReason, breaks } = plans[turn - 1] ?? DONE;
  let reply = messageEvents.with({ id: `msg_${turn}`, ...(stopReason && { stopReason }) });
  for (const tool_use_id of openSearches(plans[turn - 2] ?? DONE, turn - 1)) {
    reply = reply.block({ type: 'web_search_tool_result', tool_use_id, content: [] } as never);
  }
  for (const [index, part] of pieces.entries()) {
    if ('text' in part) reply = reply.text(part.text);
    else if ('thinking' in part) {
      reply = reply.thinking(part.thinking, { signature: `s${turn}${index}` });
    } else if ('name' in part) {
      const id = part.id ?? `toolu_${turn}_${index}`;
      reply = reply.toolUse(part.name, {}, { json: part.json, id });
    } else if ('block' in part) reply = reply.block(part.block as { type: string });
    else {
      const id = `srvtoolu_${turn}_${index}`;
      reply =
        part.search === 'open' ? reply.serverToolUse('web_search', {}, { id }) : search(reply, id);
    }
  }
  // What pauses is the loop of a server tool.
  if (stopReason === 'pause_turn') reply = search(reply, `srvtoolu_${turn}_p`);
  const events = [...reply];
  if (breaks && breaks.after < events.length - 3) {
    const { after, keep } = breaks;
    const blocks = events
      .slice(0, after + 1)
      .flatMap((event) => (event.type === 'content_block_start' ? event.content_block.type : []));
    // As `retryResumable` does: up to a text.
    const kept = blocks.slice(0, keep).lastIndexOf('text') + 1;
    const rest = [
      ...messageEvents.text('On we go.').toolUse('a', { n: 0 }, { id: `toolu_${turn}_x` }),
    ];
    const shifted = rest
      .slice(1)
      .map((event) =>
        'index' in event ? { ...event, index: event.index + kept } : event,
      ) as StreamEvent[];
    return [...events.slice(0, after + 1), resume(kept), ...shifted];
  }
  return events;
}

/**
 * Runs so many loops of random replies, tools and options in virtual time: each call that is kept is
 * answered, once and in order, in a history that the API takes. How the turns ended, and how often.
 */
export function checkLoops(numRuns: number): Map<string, number> {
  const outcomes = new Map<string, number>();
  const plans = fc.record({
    replies: fc.array(aReply, { minLength: 1, maxLength: 4 }),
    options: fc.record({
      eager: fc.boolean(),
      concurrency: fc.constantFrom(1, 2, Infinity),
      timeout: fc.constantFrom(5, 50),
      maxTurns: fc.constantFrom(2, 10),
    }),
    denies: fc.boolean(),
    pace: fc.nat(4),
  });
  fc.assert(
    fc.property(plans, ({ replies, options, denies, pace }) =>
      testScheduler().run(({ flush }) => {
        const said = new SaidBefore();
        const problems: string[] = [];
        const events: (StreamEvent | ToolEvent)[] = [];
        const running = new Set<string>();
        let most = 0;
        let request: { messages: readonly object[] } = params;
        const thinking = { type: 'enabled', budget_tokens: 500 } as const;
        const run = ({ n }: { n: number }) => behaviours[n]!();
        const all: RunToolsOptions = {
          ...options,
          tools: ['a', 'b', 'c'].map((name) => tool(name, run)),
          ...(denies && { approve: ({ name }) => name !== 'b' }),
        };
        runTools(
          (turnParams, { turn }) => {
            request = turnParams;
            problems.push(...requestProblems({ ...request, thinking } as never, { said }));
            const reply = replyEvents(replies, turn);
            const heard = [...said.listen(reply as AnyStreamEvent[], request)] as StreamEvent[];
            return concat(...heard.map((event) => of(event).pipe(delay(pace))));
          },
          params,
          all,
        ).subscribe((event) => {
          events.push(event);
          if (event.type === 'tool_start') running.add(event.tool_use_id);
          if (event.type === 'tool_result') running.delete(event.tool_use_id);
          most = Math.max(most, running.size);
        });
        flush();

        // What the loop leaves behind can be gone on with.
        const last = events.at(-1) as TurnEndEvent;
        const messages = [...request.messages, ...last.appended, ...params.messages];
        const next = { ...request, thinking, messages };
        problems.push(...requestProblems(next as never, { said }));
        expect(problems).toEqual([]);
        expect(running.size).toBe(0);
        expect(most).toBeLessThanOrEqual(options.concurrency);
        const ours = events.filter(isOurs);
        const ends = ours.filter((event): event is TurnEndEvent => event.type === 'turn_end');
        expect(ends.at(-1)).toMatchObject({ outcome: expect.not.stringMatching('continue') });
        expect(ends.slice(0, -1).every(({ outcome }) => outcome === 'continue')).toBe(true);
        for (const { turn, appended, outcome, message } of ends) {
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
          const content = appended[0]?.role === 'assistant' ? appended[0].content : [];
          const blocks = content as { type: string; id?: string }[];
          const ids = blocks.flatMap(({ type, id }) => (type === 'tool_use' ? id : []));
          // Each call that is sent is answered, by its own result where it has one.
          const answers = (appended.at(-1)?.role === 'user' ? appended.at(-1)!.content : []) as {
            type: string;
            tool_use_id?: string;
            content?: unknown;
          }[];
          const answered = answers.filter(({ type }) => type === 'tool_result');
          expect(answered.map(({ tool_use_id }) => tool_use_id)).toEqual(ids);
          const given = answered.filter(({ content }) => !/was not run/.test(String(content)));
          // Each result is one that was shown, and each that was shown is told, unless taken back.
          const shown = ours.flatMap((event) =>
            event.type === 'tool_result' && event.turn === turn && event.status !== 'withdrawn'
              ? event.result
              : [],
          );
          const standing = new Set((message.content as { id?: string }[]).map(({ id }) => id));
          const told = shown.filter((result) => standing.has(result.tool_use_id));
          const contents = (list: readonly { content?: unknown }[]) =>
            list.map(({ content: one }) => JSON.stringify(one) ?? '').toSorted();
          expect(contents(told)).toEqual(contents(given));
        }
      }),
    ),
    { numRuns },
  );
  return outcomes;
}
