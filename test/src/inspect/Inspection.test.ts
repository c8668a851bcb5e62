import {
  drawInspection,
  Inspection,
  type InspectorEntry,
  type ReportedEvent,
} from 'claude-rx/inspect';
import { messageEvents } from 'claude-rx/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { svgText } from '../../../src/inspect/drawing/svg.ts';
import { inspectionSvg } from '../../../src/inspect/drawInspection.ts';
import { findings } from '../../../src/inspect/findings.ts';
import { marbleTest } from '../../../src/inspect/marbleTest.ts';

const subscribe = (id: number, stage: string, at = 0, into?: number): InspectorEntry => ({
  type: 'subscribe',
  id,
  at,
  stage,
  content: true,
  ...(into === undefined ? {} : { into }),
});
const event = (id: number, at: number, value: object): InspectorEntry => ({
  type: 'event',
  id,
  at,
  event: value as ReportedEvent,
});
const text = (id: number, at: number, words: string): InspectorEntry =>
  event(id, at, {
    type: 'content_block_delta',
    index: 0,
    delta: { type: 'text_delta', text: words },
  });
const ends = (id: number, at: number, type: 'complete' | 'unsubscribe' = 'complete') =>
  ({ type, id, at }) as const;
const fails = (id: number, at: number, code: string): InspectorEntry => ({
  type: 'error',
  id,
  at,
  error: { code },
});

function inspectionOf(entries: readonly InspectorEntry[]): Inspection {
  const inspection = new Inspection();
  for (const entry of entries) inspection.push(entry);
  return inspection;
}

function found(entries: readonly InspectorEntry[], now = 0): string[] {
  const [run] = inspectionOf(entries).runs;
  return findings(run!, 5_000, now).map((finding) => `${finding.stage} ${finding.text}`);
}

