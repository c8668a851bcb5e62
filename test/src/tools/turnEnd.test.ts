import type { StreamEvent } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { runTools, type RunToolsOptions, type TurnEndEvent } from 'claude-rx/tools';
import { filter, lastValueFrom, map, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  json,
  messageDelta,
  messageStart,
  messageStop,
  resume,
  start,
  stop,
} from '../../operators/events.ts';
import { params } from '../../support/server.ts';
import { after, ANSWER, isOurs, line, marble, tool, turns } from './turns.ts';

const a = tool('a', () => 'a');
const call = messageEvents.toolUse('a', { n: 1 }, { id: 'toolu_a' });
const answer = messageEvents.text('Done.');

/** The ends of the turns of a loop with these replies, and the requests. */
async function ends(
  replies: Iterable<StreamEvent>[],
  options: Partial<RunToolsOptions> = {},
  more: object = {},
): Promise<{ ends: TurnEndEvent[]; requests: Record<string, unknown>[] }> {
  const requests: Record<string, unknown>[] = [];
  const loop = runTools(
    (turnParams, { turn }): Iterable<StreamEvent> => {
      requests.push(turnParams);
      return replies[turn - 1] ?? [];
    },
    { ...params, ...more },
    { tools: [a], ...options },
  );
  const all = loop.pipe(filter((event): event is TurnEndEvent => event.type === 'turn_end'));
  return { ends: await lastValueFrom(all.pipe(toArray())), requests };
}

describe('the calls that a turn has skipped', () => {
  it('include a call that may lack a part of its input', async () => {
    const { ends: all } = await ends([
      [
        messageStart(),
        start(0, { type: 'tool_use', id: 'toolu_a', name: 'a' }),
        json(0, ''),
        // Its start was lost: the input may be that of the call before.
        json(1, 'null'),
        messageDelta('end_turn'),
        messageStop,
      ],
    ]);
    expect(all).toMatchObject([{ outcome: 'end_turn', skipped: [{ id: 'toolu_a', name: 'a' }] }]);
  });
});

