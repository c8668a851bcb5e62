import {
  type DrawnInspection,
  drawInspection,
  inspectionSvg,
  type InspectionView,
  type PlacedMarble,
} from '../drawInspection.ts';
import { seconds } from '../drawing/seconds.ts';
import { svgElement } from '../drawing/svg.ts';
import { detailOf, type InspectedMark, type InspectedRun } from '../Inspection.ts';
import { element, setText } from './dom.ts';

export interface DiagramParts {
  figure: HTMLElement;
  tip: HTMLElement;
  detail: HTMLElement;
  content: HTMLElement;
}

/** The maximum length of the content in the tooltip, in UTF-16 code units. */
const TIP = 200;

/** The diagram of one pipeline: zoom, selection, search, and the value that is selected. */
export class Diagram {
  readonly #parts: DiagramParts;
  #run: InspectedRun | undefined;
  #drawn: DrawnInspection | undefined;
  /** The time range that is shown; `undefined` for all. */
  #range: { from: number; to: number } | undefined;
  #selected: InspectedMark | undefined;
  #search = '';
  /** The values that were searched so far, and whether they match. */
  #matches = new WeakMap<InspectedMark, boolean>();
  now = 0;
  stallAfter = 5_000;
  /** Called when the drawing must be updated. */
  onChange: () => void = () => {};

