import type { Message } from '@anthropic-ai/sdk/resources/messages/messages';
import { continueFrom, MessageBuilder, MessageStreamError, type StreamEvent } from 'claude-rx';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Continuation, withContinuation } from '../../../src/message/continuation.ts';
import { Splice } from '../../../src/recovery/Splice.ts';
import { ContinuingModel, trickyReply } from '../../support/continuingModel.ts';
import { deepFreeze } from '../../support/deepFreeze.ts';
import {
  call,
  callStart,
  citation,
  delta,
  json,
  messageDelta,
  messageStart,
  messageStop,
  ping,
  raw,
  resume,
  stop,
  text,
  textStart,
  thinking,
  thinkingStart,
  usage,
} from '../../operators/events.ts';
import { places, rounds } from '../../support/rounds.ts';

type Attempt = StreamEvent[] | ((partial: Message | undefined) => StreamEvent[]);

const lost = (init: { attempts?: number } = {}): MessageStreamError =>
  new MessageStreamError('The connection was lost', { code: 'connection', ...init });

/** The events of these attempts as one reply; each attempt except the last one broke. */
function splice(...attempts: Attempt[]) {
  const events: StreamEvent[] = [];
  const joined = new Splice<StreamEvent>((event) => events.push(event));
  for (const [index, attempt] of attempts.entries()) {
    if (index > 0) joined.break(lost());
    const given = typeof attempt === 'function' ? attempt(joined.message) : attempt;
    for (const event of given) joined.push(deepFreeze(event));
  }
  return { events, joined };
}

/** The same without the seams' details: `resume` with its `keep`. */
function outline(events: readonly StreamEvent[]): unknown[] {
  return events.map((event) => (event.type === 'resume' ? ['resume', event.keep] : event));
}

/** A `message_start` with the continuation of its request. */
function startSaying({ keep, seam }: Continuation, id = 'msg_2'): StreamEvent {
  const event = messageStart(id);
  const asked = continueFrom(
    { model: 'claude-opus-5-5', max_tokens: 1, messages: [] },
    undefined,
  ) as object;
  const [symbol] = Object.getOwnPropertySymbols(asked);
  return withContinuation(event, { [symbol!]: { keep, seam } });
}

/** Checks that the events are those of one reply: each block begins and ends once, in order. */
function expectOneReply(events: readonly StreamEvent[]): void {
  expect(events.filter(({ type }) => type === 'message_start')).toEqual([events[0]]);
  expect(events.filter(({ type }) => type === 'message_stop')).toEqual([events.at(-1)]);
  let next = 0;
  let open: number | undefined;
  let type: string | undefined;
  for (const event of events) {
    if (event.type === 'resume') {
      expect(event.keep).toBeLessThanOrEqual(next);
      if (open !== undefined && open >= event.keep) open = undefined;
      next = event.keep;
    } else if (event.type === 'content_block_start') {
      expect([event.index, open]).toEqual([next++, undefined]);
      open = event.index;
      type = event.content_block.type;
    } else if (event.type === 'content_block_delta') {
      expect(event.index).toBe(open);
      if (event.delta.type === 'text_delta') expect(type).toBe('text');
    } else if (event.type === 'content_block_stop') {
      expect(event.index).toBe(open);
      open = undefined;
    } else if (event.type === 'message_delta') expect(open).toBeUndefined();
  }
}

const textsOf = (events: readonly StreamEvent[]): string[] => {
  const builder = new MessageBuilder();
  for (const event of events) builder.push(event);
  return builder.message!.content.map((block) => (block.type === 'text' ? block.text : block.type));
};

const ending = [messageDelta(), messageStop];

/** A whole block of text. */
const whole = (index: number, ...pieces: string[]): StreamEvent[] => [
  textStart(index),
  ...pieces.map((piece) => text(index, piece)),
  stop(index),
];
const once = [messageStart('msg_1'), textStart(0), text(0, 'Once upon a time '), text(0, 'there ')];

