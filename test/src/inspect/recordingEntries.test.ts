import { Inspection } from 'claude-rx/inspect';
import { messageEvents, record } from 'claude-rx/testing';
import { from, lastValueFrom, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { recordingEntries } from '../../../src/inspect/recordingEntries.ts';
import { read } from '../../support/examples.ts';

const opened = (text: string) => {
  const inspection = new Inspection();
  for (const entry of recordingEntries(text)) inspection.push(entry);
  return inspection.runs;
};

describe('recordingEntries', () => {
  it.each(['text', 'thinking-tools', 'citations', 'unicode'])('opens the recording %s', (name) => {
    const [run, ...more] = opened(read(`examples/recordings/${name}.ndjson`));
    expect(more).toEqual([]);
    expect(run?.end).toBe('complete');
    expect(run!.stages[0]!.meter.measure(run!.lastAt, 'complete').characters).toBeGreaterThan(50);
    expect(run!.lastAt).toBeGreaterThan(1_000);
  });

  it('opens the lines of record() for a reply that was cut off', async () => {
    const events = [...messageEvents.text('Hello')].slice(0, 3);
    const lines = await lastValueFrom(from(events).pipe(record(), toArray()));
    const error = '{"at":9,"error":{"code":"connection","message":"lost"}}';
    expect(opened([...lines, error].join('\n'))[0]?.error).toEqual({
      code: 'connection',
      message: 'lost',
    });
    expect(opened(lines.join('\n'))[0]?.error).toEqual({ code: 'truncated' });
  });

  it('opens events without times, 10 ms apart', () => {
    const events = [...messageEvents.text('Hello')];
    const [run] = opened(events.map((event) => JSON.stringify(event)).join('\n'));
    expect(run?.stages[0]?.marks.map(({ at }) => at)).toEqual(events.map((_, index) => 10 * index));
  });

  it('opens the lines of Claude Code, with a stage for each agent', () => {
    const lines = [
      { type: 'system', subtype: 'init' },
      ...Array.from(messageEvents.text('Hi'), (event) => ({ type: 'stream_event', event })),
      ...Array.from(messageEvents.text('Sub'), (event) => ({
        type: 'stream_event',
        parent_tool_use_id: 'toolu_1',
        event,
      })),
      { type: 'user', message: { role: 'user', content: [{ type: 'tool_result', content: 'x' }] } },
      { type: 'result', subtype: 'success' },
    ];
    const [run] = opened(lines.map((each) => JSON.stringify(each)).join('\n'));
    expect(run?.lanes.map(({ name }) => name)).toEqual(['agent toolu_1', 'recording']);
    expect(run?.stages.map(({ end }) => end)).toEqual(['complete', 'complete']);
  });

  it('shows a line that cannot be read as an error', () => {
    const [run] = opened('{"type":"ping"}\nnonsense');
    expect(run?.error).toMatchObject({ code: 'protocol' });
  });
});