  constructor(parts: DiagramParts) {
    this.#parts = parts;
    const { figure } = parts;
    figure.addEventListener('pointermove', (event) => this.#hover(event));
    figure.addEventListener('pointerleave', () => (parts.tip.hidden = true));
    figure.addEventListener('pointerdown', (event) => this.#drag(event));
    figure.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    new ResizeObserver(() => this.onChange()).observe(figure);
  }

  get run(): InspectedRun | undefined {
    return this.#run;
  }

  show(run: InspectedRun | undefined): void {
    if (run === this.#run) return;
    this.#run = run;
    this.#range = undefined;
    this.#select(undefined);
    this.onChange();
  }

  fit(): void {
    this.#range = undefined;
    this.onChange();
  }

  /**
   * Zooms: shows a time range that is `by` times as long; `at` is the fixed position, as a part of
   * the width.
   */
  zoom(by: number, at: number = 0.5): void {
    const { from, to } = this.#view();
    const length = Math.max(5, (to - from) * by);
    const middle = from + (to - from) * at;
    this.#range = { from: middle - length * at, to: middle + length * (1 - at) };
    this.onChange();
  }

  /** Returns the number of values that match. */
  search(text: string): number {
    this.#search = text.toLowerCase();
    this.#matches = new WeakMap();
    this.onChange();
    return this.#matching().length;
  }

  /** Selects the next value that matches. */
  selectNextMatch(): void {
    const all = this.#matching();
    const next = all[(all.findIndex(({ mark }) => mark === this.#selected) + 1) % all.length];
    if (!next) return;
    this.#reveal(next.mark.at);
    this.#select(next.mark);
  }

  move(by: number): void {
    const marbles = this.#drawn?.marbles ?? [];
    const selected = this.#selected;
    const current = marbles.find(({ marks }) => selected && marks.includes(selected));
    if (!current) return this.#select(marbles.at(by > 0 ? 0 : -1)?.marks[0]);
    const lane = marbles.filter((marble) => marble.lane === current.lane);
    const next = lane[lane.indexOf(current) + by];
    if (next) this.#select(next.marks[0]);
  }

  moveLane(by: number): void {
    const marbles = this.#drawn?.marbles ?? [];
    const selected = this.#selected;
    const current = marbles.find(({ marks }) => selected && marks.includes(selected));
    if (!current) return this.move(1);
    const lane = marbles.filter((marble) => marble.lane === current.lane + by);
    const near = lane.toSorted(
      (one, other) => Math.abs(one.x - current.x) - Math.abs(other.x - current.x),
    )[0];
    if (near) this.#select(near.marks[0]);
  }

  draw(): void {
    const { figure } = this.#parts;
    if (!this.#run) return figure.replaceChildren();
    this.#drawn = drawInspection(this.#run, this.#view());
    const node = svgElement(this.#drawn.node);
    const names = this.#run.lanes.map(({ name }) => name).join(', ');
    node.setAttribute('role', 'img');
    node.setAttribute('aria-label', `Marble diagram with a line for each of: ${names}`);
    figure.replaceChildren(node);
  }

  svg(): string | undefined {
    return this.#run && inspectionSvg(this.#run, this.#view());
  }

  #view(): InspectionView {
    const run = this.#run!;
    const end = run.isRunning ? Math.max(this.now, run.lastAt) : run.lastAt;
    const range = this.#range ?? { from: run.from, to: Math.max(end, run.from + 20) };
    return {
      ...range,
      width: Math.max(280, this.#parts.figure.clientWidth),
      now: Math.max(this.now, run.lastAt),
      stallAfter: this.stallAfter,
      selected: this.#selected,
      matches:
        this.#search === '' ? undefined : (mark, { content }) => this.#isMatch(mark, content),
    };
  }

  #isMatch(mark: InspectedMark, content: boolean): boolean {
    let isMatch = this.#matches.get(mark);
    if (isMatch === undefined) {
      const texts = [mark.label.text, detailOf(mark, content)];
      isMatch = texts.some((text) => text.toLowerCase().includes(this.#search));
      this.#matches.set(mark, isMatch);
    }
    return isMatch;
  }

  #matching() {
    if (this.#search === '') return [];
    const stages = this.#run?.lanes.flatMap((lane) => lane.stages) ?? [];
    return stages.flatMap((stage) =>
      stage.marks
        .filter((mark) => this.#isMatch(mark, stage.content))
        .map((mark) => ({ mark, stage })),
    );
  }

  #reveal(at: number): void {
    const { from, to } = this.#view();
    if (at >= from && at <= to) return;
    const half = (to - from) / 2;
    this.#range = { from: at - half, to: at + half };
  }

  #select(mark: InspectedMark | undefined): void {
    this.#selected = mark;
    const { detail, content } = this.#parts;
    const place = this.#placeOf(mark);
    content.hidden = true;
    if (!mark || !place) setText(detail, 'Select a marble to see its value.');
    else {
      setText(detail, place);
      const stage = this.#run?.stages.find(({ marks }) => marks.includes(mark));
      setText(content, detailOf(mark, stage?.content ?? false));
      content.hidden = false;
    }
    this.onChange();
  }

  #placeOf(mark: InspectedMark | undefined): string | undefined {
    const run = this.#run;
    const stage = mark && run?.stages.find(({ marks }) => marks.includes(mark));
    if (!mark || !run || !stage) return undefined;
    const type = mark.event?.type ?? mark.value?.type ?? '';
    const times = mark.count > 1 ? `, ${mark.count} at once` : '';
    const hidden = stage.content ? '' : '; the content is not reported (start with --content)';
    return `${stage.name}: ${mark.label.kind}, ${type} at ${seconds(mark.at - run.from)}${times}${hidden}`;
  }

  #hover(event: PointerEvent): void {
    const { tip, figure } = this.#parts;
    const found = this.#at(event);
    tip.hidden = !found;
    figure.style.cursor = found ? 'pointer' : '';
    if (!found) return;
    const { marks, stage } = found;
    const text = marks
      .slice(0, 20)
      .map((mark) => detailOf(mark, stage.content))
      .join(stage.content ? '' : ', ');
    const count = marks.length > 1 ? `, ${marks.length} values` : '';
    const time = seconds(marks[0]!.at - stage.run.from);
    tip.replaceChildren(
      element('b', '', `${stage.name} at ${time}${count}`),
      `\n${text.length > TIP ? `${text.slice(0, TIP)}…` : text}`,
    );
    const { clientX, clientY } = event;
    tip.style.left = `${Math.max(4, Math.min(clientX + 12, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${clientY + 16}px`;
  }

  #at({ clientX, clientY }: MouseEvent): PlacedMarble | undefined {
    const { left, top } = this.#parts.figure.getBoundingClientRect();
    const [x, y] = [clientX - left, clientY - top];
    return this.#drawn?.marbles.find(
      (marble) => Math.abs(marble.y - y) < 14 && Math.abs(marble.x - x) <= marble.width / 2 + 2,
    );
  }

  #drag(event: PointerEvent): void {
    const found = this.#at(event);
    if (found) return this.#select(found.marks[0]);
    if (!this.#run || event.button !== 0) return;
    const { figure } = this.#parts;
    const { from, to, width } = this.#view();
    const start = event.clientX;
    const move = ({ clientX }: PointerEvent) => {
      const by = ((clientX - start) * (to - from)) / width;
      this.#range = { from: from - by, to: to - by };
      this.onChange();
    };
    const end = () => {
      figure.removeEventListener('pointermove', move);
      figure.removeEventListener('pointerup', end);
      figure.removeEventListener('pointercancel', end);
    };
    figure.setPointerCapture(event.pointerId);
    figure.addEventListener('pointermove', move);
    figure.addEventListener('pointerup', end);
    figure.addEventListener('pointercancel', end);
  }

  #wheel(event: WheelEvent): void {
    if (!this.#run || !(event.ctrlKey || event.metaKey || event.shiftKey)) return;
    event.preventDefault();
    const { left, width } = this.#parts.figure.getBoundingClientRect();
    if (!event.shiftKey) {
      return this.zoom(Math.exp(event.deltaY / 300), (event.clientX - left) / width);
    }
    const { from, to } = this.#view();
    const by = (((event.deltaY || event.deltaX) * (to - from)) / width) * 0.5;
    this.#range = { from: from + by, to: to + by };
    this.onChange();
  }
}