describe('Inspection', () => {
  it('groups the stages of each pipeline, the source first', () => {
    const { runs } = inspectionOf([
      subscribe(1, 'shown'),
      subscribe(2, 'api', 0, 1),
      subscribe(3, 'shown'),
      subscribe(4, 'api'),
      { type: 'join', id: 4, at: 5, into: 3 },
    ]);
    expect(runs.map(({ lanes }) => lanes.map(({ name }) => name))).toEqual([
      ['api', 'shown'],
      ['api', 'shown'],
    ]);
  });

  it('shows several attempts of a stage on one line', () => {
    const { runs } = inspectionOf([
      subscribe(1, 'whole'),
      subscribe(2, 'api', 0, 1),
      fails(2, 10, 'connection'),
      subscribe(3, 'api', 20, 1),
      ends(3, 30),
      ends(1, 30),
    ]);
    expect(runs[0]?.lanes.map(({ stages }) => stages.length)).toEqual([2, 1]);
    expect([runs[0]?.isRunning, runs[0]?.end]).toEqual([false, 'complete']);
  });

  it('shows the parallel stage with the earliest value on top', () => {
    const [run] = inspectionOf([
      subscribe(1, 'render'),
      subscribe(2, 'shown', 0, 1),
      subscribe(3, 'whole', 0, 1),
      subscribe(4, 'api', 0, 3),
      text(3, 10, 'a'),
      text(2, 20, 'a'),
    ]).runs;
    expect(run?.lanes.map(({ name }) => name)).toEqual(['api', 'whole', 'shown', 'render']);
  });

  it('marks the blocks that a seam withdraws', () => {
    const start = (index: number, at: number) =>
      event(1, at, { type: 'content_block_start', index, content_block: { type: 'text' } });
    const { runs } = inspectionOf([
      subscribe(1, 'whole'),
      start(0, 1),
      event(1, 2, { type: 'content_block_stop', index: 0 }),
      start(1, 3),
      event(1, 4, { type: 'resume', keep: 1, attempt: 2, error: { code: 'connection' } }),
    ]);
    const blocks = runs[0]!.stages[0]!.blocks;
    expect(blocks.map(({ to, isWithdrawn }) => [to, isWithdrawn])).toEqual([
      [2, false],
      [4, true],
    ]);
  });

  it('takes an unsubscribe after message_stop for a completion', () => {
    const { runs } = inspectionOf([
      subscribe(1, 'api'),
      ...Array.from(messageEvents.text('Hi'), (value, at) => event(1, at, value)),
      ends(1, 20, 'unsubscribe'),
    ]);
    expect(runs[0]?.end).toBe('complete');
  });

  it('drops the oldest pipelines that have ended, then the oldest values', () => {
    const inspection = new Inspection({ marks: 100 });
    for (let id = 1; id <= 20; id++) {
      inspection.push(subscribe(id, 'api', id));
      for (let at = 0; at < 20; at++) inspection.push(text(id, id, 'x'));
      inspection.push(ends(id, id));
    }
    expect(inspection.marks).toBeLessThanOrEqual(100);
    expect(inspection.runs.at(-1)?.number).toBe(20);
    inspection.push(subscribe(21, 'api', 21));
    for (let at = 0; at < 1_000; at++) inspection.push(text(21, at, 'x'));
    expect(inspection.marks).toBeLessThanOrEqual(100);
  });

  it('ignores invalid entries', () => {
    const field = fc.oneof(fc.jsonValue(), fc.constantFrom('api', 1, 2, 5));
    const type = fc.constantFrom(
      'process',
      'subscribe',
      'join',
      'event',
      'value',
      'valve',
      'complete',
      'error',
      'dropped',
    );
    const known = fc.constantFrom(
      'message_start',
      'message_delta',
      'resume',
      'content_block_delta',
    );
    const entry = fc.record(
      {
        type,
        id: fc.integer({ min: 0, max: 5 }),
        at: fc.oneof(fc.integer({ min: 0, max: 100 }), fc.double()),
        into: fc.integer({ min: 0, max: 5 }),
        stage: field,
        event: fc.oneof(
          fc.jsonValue(),
          fc.record({ type: known, index: field, delta: field, message: field, usage: field }),
        ),
        value: field,
        error: field,
        count: field,
        depth: field,
      },
      { requiredKeys: ['type', 'id', 'at'] },
    );
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 30 }), (entries) => {
        const { runs } = inspectionOf(entries as never);
        for (const run of runs) {
          findings(run, 5, 100);
          svgText(drawInspection(run, { from: 0, to: 100, width: 400 }).node);
          for (const stage of run.stages) marbleTest(run, stage);
        }
      }),
    );
  });
});

describe('findings', () => {
  it('reports where a reply hangs, and that pings came', () => {
    const entries = [
      subscribe(1, 'text'),
      subscribe(2, 'api', 0, 1),
      text(2, 100, 'a'),
      { ...text(1, 100, 'a') },
      event(2, 3_000, { type: 'ping' }),
    ];
    expect(found(entries, 8_100)).toEqual([
      'api hangs: nothing has come for 8.00 s, after 100 ms; 1 pings came meanwhile',
    ]);
  });

  it('reports once where a reply was cut off', () => {
    const entries = [
      subscribe(1, 'text'),
      subscribe(2, 'api', 0, 1),
      text(2, 100, 'abc'),
      text(1, 100, 'abc'),
      fails(2, 200, 'truncated'),
      fails(1, 200, 'truncated'),
    ];
    expect(found(entries)).toEqual([
      'api failed with truncated, cut off before message_stop at 200 ms, after 3 characters',
    ]);
  });

  it('reports which stage delayed the text, and by how much', () => {
    const entries = [
      subscribe(1, 'shown'),
      subscribe(2, 'text', 0, 1),
      text(2, 100, 'One. '),
      text(2, 900, 'Two. '),
      text(1, 950, 'One. Two. '),
    ];
    expect(found(entries)).toEqual(['shown text came up to 850 ms later than from text']);
  });

  it('reports a closed valve and an unsubscribe', () => {
    const entries: InspectorEntry[] = [
      subscribe(1, 'db'),
      { type: 'valve', id: 1, at: 10, depth: 8, isOpen: false },
      { type: 'valve', id: 1, at: 60, depth: 4, isOpen: true },
      ends(1, 70, 'unsubscribe'),
    ];
    expect(found(entries)).toEqual([
      'db the valve was closed for 50 ms; up to 8 values waited',
      'db was unsubscribed at 70 ms, before the reply ended',
    ]);
  });

  it('finds nothing in a complete reply', () => {
    const reply = Array.from(messageEvents.text('Hello'), (value, at) => event(1, at, value));
    expect(found([subscribe(1, 'api'), ...reply, ends(1, 20)])).toEqual([]);
  });
});

