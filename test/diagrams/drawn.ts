import { expect } from 'vitest';
import { root } from '../support/examples.ts';
import { docDiagram, type Moment } from './docDiagram.ts';
import { drawMarbles } from './drawMarbles.ts';
import { type Line, recordRun } from './recordRun.ts';

export interface DrawnConfig {
  /** The operator as it is called, which is written into the box. Default: its name and `()`. */
  title?: string;
  /** The names of the lines above the box; '' is not drawn. Default: `source`. */
  inputs?: readonly string[];
  /** Those of the lines below it. Default: `result`. */
  outputs?: readonly string[];
}

/**
 * A marble test whose run is drawn. The picture, `docs/marbles/NAME.svg`, is compared with what the
 * test has just done, so that it cannot show anything else; `npm run docs` draws it anew. So is the
 * diagram in the doc comment of the operator.
 *
 *     it('emits the text as it arrives', drawn('textOnly', marbles((m) => { ... })));
 *
 * The lines are what the test has made with `cold` and `hot`, and then what it has expected
 * something of, each in the order of the test.
 */
export function drawn(
  name: string,
  test: () => unknown,
  { title = `${name}()`, inputs = ['source'], outputs = ['result'] }: DrawnConfig = {},
): () => Promise<void> {
  return async () => {
    const names = [...inputs, ...outputs];
    const lines = recordRun(test);
    expect(names, 'a name for each line of the run').toHaveLength(lines.length);
    const rows = lines.map((line, index) => ({ ...line, name: names[index]! }));
    expectAsDocumented(name, rows);
    const shown = (some: typeof rows) => some.filter((row) => row.name);
    const svg = drawMarbles({
      title,
      inputs: shown(rows.slice(0, inputs.length)),
      outputs: shown(rows.slice(inputs.length)),
    });
    await expect(svg).toMatchFileSnapshot(`${root}docs/marbles/${name}.svg`);
  };
}

/** Every line that is in the doc comment too must have the same times there. */
function expectAsDocumented(name: string, rows: readonly (Line & { name: string })[]): void {
  const documented = docDiagram(name);
  const same = rows.filter((row) => documented.has(row.name));
  expect(same.length, `lines of ${name} that its doc comment has`).toBeGreaterThan(1);
  for (const row of same) {
    const moments: Moment[] = row.happenings.map(({ at, kind }) => [at, kind]);
    const hasEnded = row.to === undefined || moments.at(-1)?.[1] !== 'next';
    // What a source would have emitted later is in the comment only.
    const all = documented.get(row.name)!;
    expect(hasEnded ? all : all.slice(0, moments.length), `${row.name} of ${name}`).toEqual(
      moments,
    );
  }
}
