// Any session that the protocol of Claude Code allows: replies as events, as complete messages or as
// both, complete messages that are late, subagents in between, retractions, interruptions, replies that
// broke off. Each block that stands is there exactly once, and none that was taken back.
import { type BetaStreamEvent, textOnly } from 'claude-rx';
import { type AgentMessage, streamEvents } from 'claude-rx/agent';
import fc from 'fast-check';
import { from, lastValueFrom, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  type Block,
  blocks,
  complete,
  header,
  init,
  partial,
  result,
  streamed,
  text,
  thinking,
  toolResult,
  toolUse,
} from '../agent/messages.ts';
import { rounds } from '../support/rounds.ts';

const said = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const block: fc.Arbitrary<(id: string) => Block> = fc.oneof(
  said.map((words) => () => text(words)),
  said.map((words) => () => thinking(words)),
  fc
    .record({
      name: fc.constantFrom('Read', 'Bash'),
      input: fc.dictionary(fc.string(), fc.string()),
    })
    .map(
      ({ name, input }) =>
        (id: string) =>
          toolUse(id, name, input),
    ),
);

/** What becomes of a reply. */
type Fate =
  | { kind: 'stands'; endsTurn: boolean }
  /** The next reply takes back those of its blocks. */
  | { kind: 'replaced'; blocks: boolean[]; isRefusal: boolean }
  /** Its stream breaks in the block `at`. */
  | { kind: 'broken'; at: number }
  | { kind: 'aborted' };

const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('stands'), endsTurn: fc.boolean() }) },
  fc.record({
    kind: fc.constant('replaced'),
    blocks: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
    isRefusal: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('broken'), at: fc.nat(4) }),
  fc.constant({ kind: 'aborted' }),
) as fc.Arbitrary<Fate>;

interface ReplyPlan {
  blocks: ((id: string) => Block)[];
  fate: Fate;
  isStreamed: boolean;
  /** How much later than usual the complete message of each block comes. */
  late: number[];
}

const replyPlan: fc.Arbitrary<ReplyPlan> = fc.record({
  blocks: fc.array(block, { minLength: 1, maxLength: 5 }),
  fate,
  isStreamed: fc.boolean(),
  late: fc.array(fc.nat(3), { minLength: 5, maxLength: 5 }),
});

interface Thread {
  messages: AgentMessage[];
  expected: Block[][];
  /** The text without anything taken back. */
  text: string;
}

/** The messages of one thread, and the blocks that stand in the end. */
function play(plans: readonly ReplyPlan[], parent: string | null): Thread {
  const messages: AgentMessage[] = [];
  const expected: Block[][] = [];
  let supersedes: string[] = [];
  let words = '';
  plans.forEach((plan, number) => {
    const id = `msg_${parent}_${number}`;
    const content = plan.blocks.map((make, index) => make(`toolu_${id}_${index}`));
    // An interrupted call stays unfinished, which the builder says in its own way.
    if (plan.fate.kind === 'aborted') content[content.length - 1] = text('I was just ab');
    const isLast = number === plans.length - 1;
    // Nothing takes back the last one, and a reply without a stream has none to break.
    const own: Fate =
      (isLast && plan.fate.kind !== 'aborted') || (plan.fate.kind === 'broken' && !plan.isStreamed)
        ? { kind: 'stands', endsTurn: true }
        : plan.fate;
    const count = own.kind === 'broken' ? Math.min(own.at, content.length - 1) : content.length;
    const lines = content.map((one, index) =>
      complete(id, one, {
        parent_tool_use_id: parent,
        ...(index === 0 && supersedes.length > 0 && { supersedes }),
        ...(own.kind === 'aborted' && index === content.length - 1 && { aborted: true as const }),
      }),
    );
    // A reply that broke off in its first block has no message that could say it.
    if (count > 0) supersedes = [];
    messages.push(...replyMessages(plan, own, content, lines, count, id, parent));
    const standing = content.slice(0, count);
    switch (own.kind) {
      case 'replaced':
        supersedes.push(...lines.flatMap(({ uuid }, index) => (own.blocks[index] ? [uuid] : [])));
        expected.push(standing.filter((_, index) => !own.blocks[index]));
        break;
      case 'stands':
        expected.push(standing);
        for (const one of standing) {
          if (one.type === 'tool_use') messages.push(toolResult(one.id, parent));
        }
        if (own.endsTurn && parent === null) messages.push(result());
        break;
      case 'aborted':
        if (parent === null) messages.push(result());
        expected.push(standing);
        break;
      default:
        expected.push(standing);
    }
    words += standing.map((one) => (one.type === 'text' ? one.text : '')).join('');
  });
  if (parent === null) messages.push(result());
  return { messages, expected: expected.filter(({ length }) => length > 0), text: words };
}

