import {
  axisOf,
  DENSE,
  drawRow,
  drawRuler,
  type DrawnRow,
  GAP,
  heightOf,
  type Marble,
  MARBLE,
  RULER,
  type Sign,
  type Tick,
  widthOf,
} from './drawing/drawRow.ts';
import type { Kind } from './drawing/labelOf.ts';
import { round, svg, type SvgNode, svgText } from './drawing/svg.ts';
import { STYLE } from './drawing/style.ts';
import { seconds } from './drawing/seconds.ts';
import { findStalls } from './findings.ts';
import type { InspectedLane, InspectedMark, InspectedRun, InspectedStage } from './Inspection.ts';

/** The part of a pipeline that is drawn. */
export interface InspectionView {
  /** The time range that is shown, in milliseconds since the epoch. */
  from: number;
  to: number;
  /** In pixels. */
  width: number;
  /** The current time, up to which a running stage is drawn. Default: `to`. */
  now?: number | undefined;
  /** Milliseconds without content, after some content, that are shown as a stall. Default: 5,000. */
  stallAfter?: number | undefined;
  /**
   * Whether to draw a low strip: lines with the name on the left and small marbles without text, and no
   * blocks, valve depths or ruler. Default: `false`.
   */
  dense?: boolean | undefined;
  /** The marble that is selected. Default: none. */
  selected?: InspectedMark | undefined;
  /** Whether a value matches a search; other values are pale. Default: no search. */
  matches?: ((mark: InspectedMark, stage: InspectedStage) => boolean) | undefined;
}

/** A marble of the drawing, and the value that it stands for. */
export interface PlacedMarble {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  /** The index of its line, from the top. */
  readonly lane: number;
  readonly stage: InspectedStage;
  readonly marks: readonly InspectedMark[];
}

/** A drawing, with the positions of its marbles. */
export interface DrawnInspection {
  readonly node: SvgNode;
  readonly width: number;
  readonly height: number;
  readonly marbles: readonly PlacedMarble[];
}

const MARGIN = 16;
/** Room for the name of a line. */
const NAME = 18;
const DEPTH = 26;
/** Room for the name on the left of a line of a strip. */
const NAME_LEFT = 116;
const DOT = 12;
/** Values that are closer than this are one marble. */
const WIDEST = 48;

/** The kind that a marble shows if it stands for values of several kinds. */
const ORDER: readonly Kind[] = ['ping', 'meta', 'value', 'text', 'thinking', 'json', 'seam'];

/**
 * Draws a pipeline as a marble diagram: one line per stage, the source on top. Values that would
 * overlap are one marble with a count. The cost is bounded by the width, apart from one pass over the
 * values in the time range.
 *
 * @example
 * ```ts
 * import { drawInspection, type InspectedRun, svgElement } from 'claude-rx/inspect';
 *
 * function draw(figure: HTMLElement, run: InspectedRun): void {
 *   const { from, lastAt: to } = run;
 *   figure.replaceChildren(svgElement(drawInspection(run, { from, to, width: 800 }).node));
 * }
 * ```
 */