describe('Splice', () => {
  describe('of one attempt', () => {
    it('passes the events of a complete reply on unchanged', () => {
      const reply = [
        messageStart(),
        ping,
        thinkingStart(0),
        thinking(0, 'Hm'),
        stop(0),
        ...whole(1, 'Once'),
        ...call(2, '{}'),
        raw({ type: 'vibe_check' }),
        ...ending,
      ];
      const { events, joined } = splice(reply);
      expect(events).toHaveLength(reply.length);
      events.forEach((event, index) => expect(event).toBe(reply[index]));
      expect(joined.stopped).toBe(true);
      expect(joined.attempt).toBe(1);
    });

    it('drops a repeated message_start', () => {
      const { events } = splice([messageStart(), textStart(0), messageStart(), text(0, 'Once')]);
      expect(events).toEqual([messageStart(), textStart(0), text(0, 'Once')]);
    });

    it('begins another message with an index of its own', () => {
      const [first, second] = [messageStart('msg_1'), messageStart('msg_2')];
      const { events, joined } = splice([first, textStart(0), text(0, 'a'), second, textStart(0)]);
      expect(events).toEqual([first, textStart(0), text(0, 'a'), second, textStart(0)]);
      expect(joined.message!.id).toBe('msg_2');
    });

    it('ends a block whose end is missing', () => {
      const reply = [
        messageStart(),
        textStart(0),
        text(0, 'a'),
        textStart(1),
        text(1, 'b'),
        ...ending,
      ];
      const { events } = splice(reply);
      expect(events).toEqual([messageStart(), ...whole(0, 'a'), ...whole(1, 'b'), ...ending]);
      expectOneReply(events);
    });

    it('drops an end that comes twice', () => {
      const { events } = splice([messageStart(), textStart(0), stop(0), stop(0), ...ending]);
      expect(events).toEqual([messageStart(), textStart(0), stop(0), ...ending]);
    });

    it('drops an end of no block', () => {
      const { events } = splice([messageStart(), textStart(0), stop(5), text(0, 'a')]);
      expect(events).toEqual([messageStart(), textStart(0), text(0, 'a')]);
    });

    it('closes gaps in the indices', () => {
      const { events } = splice([messageStart(), ...whole(3, 'a'), ...whole(7, 'b'), ...ending]);
      expect(events).toEqual([messageStart(), ...whole(0, 'a'), ...whole(1, 'b'), ...ending]);
    });

    it('gives white space at the start of a text only with what follows', () => {
      const { events, joined } = splice([
        messageStart(),
        textStart(0),
        text(0, '\n'),
        text(0, '\n'),
      ]);
      expect(events).toEqual([messageStart(), textStart(0)]);
      joined.push(text(0, 'Once'));
      expect(events.slice(2)).toEqual([text(0, '\n'), text(0, '\n'), text(0, 'Once')]);
      joined.push(text(0, '\n'));
      expect(events.at(-1)).toEqual(text(0, '\n'));
    });

    it('gives it at the end, or when nothing will withdraw it', () => {
      const blank = [messageStart(), textStart(0), text(0, '\n')];
      expect(splice([...blank, stop(0)]).events).toEqual([...blank, stop(0)]);
      const { events, joined } = splice(blank);
      joined.release();
      expect(events).toEqual(blank);
    });

    it('reports that only message_stop is missing, and emits it', () => {
      const { events, joined } = splice([messageStart(), textStart(0), text(0, 'a')]);
      expect(joined.canStop).toBe(false);
      joined.push(messageDelta(null));
      expect(joined.canStop).toBe(false);
      joined.push(messageDelta('end_turn'));
      expect(joined.canStop).toBe(true);
      joined.stop();
      expect(joined.canStop).toBe(false);
      expect(events.at(-1)).toEqual(messageStop);
      expectOneReply(events.filter((event) => event.type !== 'message_delta'));
    });
  });

  describe('at a seam', () => {
    it('continues in the open block', () => {
      const { events } = splice(once, [
        messageStart('msg_2'),
        ...whole(0, 'was ', 'a fox'),
        ...ending,
      ]);
      expect(outline(events)).toEqual([
        ...once,
        ['resume', 1],
        text(0, 'was '),
        text(0, 'a fox'),
        stop(0),
        expect.objectContaining({ type: 'message_delta' }),
        messageStop,
      ]);
      expectOneReply(events);
    });

    it('begins a new block if that block was closed', () => {
      const { events } = splice(
        [...once, stop(0)],
        [messageStart(), ...whole(0, 'was'), ...ending],
      );
      expect(outline(events).slice(0, -2)).toEqual([
        ...once,
        stop(0),
        ['resume', 1],
        ...whole(1, 'was'),
      ]);
    });

    it('begins no block if its whole text is a repeat', () => {
      const { events } = splice(
        [...once, stop(0)],
        [messageStart(), ...whole(0, 'upon a time', ' there'), ...call(1, '{}'), ...ending],
      );
      expect(outline(events).slice(5, -2)).toEqual([['resume', 1], ...reindexed(call(1, '{}'), 1)]);
      expectOneReply(events);
    });

    it('ends the open block if the whole text is a repeat', () => {
      const { events } = splice(once, [
        messageStart(),
        ...whole(0, 'upon a time there'),
        ...ending,
      ]);
      expect(outline(events).slice(4, -2)).toEqual([['resume', 1], stop(0)]);
      expectOneReply(events);
    });

    it.each([
      ['an open block', once],
      ['a closed one', [...once, stop(0)]],
    ])(
      'drops a repeat that comes with the start of its block, or in deltas, after %s',
      (_, cut) => {
        for (const first of ['', 'Once upon', 'Once upon a time there was']) {
          const rest = 'Once upon a time there was'.slice(first.length).match(/.{1,3}/g) ?? [];
          const { events } = splice(cut, [
            messageStart(),
            textStart(0, first),
            ...rest.map((piece) => text(0, piece)),
            text(0, ' a fox'),
            stop(0),
            ...ending,
          ]);
          expectOneReply(events);
          expect(textsOf(events).join('')).toBe('Once upon a time there was a fox');
        }
      },
    );

    it('emits the held back text when a block or the reply ends', () => {
      for (const rest of [[stop(0), ...ending], ending, [callStart(1), stop(1), ...ending]]) {
        const { events } = splice(once, [messageStart(), textStart(0), text(0, 'upon a'), ...rest]);
        expectOneReply(events);
        expect(textsOf(events)[0]).toBe('Once upon a time there upon a');
      }
    });

    it('drops the held back text if the attempt breaks, because the next attempt brings it again', () => {
      const { events } = splice(
        once,
        [messageStart(), textStart(0), text(0, 'upon a')],
        [messageStart(), ...whole(0, 'upon a time there was a fox'), ...ending],
      );
      expectOneReply(events);
      expect(textsOf(events)).toEqual(['Once upon a time there was a fox']);
    });

    it('drops white space with which a text had begun, as it comes again', () => {
      const { events } = splice(
        [...once, stop(0), textStart(1), text(1, '\n\n')],
        [messageStart(), ...whole(0, '\n\nwas a fox'), ...ending],
      );
      expect(outline(events).slice(5, 8)).toEqual([textStart(1), ['resume', 1], textStart(1)]);
      expect(textsOf(events)).toEqual(['Once upon a time there ', '\n\nwas a fox']);
    });

    it('withdraws what came after the text, and uses its indices again', () => {
      const { events } = splice(
        [...once, stop(0), thinkingStart(1), thinking(1, 'Hm')],
        [messageStart(), ...call(0, '{}'), ...ending],
      );
      expect(outline(events).slice(7, -2)).toEqual([['resume', 1], ...reindexed(call(0, '{}'), 1)]);
      expectOneReply(events);
    });

    it('does not end a block that is withdrawn', () => {
      const { events } = splice(
        [messageStart(), thinkingStart(0), thinking(0, 'Hm')],
        [messageStart(), ...whole(0, 'Once'), ...ending],
      );
      expect(outline(events).slice(0, -2)).toEqual([
        messageStart(),
        thinkingStart(0),
        thinking(0, 'Hm'),
        ['resume', 0],
        ...whole(0, 'Once'),
      ]);
    });

    it('withdraws everything for a restart', () => {
      const { events } = splice(once, [
        startSaying({
          keep: 0,
          seam: { sent: '' },
        }),
        ...whole(0, 'Once upon a time there'),
        ...ending,
      ]);
      expect(outline(events)[4]).toEqual(['resume', 0]);
      expect(textsOf(events)).toEqual(['Once upon a time there']);
      expectOneReply(events);
    });

    it('joins the text in the way of the request', () => {
      const said = { keep: 1, seam: { sent: 'Once upon a time there', leftOut: ' ' } };
      const { events } = splice(once, [startSaying(said), ...whole(0, ' was'), ...ending]);
      expect(textsOf(events)).toEqual(['Once upon a time there was']);
      // The request said that nothing is repeated.
      const again = [startSaying(said), textStart(0), text(0, 'Once upon a time there'), ...ending];
      expect(textsOf(splice(once, again).events)[0]).toBe(
        'Once upon a time there Once upon a time there',
      );
    });

    it('lets thinking come before the text that goes on', () => {
      const { events } = splice(once, [
        messageStart(),
        thinkingStart(0),
        thinking(0, 'Hm'),
        stop(0),
        ...whole(1, 'Once upon a time there was a fox'),
        ...ending,
      ]);
      expect(outline(events).slice(4, -2)).toEqual([
        ['resume', 1],
        stop(0),
        thinkingStart(1),
        thinking(1, 'Hm'),
        stop(1),
        ...whole(2, 'was a fox'),
      ]);
      expectOneReply(events);
    });

    it('does not put the text into thinking whose end is missing', () => {
      const { events } = splice(once, [
        messageStart(),
        thinkingStart(0),
        thinking(0, 'Hm'),
        textStart(1),
        text(1, 'was a fox'),
        ...ending,
      ]);
      expect(textsOf(events)).toEqual(['Once upon a time there ', 'thinking', 'was a fox']);
      expectOneReply(events);
    });

    it('does not join a text after a tool call', () => {
      const { events } = splice(once, [
        messageStart(),
        ...call(0, '{}'),
        ...whole(1, 'upon a time there was'),
        ...ending,
      ]);
      expect(textsOf(events)).toEqual([
        'Once upon a time there ',
        'tool_use',
        'upon a time there was',
      ]);
      expect(outline(events).slice(4, 7)).toEqual([
        ['resume', 1],
        stop(0),
        ...reindexed([callStart(0)], 1),
      ]);
      expectOneReply(events);
    });

    it('joins only the first text', () => {
      const { events } = splice(once, [
        messageStart(),
        ...whole(0, 'was'),
        ...whole(1, 'upon a time there'),
        ...ending,
      ]);
      expect(textsOf(events)).toEqual(['Once upon a time there was', 'upon a time there']);
    });

    it('keeps citations with their text, and signatures with their thinking', () => {
      const cited = delta(0, { type: 'citations_delta', citation: citation('fox') });
      const signed = (index: number) => delta(index, { type: 'signature_delta', signature: 'x' });
      const { events, joined } = splice(once, [
        messageStart(),
        textStart(0),
        text(0, 'was'),
        cited,
        stop(0),
        thinkingStart(1),
        signed(1),
        stop(1),
        ...ending,
      ]);
      expectOneReply(events);
      expect(joined.message!.content).toMatchObject([
        { text: 'Once upon a time there was', citations: [citation('fox')] },
        { type: 'thinking', signature: 'x' },
      ]);
    });

    it('ends blocks whose end is missing on both sides', () => {
      const { events } = splice(
        [messageStart(), thinkingStart(0), thinking(0, 'Hm'), textStart(1), text(1, 'Once ')],
        [messageStart(), textStart(0), text(0, 'upon'), callStart(1), json(1, '{}'), ...ending],
      );
      expectOneReply(events);
      expect(textsOf(events)).toEqual(['thinking', 'Once upon', 'tool_use']);
    });

    it('drops the message_start of the next attempt, also if it comes twice', () => {
      const { events } = splice(once, [
        messageStart('msg_2'),
        messageStart('msg_2'),
        ...whole(0, 'was'),
        ...ending,
      ]);
      expectOneReply(events);
      expect(textsOf(events)).toEqual(['Once upon a time there was']);
    });

    it('accepts an attempt without a message_start', () => {
      const { events } = splice(once, [...whole(0, 'was'), ...ending]);
      expectOneReply(events);
      expect(textsOf(events)).toEqual(['Once upon a time there was']);
    });

    it('accepts an attempt whose blocks have no start', () => {
      for (const cut of [once, [...once, stop(0)]]) {
        const { events } = splice(cut, [
          messageStart(),
          text(0, 'upon a time there'),
          text(0, ' was'),
          stop(0),
          ...ending,
        ]);
        expectOneReply(events);
        expect(textsOf(events).join('')).toBe('Once upon a time there was');
      }
    });

    it('passes on other events without taking them for the next attempt', () => {
      const strange = raw({ type: 'vibe_check' });
      const said = { keep: 0, seam: { sent: '' } };
      const { events } = splice(once, [
        ping,
        strange,
        startSaying(said),
        textStart(0),
        text(0, 'x'),
      ]);
      expect(outline(events).slice(4)).toEqual([
        ping,
        strange,
        ['resume', 0],
        textStart(0),
        text(0, 'x'),
      ]);
    });

    it('needs no resume if nothing of the reply had arrived', () => {
      const { events, joined } = splice([ping], [], [...once, stop(0), ...ending]);
      expect(events.slice(0, -2)).toEqual([ping, ...once, stop(0)]);
      expect(joined.attempt).toBe(3);
      expectOneReply(events.slice(1));
    });

    it('accepts several attempts without content', () => {
      const { events } = splice(
        once,
        [],
        [messageStart()],
        [ping],
        [messageStart(), textStart(0)],
        [messageStart(), ...whole(0, 'was'), ...ending],
      );
      expectOneReply(events);
      expect(textsOf(events)).toEqual(['Once upon a time there was']);
    });
  });

  describe('says at a seam', () => {
    it('which attempt begins, what broke the one before, and what is kept', () => {
      const { events } = splice([...once, ...call(1, '{}')], [messageStart('msg_2')]);
      expect(events.at(-1)).toEqual({
        type: 'resume',
        attempt: 2,
        keep: 1,
        error: lost(),
        model: 'claude-opus-5-5',
        usage: expect.anything(),
      });
    });

    it('which model goes on', () => {
      const other = { ...(messageStart('msg_2') as { message: Message }).message, model: 'other' };
      const { events, joined } = splice(once, [raw({ type: 'message_start', message: other })]);
      expect(events.at(-1)).toMatchObject({ type: 'resume', model: 'other' });
      expect(joined.message).toMatchObject({ id: 'msg_1', model: 'other' });
    });

    it('what has been used so far', () => {
      const { events, joined } = splice(once, [messageStart('msg_2')]);
      const attempts = [usage(25, 1), usage(25, 1)];
      expect(events.at(-1)).toMatchObject({
        usage: { input_tokens: 50, output_tokens: 2, attempts },
      });
      expect(joined.message!.usage).toMatchObject({ input_tokens: 50, output_tokens: 2, attempts });
    });

    it('that what had stopped goes on', () => {
      const { joined } = splice([...once, stop(0), messageDelta('refusal')], [messageStart()]);
      expect(joined.message!.stop_reason).toBeNull();
    });
  });

  describe('sums the usage', () => {
    const started = (input: number) =>
      raw({
        type: 'message_start',
        message: {
          ...(messageStart('msg_2') as { message: Message }).message,
          usage: { ...usage(input, 1), server_tool_use: { web_search_requests: 1 } },
        },
      });

    it('over the attempts, and lists them', () => {
      const { events, joined } = splice(
        [...once, stop(0), messageDelta(null, 10)],
        [started(40), textStart(0)],
        [started(60), ...whole(0, 'was'), messageDelta('end_turn', 7), messageStop],
      );
      const searched = { server_tool_use: { web_search_requests: 1 } };
      expect(events.at(-2)).toMatchObject({
        type: 'message_delta',
        usage: {
          input_tokens: 125,
          output_tokens: 18,
          server_tool_use: { web_search_requests: 2 },
          attempts: [
            usage(25, 10),
            { ...usage(40, 1), ...searched },
            { ...usage(60, 7), ...searched },
          ],
        },
      });
      expect(joined.message!.usage).toMatchObject({ input_tokens: 125, output_tokens: 18 });
    });

    it('with totals that replace those before, in one attempt', () => {
      const { joined } = splice(once, [
        started(40),
        messageDelta(null, 5),
        raw({
          type: 'message_delta',
          delta: { stop_reason: 'end_turn' },
          usage: {
            output_tokens: 9,
            input_tokens: null,
            server_tool_use: { web_search_requests: 3 },
          },
        }),
      ]);
      expect(joined.message!.usage).toMatchObject({
        input_tokens: 65,
        output_tokens: 10,
        server_tool_use: { web_search_requests: 3 },
      });
    });

    it('but leaves that of a single attempt as it is', () => {
      const { events } = splice([...once, stop(0), ...ending]);
      expect(events.at(-2)).toBe(ending[0]);
    });
  });

  describe('of a reply that has seams already', () => {
    it('passes them on', () => {
      const reply = [...once, stop(0), ...call(1, '{'), resume(1), ...whole(1, 'was'), ...ending];
      const { events, joined } = splice(reply);
      expect(outline(events).slice(0, -2)).toEqual(outline(reply).slice(0, -2));
      expect(joined.message!.content).toHaveLength(2);
      expectOneReply(events);
    });

    it('goes on after them', () => {
      const { events } = splice(
        [...once, resume(1), text(0, 'was ')],
        [messageStart(), ...whole(0, 'a fox'), ...ending],
      );
      expectOneReply(events);
      expect(textsOf(events)).toEqual(['Once upon a time there was a fox']);
    });

    it('counts their attempts, and what they used', () => {
      const inner = { ...resume(1), attempt: 2, usage: { input_tokens: 50, attempts: [{}, {}] } };
      const events: StreamEvent[] = [];
      const joined = new Splice<StreamEvent>((event) => events.push(event));
      for (const event of [...once, raw(inner), text(0, 'was ')]) joined.push(event);
      joined.break(lost({ attempts: 2 }));
      for (const event of [messageStart('msg_2'), textStart(0)]) joined.push(event);
      expect(events.at(-1)).toMatchObject({ type: 'resume', attempt: 3, keep: 1 });
      expect(joined.message!.usage).toMatchObject({ attempts: [{}, {}, usage(25, 1)] });
    });

    it('withdraws within a continuation only what belongs to it', () => {
      const { events } = splice(once, [
        messageStart(),
        ...whole(0, 'was '),
        ...call(1, '{'),
        resume(1),
        ...whole(1, 'a fox'),
        ...ending,
      ]);
      expectOneReply(events);
      expect(textsOf(events)).toEqual(['Once upon a time there was ', 'a fox']);
    });

    it('keeps within a continuation what it goes on from, where all of a text was a repeat', () => {
      const { events } = splice(
        [...once, stop(0)],
        [
          messageStart(),
          ...whole(0, 'upon a time there'),
          ...call(1, '{'),
          resume(1),
          ...whole(1, 'was a fox'),
          ...ending,
        ],
      );
      expectOneReply(events);
      expect(textsOf(events)).toEqual(['Once upon a time there ', 'was a fox']);
    });

    it('begins a continuation anew without what was before it', () => {
      const { events } = splice(once, [
        messageStart(),
        textStart(0),
        text(0, 'was a bear'),
        resume(0),
        ...whole(0, 'was a fox'),
        ...ending,
      ]);
      expectOneReply(events);
      expect(textsOf(events).join('')).toBe('Once upon a time there was a fox');
    });
  });

  it('adds the number of attempts and their content to the last error', () => {
    const { joined } = splice(once, [messageStart(), textStart(0), text(0, 'was')]);
    const error = joined.failure(lost());
    expect(error).toMatchObject({ code: 'connection', attempts: 2 });
    expect(error.partial).toBe(joined.message);
    expect(splice(once).joined.failure(lost()).attempts).toBeUndefined();
  });

  describe('of a model that goes on where it was cut', () => {
    const older = 'claude-sonnet-4-5';
    const newer = 'claude-opus-5-5';
    const question = { role: 'user' as const, content: 'Go' };
    const model = new ContinuingModel(trickyReply(200));

    /** The reply, cut at these events, one attempt after the other. */
    function cut(
      cuts: readonly number[],
      name: string,
      beginning: 'plain' | 'anchor' | { repeat: number },
    ) {
      const params = { model: name, max_tokens: 4_096, messages: [question] };
      const answer = (partial: Message | undefined): StreamEvent[] => {
        const request = continueFrom(params, partial);
        const events = model.answer(request, { beginning });
        return events.map((event) => withContinuation(event, request));
      };
      const events: StreamEvent[] = [];
      const joined = new Splice<StreamEvent>((event) => events.push(event));
      for (const [attempt, end] of [...cuts, undefined].entries()) {
        if (attempt > 0) joined.break(lost());
        const reply = attempt === 0 ? model.events : answer(joined.message);
        for (const event of reply.slice(0, end)) joined.push(event);
        // It would not be asked for again.
        if (joined.canStop) joined.stop();
        if (joined.stopped) break;
      }
      return { events, joined };
    }

    function expectWhole({ events, joined }: ReturnType<typeof cut>): void {
      expectOneReply(events);
      const content = joined.message!.content;
      const shown = content.map((block) => (block.type === 'text' ? block.text : '')).join('');
      expect(shown).toBe(model.text);
      expect(content.filter(({ type }) => type === 'tool_use')).toEqual(
        model.message.content.filter(({ type }) => type === 'tool_use'),
      );
    }

    it.each([
      [older, 'plain'],
      [newer, 'plain'],
      [newer, 'anchor'],
      [newer, { repeat: 12 }],
      [newer, { repeat: 40 }],
    ] as const)('%s gives the whole reply, cut at every event: %o', (name, beginning) => {
      for (const end of places(model.events.length)) expectWhole(cut([end], name, beginning));
    });

    it('gives the whole reply, cut any number of times', () => {
      const manner = fc.oneof(
        fc.constantFrom('plain' as const, 'anchor' as const),
        fc.record({ repeat: fc.integer({ min: 12, max: 400 }) }),
      );
      const end = fc.nat(model.events.length - 1);
      fc.assert(
        fc.property(
          fc.array(end, { minLength: 1, maxLength: 6 }),
          fc.constantFrom(older, newer),
          manner,
          (ends, name, beginning) => expectWhole(cut(ends, name, beginning)),
        ),
        { numRuns: rounds(300) },
      );
    });
  });
});

/** The events of one block of an attempt, with their positions in the reply. */
function reindexed(events: readonly StreamEvent[], index: number): StreamEvent[] {
  return events.map((event) => ('index' in event ? { ...event, index } : event));
}
