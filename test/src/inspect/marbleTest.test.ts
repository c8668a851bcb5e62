import { type StreamEvent, textOnly } from 'claude-rx';
import { type InspectedRun, Inspection } from 'claude-rx/inspect';
import { messageEvents, toMarbles } from 'claude-rx/testing';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { marbleTest } from '../../../src/inspect/marbleTest.ts';
import { reportedEvent, reportedValue } from '../../../src/inspect/reportedEvent.ts';

/** Runs the text of a test, with `operators` in the place of the comment. */
function runTest(code: string, operators: string): string[] {
  const body = code
    .replace(/^import .*$/gm, '')
    .replace(/pipe\(\/\*.*\*\/\)/, `pipe(${operators})`);
  const titles: string[] = [];
  const it = (title: string, test: () => void) => {
    titles.push(title);
    test();
  };
  const names = { toMarbles, TestScheduler, expect, it, textOnly };
  // eslint-disable-next-line no-new-func
  new Function(...Object.keys(names), body)(...Object.values(names));
  return titles;
}

/** The entries of two stages with `textOnly` between them, with 5 ms between values. */
function inspected(reply: Iterable<StreamEvent>, content: boolean): InspectedRun {
  const inspection = new Inspection();
  const begin = { type: 'subscribe', at: 0, content } as const;
  inspection.push({ ...begin, id: 1, stage: 'text' });
  inspection.push({ ...begin, id: 2, stage: 'api', into: 1 });
  let at = 0;
  for (const value of reply) {
    at += 5;
    inspection.push({ type: 'event', id: 2, at, event: reportedEvent(value, content)! });
    if (value.type !== 'content_block_delta' || value.delta.type !== 'text_delta') continue;
    const text = reportedValue(value.delta.text, content);
    inspection.push({ type: 'value', id: 1, at: at + 0.1, value: text });
  }
  inspection.push({ type: 'complete', id: 2, at });
  inspection.push({ type: 'complete', id: 1, at });
  return inspection.runs[0]!;
}

describe('marbleTest', () => {
  it.each([[true], [false]])('gives a test that runs, with content: %s', (content) => {
    const run = inspected(messageEvents.text('Hello "world"\u2028*/', { chunk: 4 }), content);
    const [api] = run.lanes[0]!.stages;
    const code = marbleTest(run, api!);
    expect(runTest(code, 'textOnly()')).toEqual(['api, subscription 1: complete']);
    expect(code.includes('Hell')).toBe(content);
    const wrong = code.replace(content ? 'Hell' : 'xxxx', 'yyyy');
    expect(() => runTest(wrong, 'textOnly()')).toThrow();
  });

  it('joins deltas where there are more values than letters', () => {
    const run = inspected(messageEvents.text('word '.repeat(200), { chunk: 5 }), true);
    const [api] = run.lanes[0]!.stages;
    const code = marbleTest(run, api!);
    const [, values = ''] = /^const values = \[\n([^]*?)^\];/m.exec(code) ?? [];
    expect(values.split('\n').length).toBeLessThanOrEqual(53);
    expect(values).toContain('word word word');
  });
});