export function drawInspection(run: InspectedRun, view: InspectionView): DrawnInspection {
  const { from, to, width, dense = false } = view;
  const left = dense ? NAME_LEFT : MARGIN;
  const right = Math.max(left + 50, width - MARGIN - 28);
  const scale = (right - left) / Math.max(1, to - from);
  const xOf = (at: number) =>
    round(Math.min(Math.max(left + (at - from) * scale, dense ? left : -50), width + 50));
  const marbles: PlacedMarble[] = [];
  const parts: SvgNode[] = [];
  let y = 4;
  run.lanes.forEach((lane, number) => {
    const rows = lane.stages
      .filter((stage) => stage.from <= to && (stage.to ?? Infinity) >= from)
      .map((stage) => drawnStage(stage, view, xOf));
    const hasBands = rows.some(({ row }) => row.bands.length > 0);
    const top = dense ? y : y + NAME - (hasBands ? 8 : 12);
    parts.push(
      dense
        ? svg('text', { class: 'name', x: 4, y: y + 16 }, lane.name)
        : svg('text', { class: 'name', x: left, y: y + 14 }, laneName(lane)),
    );
    for (const { row, stage, clusters } of rows) {
      // All attempts of a stage are on one line.
      const at = hasBands && row.bands.length === 0 ? top + 20 : top;
      parts.push(...drawRow(row, at, left).flat());
      parts.push(...drawStalls(stage, view, xOf, top, hasBands));
      clusters.forEach((marks, index) => {
        const { x, width: wide } = row.marbles[index]!;
        const axis = at + axisOf(row);
        marbles.push({ x, y: axis, width: wide, lane: number, stage, marks });
      });
    }
    y = top + Math.max(dense ? DENSE : 52, ...rows.map(({ row }) => heightOf(row)));
    if (!dense && lane.stages.some(({ depths }) => depths.length > 0)) {
      for (const stage of lane.stages) parts.push(...drawDepth(stage, view, xOf, y - 8));
      y += DEPTH;
    }
  });
  if (!dense) parts.push(...drawRuler(ticksOf(run.from, view, xOf), left, right, y).flat());
  const height = Math.ceil(dense ? y + 4 : y + RULER + 4);
  const node = svg(
    'svg',
    { xmlns: 'http://www.w3.org/2000/svg', width, height, viewBox: `0 0 ${width} ${height}` },
    ...parts,
  );
  return { node, width, height, marbles };
}

/** A drawing as a separate SVG file, with colours for light and dark pages. */
export function inspectionSvg(run: InspectedRun, view: InspectionView): string {
  const { node, width, height } = drawInspection(run, view);
  const title = `Marble diagram of ${run.lanes.map(({ name }) => name).join(', ')}`;
  const page = { class: 'page', x: 0.5, y: 0.5, width: width - 1, height: height - 1, rx: 9 };
  const children = [
    svg('title', {}, title),
    svg('style', {}, inspectionStyle),
    svg('rect', page),
    ...node.children,
  ];
  return `${svgText(svg('svg', { ...node.attributes, role: 'img' }, ...children))}\n`;
}

/**
 * The style sheet for the drawings of `drawInspection`, for light and dark pages. Its selectors are
 * short, such as `text` and `.name`: nest them in the selector of the element with the drawing.
 *
 * @example
 * ```ts
 * import { inspectionStyle } from 'claude-rx/inspect';
 *
 * const sheet = document.createElement('style');
 * sheet.textContent = `.diagram{${inspectionStyle}}`;
 * document.head.append(sheet);
 * ```
 */
export const inspectionStyle: string = [
  STYLE,
  '.stall{fill:#cf222e;fill-opacity:.12;stroke:none}.stall-name{fill:#a40e26;font-weight:600}',
  '.closed{fill:#bf8700;fill-opacity:.25}.depth{fill:none;stroke:#8250df;stroke-width:1.5}',
  '.depth-name{fill:#59636e}.stall-name,.depth-name{font-size:11px}',
  '.withdrawn{stroke-dasharray:2 3;fill-opacity:.3}.pale{opacity:.2}',
  '.selected rect{stroke-width:3}',
  '@media(prefers-color-scheme:dark){.stall{fill:#f85149;fill-opacity:.18}.stall-name{fill:#ff9492}',
  '.depth{stroke:#a371f7}.depth-name{fill:#9198a1}}',
].join('');

interface DrawnStage {
  stage: InspectedStage;
  row: DrawnRow;
  clusters: readonly (readonly InspectedMark[])[];
}

function laneName({ name, stages }: InspectedLane): string {
  return stages.length > 1 ? `${name} (${stages.length} attempts)` : name;
}

