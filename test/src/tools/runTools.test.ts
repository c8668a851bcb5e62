import { messageEvents } from 'claude-rx/testing';
import { defineTool, runTools, type ToolEvent } from 'claude-rx/tools';
import { concat, map, of, take, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { params, received, useServer } from '../../server.ts';

const isOurs = (event: { type: string }): event is ToolEvent =>
  /^(tool_|turn_end)/.test(event.type);

describe('runTools, over HTTP', () => {
  const http = useServer({ strict: true });

  it('runs the tools that the model calls until it answers', async () => {
    const getWeather = defineTool({
      name: 'get_weather',
      description: 'The weather in a city',
      input: z.object({ city: z.string() }),
      run: ({ city }) => `Sunny in ${city}`,
    });
    http.server.reply(
      messageEvents.text('Let me look.').toolUse('get_weather', { city: 'Paris' }, { id: 'a' }),
      messageEvents.text('It is sunny.'),
    );
    const events = await received(runTools(http.client, params, { tools: [getWeather] }));
    const ours = events.filter(isOurs);
    expect(ours.map(({ type }) => type)).toEqual([
      'tool_start',
      'tool_result',
      'turn_end',
      'turn_end',
    ]);
    expect(ours[2]).toMatchObject({ turn: 1, outcome: 'continue', total: { input_tokens: 25 } });
    expect(ours[3]).toMatchObject({ turn: 2, outcome: 'end_turn', total: { input_tokens: 50 } });
    expect(http.server.requests[1]?.body.messages).toMatchObject([
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: [{ text: 'Let me look.' }, { id: 'a', name: 'get_weather' }] },
      { role: 'user', content: [{ tool_use_id: 'a', content: 'Sunny in Paris' }] },
    ]);
  });

  it('shows what a tool previews, then its progress, then its result', async () => {
    http.server.reply(
      messageEvents.toolUse('slow', { city: 'Paris' }),
      messageEvents.text('Done.'),
    );
    const slow = defineTool({
      name: 'slow',
      description: 'Takes a while',
      input: z.object({ city: z.string() }),
      preview: ({ partial$ }) => partial$.pipe(map(({ city }) => city)),
      run: () => concat(timer(0, 5).pipe(take(2)), of({ ok: true })),
    });
    const events = await received(runTools(http.client, params, { tools: [slow] }));
    const shown = events.filter(isOurs).map((event) => {
      if (event.type === 'tool_progress') return event.progress;
      return event.type === 'tool_result' ? event.value : event.type;
    });
    const previews = [undefined, 'Par', 'Paris'];
    expect(shown).toEqual([...previews, 'tool_start', 0, 1, { ok: true }, 'turn_end', 'turn_end']);
  });
});
