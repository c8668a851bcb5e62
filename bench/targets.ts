import type { Findings, Met } from './Findings.ts';
import { median } from './measure.ts';
import { IDLE, LONG, SHORT } from './memory.ts';

interface Target {
  what: string;
  scenario: string;
  who: string;
  against: string;
  most: number;
  /** Compares CPU time, where waiting is most of the time. */
  cpu?: boolean;
}

const target = (scenario: string, who: string, against: string, most: number, what = '') => ({
  scenario,
  who,
  against,
  most,
  what,
});

/** What must hold, as ratios of medians. */
const TARGETS: Target[] = [
  target('ascii16', 'claude-rx', 'floor', 1.25, '16 KB chunks'),
  target('ascii1', 'claude-rx', 'floor', 1.1, 'one event a chunk'),
  target('ascii16', 'claude-rx', 'SDK raw', 0.65, '16 KB chunks'),
  target('ascii1', 'claude-rx', 'SDK raw', 0.65, 'one event a chunk'),
  target('ascii16', 'claude-rx, finalMessage', 'SDK MessageStream', 0.5, '16 KB chunks'),
  target('ascii1', 'claude-rx, finalMessage', 'SDK MessageStream', 0.5, 'one event a chunk'),
  target('slow', 'claude-rx, textOnly', 'AI SDK textStream', 1 / 40, '16 KB chunks'),
  target('burst', 'claude-rx', 'SDK raw', 0.7, 'HTTP in bursts'),
  target('burst', 'claude-rx', 'SDK MessageStream', 0.5, 'HTTP in bursts'),
  { ...target('paced-200-20', 'claude-rx', 'SDK raw', 1, '200 paced connections'), cpu: true },
  { ...target('paced-1000-40', 'claude-rx', 'SDK raw', 1, '1,000 paced connections'), cpu: true },
  target(
    'shortClient',
    'claude-rx',
    'SDK raw',
    0.8,
    "short replies one after another, SDK's client",
  ),
  target(
    'shortClient',
    'claude-rx',
    'SDK raw, with a signal',
    0.8,
    "short replies one after another, SDK's client",
  ),
  target('onceClient', 'claude-rx', 'SDK raw', 1, "1,000 replies at once, SDK's client"),
  target('shortResponse', 'claude-rx', 'SDK raw', 0.6, 'short replies one after another'),
  target('onceResponse', 'claude-rx', 'SDK raw', 0.6, '1,000 replies at once'),
];

/** How near to their targets one run has come. */
export function met({ results, held, steps }: Findings): Met[] {
  const all: Met[] = [];
  for (const { scenario, who, against, most, what, cpu } of TARGETS) {
    const measured = results[scenario]?.measured;
    if (!measured) continue;
    const ratioOf = (which: 'wall' | 'cpu') => {
      const [one, other] = [who, against].map(
        (name) => measured.find((some) => some.name === name)![which],
      );
      return median(one!) / median(other!);
    };
    const wall = cpu ? undefined : ratioOf('wall');
    all.push({ scenario, what: `${what}: ${who} / ${against}`, most, wall, cpu: ratioOf('cpu') });
  }
  for (const { deltas, without, with: each } of steps) {
    const what = `${deltas.toLocaleString('en')} deltas: µs more with a snapshot at each`;
    all.push({ scenario: 'snapshots', what, most: 1.5, cpu: each - without });
  }
  const bytes = (of: string, who: string) =>
    held.find((one) => one.who === who && one.what === of)?.bytes ?? Number.NaN;
  for (const of of held.length > 0 ? [IDLE, SHORT, LONG] : []) {
    const ratio =
      bytes(of, "claude-rx, through the SDK's client") / bytes(of, 'SDK raw, through its client');
    const what = `bytes held by ${of}: claude-rx / SDK raw`;
    all.push({ scenario: 'memory', what, most: 1, wall: ratio });
  }
  return all;
}

/** What several runs have measured, side by side: on a noisy machine one alone says little. */
export function targets(runs: Met[][]): string {
  const last = runs.at(-1) ?? [];
  const rows = last.map(({ what, most }) => {
    const found = runs.flatMap((run) => run.find((one) => one.what === what) ?? []);
    const digits = most < 0.1 ? 3 : 2;
    const shown = (values: (number | undefined)[]) =>
      values.flatMap((value) => value?.toFixed(digits) ?? []).join(', ');
    const cells = [shown(found.map(({ wall }) => wall)), shown(found.map(({ cpu }) => cpu))];
    return `| ${what} | ${most.toFixed(digits)} | ${cells.join(' | ')} | ${verdict(found, most)} |`;
  });
  return ['| | at most | time | CPU time | |', '|---|---:|---:|---:|---|', ...rows].join('\n');
}

/** What others do on the machine is in the time, and not in the CPU time. */
function verdict(found: Met[], most: number): string {
  if (found.every(({ wall, cpu = Infinity }) => (wall ?? cpu) <= most)) return 'holds';
  if (found.every(({ cpu = Infinity }) => cpu <= most)) return 'holds in CPU time';
  const count = found.filter(({ wall, cpu = Infinity }) => (wall ?? cpu) <= most).length;
  return `**missed**${count > 0 ? `, ${count} of ${found.length} hold` : ''}`;
}