describe('drawInspection', () => {
  const view = { from: 0, to: 1_000, width: 600 };

  it('draws as many marbles as fit, with the number of values of each', () => {
    const entries = [subscribe(1, 'api')];
    for (let at = 0; at < 20_000; at++) entries.push(text(1, at / 20, 'word'));
    const { node, marbles } = drawInspection(inspectionOf(entries).runs[0]!, view);
    expect(marbles.length).toBeLessThan(100);
    expect(marbles.reduce((sum, { marks }) => sum + marks.length, 0)).toBe(20_000);
    expect(svgText(node).length).toBeLessThan(20_000);
  });

  it('draws a stall, a seam, an error, the depth of a valve', () => {
    const [run] = inspectionOf([
      subscribe(1, 'api'),
      text(1, 10, 'Hello'),
      event(1, 600, { type: 'resume', keep: 0, attempt: 2 }),
      { type: 'valve', id: 1, at: 610, depth: 3, isOpen: false },
      fails(1, 900, 'overloaded'),
    ]).runs;
    const drawing = inspectionSvg(run!, { ...view, stallAfter: 300 });
    for (const part of ['stall', 'seam-line', 'error', 'closed', 'depth']) {
      expect(drawing).toContain(`class="${part}"`);
    }
    expect(drawing).toContain('overloaded');
    expect(drawing).toContain('up to 3 waiting');
  });

  it('draws a strip: a low line for each stage, without texts but the names', () => {
    const [run] = inspectionOf([
      subscribe(1, 'shown'),
      subscribe(2, 'api', 0, 1),
      event(2, 5, { type: 'content_block_start', index: 0, content_block: { type: 'text' } }),
      text(2, 10, 'Hello'),
      event(2, 600, { type: 'resume', keep: 0, attempt: 2 }),
      fails(2, 900, 'overloaded'),
    ]).runs;
    const { node, height, marbles } = drawInspection(run!, { ...view, dense: true });
    const drawing = svgText(node);
    expect(height).toBe(2 * 24 + 8);
    expect([...drawing.matchAll(/<text[^>]*>([^<]*)/g)].map(([, name]) => name)).toEqual([
      'api',
      'shown',
    ]);
    expect(marbles).toHaveLength(2);
    for (const part of ['seam-line', 'error']) expect(drawing).toContain(`class="${part}"`);
    // Nothing is drawn over the names.
    expect(Math.min(...marbles.map(({ x, width }) => x - width / 2))).toBeGreaterThan(104);
  });

  it('writes reported values as text', () => {
    const hostile = '</text><script>alert(1)</script>"&';
    const [run] = inspectionOf([
      subscribe(1, hostile),
      text(1, 10, hostile),
      event(1, 20, {
        type: 'content_block_start',
        content_block: { type: hostile, name: hostile },
      }),
      fails(1, 900, hostile),
    ]).runs;
    const drawing = inspectionSvg(run!, view);
    expect(drawing).not.toContain('<script');
    expect(drawing).toContain('&lt;script&gt;');
  });
});