function replyMessages(
  { isStreamed, late }: ReplyPlan,
  own: Fate,
  content: Block[],
  lines: AgentMessage[],
  count: number,
  id: string,
  parent: string | null,
): AgentMessage[] {
  if (!isStreamed) return lines;
  const event = (fields: object) => partial(fields as BetaStreamEvent, parent);
  const out: AgentMessage[] = [event({ type: 'message_start', message: header(id) })];
  const waiting: { line: AgentMessage; after: number }[] = [];
  const push = (one: AgentMessage) => {
    out.push(one);
    // They may be late, but keep their order.
    for (const entry of waiting) entry.after--;
    while (waiting[0] && waiting[0].after < 0) out.push(waiting.shift()!.line);
  };
  content.slice(0, count + 1).forEach((one, index) => {
    const events = streamed(one, index) as object[];
    const isCut = index === count;
    for (const fields of isCut ? events.slice(0, -1) : events) push(event(fields));
    if (isCut) return;
    const isAborted = own.kind === 'aborted' && index === count - 1;
    waiting.push({ line: lines[index]!, after: isAborted ? 0 : late[index]! });
    if (!isAborted) push(event({ type: 'content_block_stop', index }));
  });
  if (own.kind === 'stands' || own.kind === 'replaced') {
    const isRefusal = own.kind === 'replaced' && own.isRefusal;
    const hasCall = content.some(({ type }) => type === 'tool_use');
    const stop_reason = isRefusal ? 'refusal' : hasCall ? 'tool_use' : 'end_turn';
    push(event({ type: 'message_delta', delta: { stop_reason }, usage: { output_tokens: 9 } }));
    push(event({ type: 'message_stop' }));
  }
  return [...out, ...waiting.map(({ line }) => line)];
}

/** The messages of all threads, mixed, each thread in its order. */
function mixed(threads: readonly AgentMessage[][], picks: readonly number[]): AgentMessage[] {
  const queues = threads.map((messages) => [...messages]);
  const out: AgentMessage[] = [init()];
  for (let turn = 0; queues.some(({ length }) => length > 0); turn++) {
    const open = queues.filter(({ length }) => length > 0);
    out.push(open[(picks[turn % picks.length] ?? 0) % open.length]!.shift()!);
  }
  return out;
}

const session = fc.record({
  threads: fc.array(fc.array(replyPlan, { minLength: 1, maxLength: 5 }), {
    minLength: 1,
    maxLength: 3,
  }),
  picks: fc.array(fc.nat(7), { minLength: 1, maxLength: 40 }),
});

const parents = [null, 'toolu_a', 'toolu_b'];

function eventsOf(messages: AgentMessage[], parent: string | null) {
  const events: BetaStreamEvent[] = [];
  from(messages)
    .pipe(streamEvents({ parent }))
    .subscribe((event) => events.push(event));
  return events;
}

describe('streamEvents', () => {
  it('emits each block exactly once, and no withdrawn block', () => {
    fc.assert(
      fc.property(session, ({ threads, picks }) => {
        const played = threads.map((plans, index) => play(plans, parents[index]!));
        const messages = mixed(
          played.map((thread) => thread.messages),
          picks,
        );
        played.forEach(({ expected }, index) => {
          const events = eventsOf(messages, parents[index]!);
          expect(blocks(events)).toEqual(expected);
          expectGrammar(events);
        });
      }),
      { numRuns: rounds(500) },
    );
  });

  it('emits the same text with and without partial messages', async () => {
    const standing = replyPlan.map((plan): ReplyPlan => ({
      ...plan,
      fate: { kind: 'stands', endsTurn: false },
    }));
    await fc.assert(
      fc.asyncProperty(fc.array(standing, { minLength: 1, maxLength: 4 }), async (plans) => {
        for (const isStreamed of [true, false]) {
          const { messages, text: words } = play(
            plans.map((plan) => ({ ...plan, isStreamed })),
            null,
          );
          const texts = from(messages).pipe(streamEvents(), textOnly(), toArray());
          expect((await lastValueFrom(texts)).join('')).toBe(words);
        }
      }),
      { numRuns: rounds(200) },
    );
  });
});

/** Blocks come one after the other, each in its reply, and nothing comes after the end of one. */
function expectGrammar(events: readonly BetaStreamEvent[]): void {
  let next = -1;
  for (const event of events) {
    switch (event.type) {
      case 'message_start':
        next = 0;
        break;
      case 'resume':
        expect(event.keep).toBeLessThan(next);
        next = event.keep;
        break;
      case 'content_block_start':
        expect(event.index).toBe(next++);
        break;
      case 'content_block_delta':
        expect(event.index).toBe(next - 1);
        break;
      case 'message_stop':
        next = -1;
    }
  }
}