describe('the outcome of a turn', () => {
  it.each([
    ['e', 'end_turn'],
    ['y', 'max_tokens'],
    ['f', 'refusal'],
    ['w', 'model_context_window_exceeded'],
    ['q', 'vibe_shift'],
  ])('is the stop reason of the last turn: %s, %s', (letter, outcome) =>
    marble((helpers) => {
      const run = turns(helpers, [`(mtTA${letter}S)`], { tools: [a] });
      helpers.expectObservable(run.shown$).toBe('(n|)', { n: `turn 1: ${outcome}` });
    })(),
  );

  it('is `unknown` without a stop reason', async () => {
    const { ends: all } = await ends([answer.with({ stopReason: null })]);
    expect(all).toMatchObject([{ outcome: 'unknown' }]);
  });

  it('is `max_turns` after 100 turns, if no other limit is given', async () => {
    const all = async (options: Partial<RunToolsOptions>) => {
      const replies = Array.from({ length: 103 }, () => call);
      return (await ends([...replies, answer], options)).ends.map(({ outcome }) => outcome);
    };
    const outcomes = await all({});
    expect([outcomes.length, outcomes.at(-2), outcomes.at(-1)]).toEqual([
      100,
      'continue',
      'max_turns',
    ]);
    expect((await all({ maxTurns: Infinity })).slice(-2)).toEqual(['continue', 'end_turn']);
  });

  it('is `max_turns` if the loop would continue, and its calls are answered', async () => {
    const { ends: all, requests } = await ends([call, call], { maxTurns: 2 });
    expect(all.map(({ outcome }) => outcome)).toEqual(['continue', 'max_turns']);
    expect(all[1]?.appended[1]?.content).toMatchObject([{ content: 'a' }]);
    expect(all[1]?.appended).toHaveLength(2);
    expect(requests).toHaveLength(2);
    const { ends: one } = await ends([answer], { maxTurns: 1 });
    expect(one).toMatchObject([{ outcome: 'end_turn' }]);
  });

  it('is `tool_use` if the reply waits for tools but has no call', async () => {
    const { ends: all } = await ends([answer.with({ stopReason: 'tool_use' })]);
    expect(all).toMatchObject([{ outcome: 'tool_use', appended: [{ role: 'assistant' }] }]);
  });

  it('is `tool_use` where no call can be sent back, and no call of a server tool waits', async () => {
    const reply = messageEvents.text('a').serverToolUse('web_search', {}, { id: 'srv_1' });
    const { ends: all } = await ends([reply.toolUse('', {})]);
    expect(all).toMatchObject([
      {
        outcome: 'tool_use',
        appended: [{ role: 'assistant', content: [{ type: 'text', text: 'a' }] }],
      },
    ]);
  });

  it(
    'is `continue` after a pause: the reply is sent back unchanged',
    marble((helpers) => {
      for (const pause of ['p', 'k']) {
        const run = turns(helpers, [`(mtTA${pause}S)`, ANSWER], { tools: [a] });
        helpers.expectObservable(run.shown$).toBe('(ne|)', {
          n: 'turn 1: continue',
          e: 'turn 2: end_turn',
        });
        helpers.flush();
        expect(run.requests[1]?.messages).toMatchObject([
          { role: 'user', content: 'Hi' },
          { role: 'assistant', content: [{ type: 'text', text: 'Hello' }] },
        ]);
      }
    }),
  );

  it('is the stop reason of an empty pause, after the model was asked once to continue', async () => {
    const nothing = messageEvents.with({ stopReason: 'pause_turn' });
    const { ends: all, requests } = await ends([nothing, nothing]);
    expect(all).toMatchObject([
      { outcome: 'continue', appended: [{ role: 'user', content: [{ text: 'Continue.' }] }] },
      { outcome: 'pause_turn', appended: [] },
    ]);
    expect(requests).toHaveLength(2);
  });

  it('answers the calls of a reply that pauses', async () => {
    const { ends: all, requests } = await ends([
      call.text('...').with({ stopReason: 'pause_turn' }),
      answer,
    ]);
    expect(all[0]).toMatchObject({
      outcome: 'continue',
      appended: [{}, { content: [{ content: 'a' }] }],
    });
    expect(requests[1]?.['messages']).toHaveLength(3);
  });
});

