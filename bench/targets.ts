import type { Findings } from './report.ts';
import { median } from './measure.ts';

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
  target('shortClient', 'claude-rx', 'SDK raw', 0.8, "10,000 short replies, SDK's client"),
  target('onceClient', 'claude-rx', 'SDK raw', 1, "1,000 replies at once, SDK's client"),
  target('shortResponse', 'claude-rx', 'SDK raw', 0.6, '10,000 short replies'),
  target('onceResponse', 'claude-rx', 'SDK raw', 0.6, '1,000 replies at once'),
];

export function targets({ results, held, steps }: Findings): string[] {
  const lines: string[] = [];
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
    lines.push(row(`${what}: ${who} / ${against}`, most, wall, ratioOf('cpu')));
  }
  for (const { deltas, without, with: all } of steps) {
    const what = `${deltas.toLocaleString('en')} deltas: µs more with a snapshot at each`;
    lines.push(row(what, 1.5, undefined, all - without));
  }
  const bytes = (who: string) =>
    held.find((one) => one.who === who && one.what.includes('1,000 deltas'))?.bytes ?? Number.NaN;
  if (held.length > 0) {
    const ratio =
      bytes("claude-rx, through the SDK's client") / bytes('SDK raw, through its client');
    lines.push(row("bytes a stream, SDK's client: claude-rx / SDK raw", 1, ratio));
  }
  const head = '| | at most | time | CPU time | |\n|---|---:|---:|---:|---|';
  return [[head, ...lines].join('\n')];
}

/** What others do on the machine is in the time, and not in the CPU time. */
function row(what: string, most: number, wall?: number, cpu?: number): string {
  const digits = most < 0.1 ? 3 : 2;
  const shown = (value?: number) => value?.toFixed(digits) ?? '';
  const [first = Infinity, second = Infinity] = [wall ?? cpu, cpu];
  const verdict = first <= most ? 'holds' : second <= most ? 'holds in CPU time' : '**missed**';
  return `| ${what} | ${most.toFixed(digits)} | ${shown(wall)} | ${shown(cpu)} | ${verdict} |`;
}
