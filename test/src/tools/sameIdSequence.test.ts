import { Conversation } from 'claude-rx/conversation';
import { messageEvents } from 'claude-rx/testing';
import { defineTool, runTools, type RunToolsOptions, type TurnEndEvent } from 'claude-rx/tools';
import { delay, lastValueFrom, of, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { params, received, useServer } from '../../support/server.ts';

const input = z.looseObject({});
const slow = defineTool({
  name: 'slow',
  description: 'd',
  input,
  run: () => of('slow').pipe(delay(5)),
});
const fast = defineTool({ name: 'fast', description: 'd', input, run: () => 'fast' });
const tools = [slow, fast];
const same = { id: 'same' };
const asks = messageEvents.toolUse('slow', {}, same).toolUse('fast', {}, same);
const says = messageEvents.text('Done');
const answered = [
  { type: 'tool_result', tool_use_id: 'same', content: 'slow' },
  { type: 'tool_result', tool_use_id: 'same_2', content: 'fast' },
];

const approve: RunToolsOptions['approve'] = () => 'defer';

describe('calls that share an id', () => {
  const api = useServer({ strict: true });
  const { messages, ...rest } = params;

  it.each([false, true])(
    'run one after the other, in their order, with eager: %s',
    async (eager) => {
      api.server.reply(asks, says);
      const events = await received(runTools(api.client, params, { tools, eager }));
      const steps = events.flatMap((event) =>
        event.type === 'tool_start' || event.type === 'tool_result'
          ? `${event.name} ${event.type}`
          : [],
      );
      expect(steps).toEqual([
        'slow tool_start',
        'slow tool_result',
        'fast tool_start',
        'fast tool_result',
      ]);
    },
  );

  it('do not run once nobody listens', async () => {
    const ran: string[] = [];
    const never = { ...slow, run: () => of('').pipe(delay(60_000)) };
    const noted = { ...fast, run: () => ran.push('fast') };
    const loop = runTools(() => asks, params, { tools: [never, noted] });
    const subscription = loop.subscribe();
    await Promise.resolve();
    subscription.unsubscribe();
    expect(ran).toEqual([]);
  });

  it('have their own results in a Conversation, and in its document', async () => {
    api.server.reply(asks, says, says);
    const conversation = new Conversation(api.client, rest, { tools, cache: false });
    await received(conversation.send('Go'));
    const saved: unknown = JSON.parse(JSON.stringify(conversation));
    const loaded = Conversation.fromJSON(saved, api.client, rest, { tools, cache: false });
    await received(loaded.send('More'));
    for (const { body } of api.server.requests.slice(1)) {
      expect((body as typeof params).messages[2]).toEqual({ role: 'user', content: answered });
    }
  });

  it('are answered in their order', async () => {
    api.server.reply(asks, says);
    const events = await lastValueFrom(
      runTools(api.client, params, { tools, approve }).pipe(toArray()),
    );
    const { appended, pending = [] } = events.at(-1) as TurnEndEvent;
    expect(pending.map(({ id }) => id)).toEqual(['same', 'same']);
    const answers = [
      { id: 'same', approved: true },
      { id: 'same', result: 'fast' },
    ];
    const history = { ...params, messages: [...messages, ...appended] };
    await received(runTools(api.client, history, { tools, answers }));
    expect((api.server.requests[1]!.body as typeof params).messages[2]).toEqual({
      role: 'user',
      content: answered,
    });
    expect(() =>
      runTools(api.client, history, { tools, answers: [...answers, { id: 'same', result: 'x' }] }),
    ).toThrow(/two answers to the call 'same'/);
  });

  it('are answered in a Conversation that was loaded', async () => {
    api.server.reply(asks, says);
    const options = { tools, cache: false, approve } as const;
    const conversation = new Conversation(api.client, rest, options);
    await received(conversation.send('Go'));
    const saved: unknown = JSON.parse(JSON.stringify(conversation));
    const loaded = Conversation.fromJSON(saved, api.client, rest, options);
    const [first, second] = loaded.state.pending;
    await received(
      loaded.answer([
        { id: first!.id, approved: true },
        { id: second!.id, result: 'fast' },
      ]),
    );
    expect((api.server.requests[1]!.body as typeof params).messages[2]).toEqual({
      role: 'user',
      content: answered,
    });
    expect(loaded.state.pending).toEqual([]);
  });
});
