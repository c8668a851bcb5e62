import { existsSync } from 'node:fs';
import { TestScheduler } from 'rxjs/testing';
import { read, root } from '../support/examples.ts';

export type Moment = readonly [at: number, kind: 'next' | 'error' | 'complete'];

const KINDS = { N: 'next', E: 'error', C: 'complete' } as const;

/**
 * The rows of the diagram in the doc comment of an operator, by their names, and when something
 * happens in each. The first diagram is that of `textOnly`, the second that of `textOnly-cut`.
 */
export function docDiagram(name: string): Map<string, Moment[]> {
  const [operator = '', variant] = name.split('-');
  const folders = [
    'operators',
    'src/bridges/ag-ui',
    'src/bridges/ui',
    'src/flow',
    'src/telemetry',
    'src/tools',
    'src/traffic',
  ];
  const file = folders
    .map((folder) => `${folder}/${operator}.ts`)
    .find((path) => existsSync(root + path));
  if (!file) throw new Error(`No source of ${operator}`);
  const doc = read(file).replace(/^ \* ?/gm, '');
  const [, block = ''] = /^```text\n([^]*?)^```/m.exec(doc) ?? [];
  const lines = (block.split('\n\n')[variant ? 1 : 0] ?? '').split('\n');
  const parts = lines
    .map((line) => /^([\w$]+)(\s+)(\S*)/.exec(line))
    .filter((part) => part !== null);
  // A row that begins further to the right begins later.
  const zero = Math.min(...parts.map(([, word = '', space = '']) => word.length + space.length));
  return new Map(
    parts.map(([, word = '', space = '', marbles = '']) => [
      word,
      momentsOf(marbles, word.length + space.length - zero),
    ]),
  );
}

function momentsOf(marbles: string, begin: number): Moment[] {
  return TestScheduler.parseMarbles(marbles, undefined, undefined, false, true).map(
    ({ frame, notification: { kind } }) => [
      begin + frame / TestScheduler.frameTimeFactor,
      KINDS[kind],
    ],
  );
}