describe('the messages that a turn adds to the history', () => {
  const appendedBy = async (
    reply: Iterable<StreamEvent>,
    options: Partial<RunToolsOptions> = {},
  ) => {
    const { ends: all } = await ends([reply, answer], options);
    return all[0]?.appended;
  };

  it('are the reply, with the same objects, and the results', async () => {
    const { ends: all } = await ends([
      messageEvents.thinking('Hm').text('I see.').toolUse('a', { n: 1 }),
      answer,
    ]);
    const { message, appended } = all[0]!;
    expect(appended).toEqual([
      { role: 'assistant', content: message.content },
      { role: 'user', content: [expect.objectContaining({ type: 'tool_result', content: 'a' })] },
    ]);
    expect(appended[0]?.content[0]).toBe(message.content[0]);
  });

  it('have no call that was cut, and no thinking at the end', async () => {
    const reply = messageEvents
      .thinking('Hm')
      .toolUse('a', { n: 1 })
      .with({ stopReason: 'max_tokens' });
    expect(await appendedBy(reply)).toEqual([]);
    const early = messageEvents.toolUse('a', { n: 1 }, { id: 'one' }).toolUse('a', { n: 2 });
    const cut = early.with({ stopReason: 'max_tokens' });
    expect(await appendedBy(cut)).toMatchObject([
      { role: 'assistant', content: [{ id: 'one' }] },
      { role: 'user', content: [{ tool_use_id: 'one', is_error: true }] },
    ]);
    expect(await appendedBy(cut, { eager: true })).toMatchObject([
      { role: 'assistant', content: [{ id: 'one' }] },
      { role: 'user', content: [{ tool_use_id: 'one', content: 'a' }] },
    ]);
  });

  it('have no call directly before a fallback, but the calls before that', async () => {
    const fallback = { type: 'fallback', from: { model: 'one' }, to: { model: 'other' } };
    const reply = messageEvents
      .toolUse('a', { n: 1 }, { id: 'one' })
      .toolUse('a', { n: 2 }, { id: 'two' })
      .block(fallback)
      .toolUse('a', { n: 3 }, { id: 'three' });
    for (const eager of [false, true]) {
      const appended = await appendedBy(reply, { eager });
      expect(appended).toMatchObject([
        { content: [{ id: 'one' }, { type: 'fallback' }, { id: 'three' }] },
        { content: [{ tool_use_id: 'one' }, { tool_use_id: 'three' }] },
      ]);
      expect(appended?.[0]?.content).toHaveLength(3);
    }
  });

  it('have no empty text, no blank text, and no thinking without signature', async () => {
    const reply = messageEvents
      .thinking('cut', { signature: '' })
      .text('')
      .text(' \n')
      .text('Well.')
      .toolUse('a', { n: 1 });
    expect((await appendedBy(reply))?.[0]?.content).toMatchObject([
      { text: 'Well.' },
      { name: 'a' },
    ]);
  });

  it('have thinking only if everything before it is unchanged', async () => {
    const think = (text: string) => messageEvents.thinking(text);
    const thoughts = async (reply: Iterable<StreamEvent>) => {
      const content = (await appendedBy(reply))?.[0]?.content as { thinking?: string }[];
      return content.flatMap(({ thinking }) => thinking ?? []);
    };
    const well = think('One').text('Well.').thinking('Two').toolUse('a', { n: 1 });
    expect(await thoughts(well)).toEqual(['One', 'Two']);
    const blank = think('One').text(' \n').thinking('Two').toolUse('a', { n: 1 });
    expect(await thoughts(blank)).toEqual(['One']);
    const half = think('One').text('\ud83d').thinking('Two').toolUse('a', { n: 1 });
    expect(await thoughts(half)).toEqual(['One']);
    // What carries a broken reply on answers another request.
    const events = [...well];
    const at = events.findIndex(({ type }) => type === 'content_block_stop');
    const second = events.findIndex(
      (event, index) => index > at && event.type === 'content_block_stop',
    );
    const broken = [...events.slice(0, second + 1), resume(2), ...events.slice(second + 1)];
    expect(await thoughts(broken)).toEqual(['One']);
    const anew = [...events.slice(0, second + 1), resume(0), ...events.slice(1)];
    expect(await thoughts(anew)).toEqual(['One', 'Two']);
  });

  it('have a server tool call without its result only if the loop continues', async () => {
    const searching = messageEvents
      .text('Let me look.')
      .serverToolUse('web_search', { query: 'x' });
    const cut = await appendedBy(searching.with({ stopReason: 'max_tokens' }));
    expect(cut?.[0]?.content).toMatchObject([{ type: 'text' }]);
    const pausing = searching.with({ stopReason: 'pause_turn' });
    const last = await appendedBy(pausing, { maxTurns: 1 });
    expect(last?.[0]?.content).toMatchObject([{ type: 'text' }]);
    const paused = await appendedBy(pausing);
    expect(paused?.[0]?.content).toMatchObject([{ type: 'text' }, { type: 'server_tool_use' }]);
    // As with code that calls a tool of ours: docs programmatic-tool-calling.
    const calling = await appendedBy(searching.toolUse('a', { n: 1 }));
    expect(calling?.[0]?.content).toHaveLength(3);
    const result = { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] };
    const found = await appendedBy(searching.block(result).with({ stopReason: 'max_tokens' }));
    expect(found?.[0]?.content).toHaveLength(3);
  });

  it('are empty if the reply has no content', async () => {
    expect(await appendedBy(messageEvents.with({ stopReason: 'end_turn' }))).toEqual([]);
  });

  it('have the input that a gateway sends with the start of a block', async () => {
    const reply = messageEvents
      .event(start(0, { type: 'tool_use', id: 'one', name: 'a', input: { n: 1 } }))
      .event(stop(0))
      .with({ stopReason: 'tool_use' });
    expect(await appendedBy(reply)).toMatchObject([
      { content: [{ id: 'one', input: { n: 1 } }] },
      { content: [{ tool_use_id: 'one', content: 'a' }] },
    ]);
  });
});