function drawnStage(
  stage: InspectedStage,
  view: InspectionView,
  xOf: (at: number) => number,
): DrawnStage {
  const end = stage.to ?? view.now ?? view.to;
  const right = xOf(end);
  const blocks = view.dense ? [] : stage.blocks;
  const bands = blocks
    .filter((block) => block.from <= view.to && (block.to ?? end) >= view.from)
    .map(({ from, to, name, isWithdrawn }) => {
      const x = xOf(from);
      const wide = Math.max(2, xOf(to ?? end) - x);
      // Only the part of the name that fits.
      const room = Math.floor((wide - 8) / 6);
      const text = isWithdrawn ? `${name}, withdrawn` : name;
      const shown = text.length > room ? text.slice(0, Math.max(0, room)) : text;
      return { x, right: x + wide, name: shown, isOpen: to === undefined, isWithdrawn };
    });
  const { marbles, clusters, signs } = placed(stage, view, xOf);
  if (stage.end === 'complete') signs.push({ x: right, kind: 'complete' });
  if (stage.end === 'error') signs.push({ x: right, kind: 'error', text: stage.error?.code ?? '' });
  const ending =
    stage.end === undefined ? 'open' : stage.end === 'unsubscribe' ? 'closed' : 'ended';
  const row: DrawnRow = {
    name: '',
    x: xOf(stage.from),
    right,
    end: ending,
    bands,
    signs,
    marbles,
    isDense: view.dense ?? false,
  };
  return { stage, row, clusters };
}

/** The marbles of a stage; values that would overlap are one marble. */
function placed(
  stage: InspectedStage,
  view: InspectionView,
  xOf: (at: number) => number,
): { marbles: Marble[]; clusters: InspectedMark[][]; signs: Sign[] } {
  const { marks } = stage;
  const clusters: Cluster[] = [];
  const signs: Sign[] = [];
  let dot = -Infinity;
  let cluster: Cluster | undefined;
  const last = indexAfter(marks, view.to);
  for (let index = indexAfter(marks, view.from - 1); index < last; index++) {
    const mark = marks[index]!;
    const x = xOf(mark.at);
    if (isEdge(mark)) {
      if (x - dot >= 6) signs.push({ x, kind: 'dot' });
      dot = x;
      continue;
    }
    if (mark.label.kind === 'seam') signs.push({ x, kind: 'seam' });
    if (cluster && x - DOT / 2 < cluster.right + 1 && x - cluster.left < WIDEST) {
      cluster.marks.push(mark);
      cluster.right = Math.max(cluster.right, x + DOT / 2);
      cluster.text = '';
      continue;
    }
    const { text } = mark.label;
    const wanted = text === '' || view.dense ? DOT : widthOf(text);
    // The next value that is drawn as a marble decides how much room there is.
    let next = index + 1;
    while (next < last && isEdge(marks[next]!)) next++;
    const room = next < last ? xOf(marks[next]!.at) - DOT / 2 : Infinity;
    const [left, right] = [x - wanted / 2, x + wanted / 2];
    const isInside = left >= 2 && right <= view.width - 2;
    const fits =
      !view.dense && isInside && left >= (cluster?.right ?? -Infinity) + GAP && right + GAP <= room;
    cluster = fits
      ? { marks: [mark], left, right, text }
      : { marks: [mark], left: x - DOT / 2, right: x + DOT / 2, text: '' };
    clusters.push(cluster);
  }
  return {
    marbles: clusters.map((each) => marble(each, view, stage)),
    clusters: clusters.map((each) => each.marks),
    signs,
  };
}

/** Values that are drawn as one marble, with its position. */
interface Cluster {
  marks: InspectedMark[];
  left: number;
  right: number;
  text: string;
}

