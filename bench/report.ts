import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import type { Result } from './child.ts';
import { type Measured, median, quantile } from './measure.ts';
import type { Held, Snapshots } from './memory.ts';
import type { Findings } from './Findings.ts';
import { targets } from './targets.ts';

export function report(findings: Findings): string {
  const { results, rss, held, steps, runs } = findings;
  return [
    '# Results of the benches',
    'Written by `npm run bench`. How to read it: [docs/performance.md](../docs/performance.md).',
    machine(),
    '## Targets',
    `Ratios of medians, of ${runs.length === 1 ? 'one run' : `${runs.length} runs in a row`}; all below is of the last.`,
    targets(runs),
    ...Object.entries(results).flatMap(([name, result]) => [
      `## ${result.title}`,
      name.startsWith('paced') ? pacedTable(result) : table(result, rss[name] ?? {}),
    ]),
    ...(steps.length > 0 ? ['## A snapshot at each delta', snapshotTable(steps)] : []),
    ...(held.length > 0 ? ['## Memory held', heldTable(held)] : []),
  ]
    .join('\n\n')
    .concat('\n');
}

export function machine(): string {
  const versions = ['@anthropic-ai/sdk', 'rxjs', 'ai', '@langchain/anthropic', '@tanstack/ai']
    .map((name) => `${name} ${versionOf(name)}`)
    .join(', ');
  const memory = Math.round(totalmem() / 2 ** 30);
  return (
    `Node ${process.version} (V8 ${process.versions.v8}), ${cpus().length} x ${cpus()[0]?.model}, ` +
    `${memory} GB; ${versions}; ${new Date().toISOString().slice(0, 10)}. The load of the machine was ` +
    `${loadavg()[2]!.toFixed(1)}: with more than one, times are those of a busy machine, and ratios ` +
    'tell more.'
  );
}

function versionOf(name: string): string {
  for (const folder of ['', '../']) {
    try {
      // From node_modules/.bench of this folder, or from the folder itself.
      const file = new URL(`${folder}node_modules/${name}/package.json`, import.meta.url);
      return JSON.parse(readFileSync(file, 'utf8')).version as string;
    } catch {}
  }
  return '?';
}

function table({ measured, against, events }: Result, rss: Record<string, number>): string {
  const base = measured.find(({ name }) => name === against)!;
  const rows = measured.map(({ name, wall, cpu }) => [
    name,
    milliseconds(median(wall)),
    `${milliseconds(quantile(wall, 0.25))} to ${milliseconds(quantile(wall, 0.75))}`,
    milliseconds(median(cpu)),
    thousands(events / median(wall)),
    ratio(median(wall), median(base.wall)),
    ratio(median(cpu), median(base.cpu)),
    rss[name] ? `${Math.round(rss[name] / 2 ** 20)}` : '',
  ]);
  return markdown(
    ['', 'ms', 'middle half', 'CPU ms', 'events/ms', `time, ${against} = 1`, 'CPU', 'peak RSS, MB'],
    rows,
  );
}

function pacedTable({ measured, against, events }: Result): string {
  const base = measured.find(({ name }) => name === against)!;
  const each = ({ cpu }: Measured) => (median(cpu) / events) * 1000;
  const rows = measured.map((one) => [
    one.name,
    each(one).toFixed(1),
    `${((Math.min(...one.cpu) / events) * 1000).toFixed(1)} to ${((Math.max(...one.cpu) / events) * 1000).toFixed(1)}`,
    ratio(each(one), each(base)),
    milliseconds(median(one.wall)),
  ]);
  return markdown(['', 'client CPU, µs an event', 'least to most', `${against} = 1`, 'ms'], rows);
}

function snapshotTable(steps: Snapshots[]): string {
  const rows = steps.map((step) => [
    step.deltas.toLocaleString('en'),
    step.without.toFixed(2),
    step.with.toFixed(2),
    (step.with - step.without).toFixed(2),
    `${Math.round(step.kept)}`,
  ]);
  return markdown(
    ['deltas', 'none: CPU µs a delta', 'a snapshot at each', 'more', 'bytes a snapshot, all kept'],
    rows,
  );
}

function heldTable(held: Held[]): string {
  return markdown(
    ['of', 'by', 'bytes'],
    held.map(({ what, who, bytes }) => [what, who, bytes.toLocaleString('en')]),
  );
}

export function markdown(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  const rule = `|${head.map((_, index) => (index === 0 ? '---|' : '---:|')).join('')}`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

export const ratio = (time: number, one: number): string => (time / one).toFixed(2);
const milliseconds = (time: number): string => (time < 100 ? time.toFixed(1) : time.toFixed(0));
const thousands = (value: number): string => (value < 100 ? value.toFixed(1) : value.toFixed(0));

/** The titles of the sections of RESULTS.md that come from other benches. */
export const SECTIONS = {
  conversations: 'Conversations of any length',
  service: 'The way through a service',
  traffic: 'Many requests under a rate limit, over HTTP',
  relay: 'Relay: 2,000 followers of 200 replies',
} as const;

/** The text of a section, without its title; `undefined` where there is none. */
export function sectionIn(results: string, title: string): string | undefined {
  const [, body] = results.split(`## ${title}\n\n`);
  return body?.split('\n## ')[0]?.trim();
}

/** The results with a section: in the place of the one with the same title, or at the end. */
export function withSection(results: string, title: string, body: string): string {
  const section = `## ${title}\n\n${body}\n`;
  const before = sectionIn(results, title);
  if (before === undefined) return `${results.trimEnd()}\n\n${section}`;
  return results.replace(`## ${title}\n\n${before}\n`, () => section);
}
