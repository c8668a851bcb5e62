import { expect } from 'vitest';
import { root } from '../examples.ts';
import { drawMarbles } from './drawMarbles.ts';
import { recordRun } from './recordRun.ts';

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
 * test has just done, so that it cannot show anything else; `npm run docs` draws it anew.
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
    const shown = (some: typeof rows) => some.filter((row) => row.name);
    const svg = drawMarbles({
      title,
      inputs: shown(rows.slice(0, inputs.length)),
      outputs: shown(rows.slice(inputs.length)),
    });
    await expect(svg).toMatchFileSnapshot(`${root}docs/marbles/${name}.svg`);
  };
}