function marble(
  { marks, left, right, text }: Cluster,
  { selected, matches, dense }: InspectionView,
  stage: InspectedStage,
): Marble {
  let order = 0;
  for (const { label } of marks) order = Math.max(order, ORDER.indexOf(label.kind));
  const width = round(right - left);
  const count = marks.length > 1 && !dense ? `×${marks.length}` : text;
  const shown = widthOf(count) <= width ? count : text;
  const classes = [
    selected && marks.includes(selected) && 'selected',
    matches && !marks.some((mark) => matches(mark, stage)) && 'pale',
  ].filter((name) => typeof name === 'string');
  return {
    x: round((left + right) / 2),
    width,
    height: shown === '' ? DOT : MARBLE,
    lane: 0,
    label: { text: shown, kind: ORDER[order]! },
    classes,
  };
}

function isEdge({ event }: InspectedMark): boolean {
  return event?.type === 'content_block_start' || event?.type === 'content_block_stop';
}

/** The index of the first mark later than `at`. */
function indexAfter(marks: readonly InspectedMark[], at: number): number {
  let [low, high] = [0, marks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (marks[middle]!.at > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

function drawStalls(
  stage: InspectedStage,
  view: InspectionView,
  xOf: (at: number) => number,
  top: number,
  hasBands: boolean,
): SvgNode[] {
  const stalls = findStalls(stage, view.stallAfter ?? 5_000, view.now ?? view.to);
  return stalls
    .filter(({ from, to }) => from <= view.to && to >= view.from)
    .flatMap(({ from, to }) => {
      const [x, right] = [xOf(from), xOf(to)];
      const y = top + (view.dense ? 1 : hasBands ? 20 : 2);
      const height = view.dense ? DENSE - 2 : 48;
      const band = svg('rect', { class: 'stall', x, y, width: round(right - x), height });
      const middle = round((Math.max(x, 0) + Math.min(right, view.width)) / 2);
      const text = `${seconds(to - from)} without content`;
      if (view.dense || right - x < text.length * 6.5) return [band];
      return [band, svg('text', { class: 'stall-name', x: middle, y: y + 12 }, text)];
    });
}

/** The number of waiting values in the valve of a stage, and the times when it was closed. */
function drawDepth(
  { depths, to }: InspectedStage,
  view: InspectionView,
  xOf: (at: number) => number,
  top: number,
): SvgNode[] {
  const most = Math.max(1, ...depths.map(({ depth }) => depth));
  const end = to ?? view.now ?? view.to;
  const closed: SvgNode[] = [];
  let path = '';
  let [lastX, lastY] = [Number.NaN, Number.NaN];
  depths.forEach(({ at, depth, isOpen }, index) => {
    const next = depths[index + 1]?.at ?? end;
    if (next < view.from || at > view.to) return;
    const [x, y] = [xOf(at), round(top + 18 - (16 * depth) / most)];
    // Steps within one pixel are drawn as one.
    if (Math.abs(x - lastX) < 1 && path !== '' && index < depths.length - 1) return;
    path += path === '' ? `M${x} ${y}` : `H${x}V${y}`;
    [lastX, lastY] = [x, y];
    if (!isOpen) {
      const width = round(Math.max(1, xOf(next) - x));
      closed.push(svg('rect', { class: 'closed', x, y: top, width, height: 18 }));
    }
  });
  if (path === '') return [];
  return [
    ...closed,
    svg('path', { class: 'depth', d: `${path}H${xOf(end)}` }),
    svg(
      'text',
      { class: 'depth-name', x: Math.max(60, lastX), y: lastY + 12 },
      `up to ${most} waiting`,
    ),
  ];
}

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];

function ticksOf(zero: number, { from, to, width }: InspectionView, xOf: (at: number) => number) {
  const wanted = ((to - from) / Math.max(1, width)) * 90;
  const step = STEPS.find((each) => each >= wanted) ?? Math.ceil(wanted / 300_000) * 300_000;
  const first = Math.ceil((from - zero) / step);
  const count = Math.max(0, Math.floor((to - zero) / step) - first + 1);
  return Array.from({ length: Math.min(count, 500) }, (_, index): Tick => {
    const at = (first + index) * step;
    return { x: xOf(zero + at), text: step < 1_000 ? `${at} ms` : `${at / 1_000} s` };
  });
}