describe('usage', () => {
  it('is the usage of the turn, and the sum of all turns', async () => {
    const usage = (input_tokens: number, output_tokens: number, more = {}) => ({
      usage: { input_tokens, output_tokens, ...more },
    });
    const { ends: all } = await ends([
      call.with(usage(100, 10, { cache_read_input_tokens: 50 })),
      call.with(usage(120, 20)),
      answer.with(usage(150, 30, { cache_read_input_tokens: 70 })),
    ]);
    expect(all).toMatchObject([
      { usage: { input_tokens: 100 }, total: { input_tokens: 100, output_tokens: 10 } },
      { usage: { input_tokens: 120 }, total: { input_tokens: 220, output_tokens: 30 } },
      {
        usage: { input_tokens: 150 },
        total: { input_tokens: 370, output_tokens: 60, cache_read_input_tokens: 120 },
      },
    ]);
  });

  it('starts again with each subscription', async () => {
    const requests: number[] = [];
    const loop = runTools(
      (_, { turn }) => {
        requests.push(turn);
        return turn === 1 ? call : answer;
      },
      params,
      { tools: [a] },
    ).pipe(filter(isOurs), map(line));
    const first = await lastValueFrom(loop.pipe(toArray()));
    expect(await lastValueFrom(loop.pipe(toArray()))).toEqual(first);
    expect(requests).toEqual([1, 2, 1, 2]);
  });
});

describe('the request of the next turn', () => {
  it('has the first parameters, the tools and the history, and changes none of them', async () => {
    const given = { system: 'Be brief.', messages: [{ role: 'user' as const, content: 'Hi' }] };
    const { requests } = await ends([call, answer], {}, Object.freeze(given));
    expect(requests).toMatchObject([
      { ...params, ...given, tools: [{ name: 'a' }] },
      { ...params, system: 'Be brief.', messages: { length: 3 }, tools: [{ name: 'a' }] },
    ]);
    expect(given.messages).toHaveLength(1);
  });

  it('does not force a tool that has been called', async () => {
    const choices = async (tool_choice: object, replies: Iterable<StreamEvent>[]) => {
      const { requests } = await ends(replies, {}, { tool_choice });
      return requests.map((request) => request['tool_choice']);
    };
    const any = { type: 'any', disable_parallel_tool_use: true };
    expect(await choices(any, [call, call, answer])).toEqual([
      any,
      { type: 'auto', disable_parallel_tool_use: true },
      { type: 'auto', disable_parallel_tool_use: true },
    ]);
    const one = { type: 'tool', name: 'a' };
    expect(await choices(one, [call, answer])).toEqual([one, { type: 'auto' }]);
    const paused = answer.with({ stopReason: 'pause_turn' });
    expect(await choices(one, [paused, call, answer])).toEqual([one, one, { type: 'auto' }]);
    const none = { type: 'none' };
    expect(await choices(none, [call, answer])).toEqual([none, none]);
  });

  it('uses the container of the reply', async () => {
    const containers = async (more: object) => {
      const container = { id: 'container_1', expires_at: '2026-12-01' } as never;
      const { requests } = await ends([call.with({ container }), call, answer], {}, more);
      return requests.map((request) => request['container']);
    };
    expect(await containers({})).toEqual([undefined, 'container_1', 'container_1']);
    expect(await containers({ container: 'mine' })).toEqual(['mine', 'mine', 'mine']);
    const skills = { skills: [{ type: 'anthropic', skill_id: 'xlsx' }] };
    expect(await containers({ container: skills })).toEqual([
      skills,
      { ...skills, id: 'container_1' },
      { ...skills, id: 'container_1' },
    ]);
  });
});
void after;
