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

const piece = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom('Well. ', '', ' \n', 'half \ud83d').map((text) => ({ text })),
  },
  { weight: 2, arbitrary: fc.constantFrom('Hm.', '').map((thinking) => ({ thinking })) },
  {
    weight: 5,
    arbitrary: fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'unknown'),
      json: fc.oneof(
        { weight: 6, arbitrary: fc.nat(behaviours.length - 1).map((n) => `{"n":${n}}`) },
        fc.constantFrom('{"n":"one"}', '{n: 1}', '{"n":', '', '{"n":1,"m":"\\ud83d"}'),
      ),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ search: true }) },
);

const aReply = fc.record({
  pieces: fc.array(piece, { maxLength: 5 }),
  stopReason: fc.option(
    fc.constantFrom('end_turn', 'max_tokens', 'refusal', 'pause_turn', 'tool_use'),
    { nil: undefined },
  ),
  /** After how many events the reply takes back its blocks from some on. */
  breaks: fc.option(fc.record({ after: fc.nat(30), keep: fc.nat(3) }), { nil: undefined }),
});
type ReplyPlan = typeof aReply extends fc.Arbitrary<infer Plan> ? Plan : never;

const DONE: ReplyPlan = { pieces: [{ text: 'Well. ' }], stopReason: undefined, breaks: undefined };

const search = (reply: typeof messageEvents, id: string) =>
  reply
    .serverToolUse('web_search', {}, { id })
    .block({ type: 'web_search_tool_result', tool_use_id: id, content: [] });

/** The events of a reply; ids are unique over the loop. */
function replyEvents({ pieces, stopReason, breaks }: ReplyPlan, turn: number): StreamEvent[] {
  let reply = messageEvents.with({ id: `msg_${turn}`, ...(stopReason && { stopReason }) });
  for (const [index, part] of pieces.entries()) {
    const id = `toolu_${turn}_${index}`;
    if ('text' in part) reply = reply.text(part.text);
    else if ('thinking' in part) {
      reply = reply.thinking(part.thinking, { signature: `s${turn}${index}` });
    } else if ('name' in part) reply = reply.toolUse(part.name, {}, { json: part.json, id });
    else reply = search(reply, `srvtoolu_${turn}_${index}`);
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
        const thinking = { type: 'enabled', budget_tokens: 500 } as const;
        const run = ({ n }: { n: number }) => behaviours[n]!();
        const all: RunToolsOptions = {
          ...options,
          tools: ['a', 'b', 'c'].map((name) => tool(name, run)),
          ...(denies && { approve: ({ name }) => name !== 'b' }),
        };
        runTools(
          (request, { turn }) => {
            problems.push(...requestProblems({ ...request, thinking } as never, { said }));
            const reply = replyEvents(replies[turn - 1] ?? DONE, turn);
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
          const results = (appended[1]?.content ?? []) as { tool_use_id: string }[];
          expect(results.map((result) => result.tool_use_id)).toEqual(ids);
          // Each result is one that was shown, and each that was shown is told, unless taken back.
          const shown = ours.flatMap((event) =>
            event.type === 'tool_result' && event.turn === turn && event.status !== 'withdrawn'
              ? event.result
              : [],
          );
          const standing = new Set((message.content as { id?: string }[]).map(({ id }) => id));
          expect(shown.filter((result) => standing.has(result.tool_use_id))).toHaveLength(
            results.length,
          );
        }
      }),
    ),
    { numRuns },
  );
  return outcomes;
}
