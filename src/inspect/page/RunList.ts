import { seconds } from '../drawing/seconds.ts';
import type { InspectedRun } from '../Inspection.ts';
import { element, setText } from './dom.ts';

/** The maximum number of rows; the latest are shown. */
const MOST = 200;

interface Row {
  item: HTMLLIElement;
  button: HTMLButtonElement;
  name: HTMLElement;
  state: HTMLElement;
  more: HTMLElement;
}

/** The list of pipelines, the latest on top. */
export class RunList {
  readonly #list: HTMLElement;
  readonly #onSelect: (run: InspectedRun) => void;
  readonly #rows = new Map<InspectedRun, Row>();

  constructor(list: HTMLElement, onSelect: (run: InspectedRun) => void) {
    this.#list = list;
    this.#onSelect = onSelect;
  }

  update(runs: readonly InspectedRun[], selected: InspectedRun | undefined, now: number): void {
    const shown = new Set(runs.slice(-MOST));
    for (const [run, { item }] of this.#rows) {
      if (shown.has(run)) continue;
      item.remove();
      this.#rows.delete(run);
    }
    for (const run of shown) {
      let row = this.#rows.get(run);
      if (!row) {
        row = this.#add(run);
        this.#list.prepend(row.item);
      }
      this.#fill(row, run, now);
      const isCurrent = String(run === selected);
      if (row.button.getAttribute('aria-current') !== isCurrent) {
        row.button.setAttribute('aria-current', isCurrent);
      }
    }
  }

  #add(run: InspectedRun): Row {
    const name = element('span', 'name');
    const state = element('span', 'state');
    const more = element('span', 'more');
    const button = element('button', '', name, state, more);
    button.type = 'button';
    button.addEventListener('click', () => this.#onSelect(run));
    const row = { item: element('li', '', button), button, name, state, more };
    this.#rows.set(run, row);
    return row;
  }

  #fill({ name, state, more }: Row, run: InspectedRun, now: number): void {
    const { lanes, isRunning } = run;
    setText(name, `${run.number} ${lanes.map((lane) => lane.name).join(' → ')}`);
    setText(state, stateOf(run));
    const className = isRunning ? 'state running' : `state ${run.end}`;
    if (state.className !== className) state.className = className;
    const end = isRunning ? Math.max(now, run.lastAt) : run.lastAt;
    const first = firstTextOf(run);
    const parts = [
      run.process,
      seconds(end - run.from),
      first === undefined ? '' : `first text ${seconds(first)}`,
    ];
    setText(more, parts.filter(Boolean).join(' · '));
  }
}

/** How a pipeline ended, in a word. */
export function stateOf(run: InspectedRun): string {
  if (run.isRunning) return 'running';
  if (run.end === 'error') return run.error?.code ?? 'error';
  return run.end === 'unsubscribe' ? 'unsubscribed' : 'complete';
}

/** Milliseconds from the subscription to the first text of the last stage. */
export function firstTextOf(run: InspectedRun): number | undefined {
  const last = run.lanes.findLast(({ stages }) => stages.some(({ texts }) => texts.length > 0));
  const at = last?.stages.find(({ texts }) => texts.length > 0)?.texts[0]?.at;
  return at === undefined ? undefined : at - run.from;
}
