import type { Label } from './labelOf.ts';
import { round, svg, type SvgNode } from './svg.ts';

/** A value with its position in the drawing. */
export interface Marble {
  /** The x coordinate of its middle. */
  x: number;
  width: number;
  label: Label;
  /** 0 is on the line, 1 and more are below it, for a marble that would overlap its neighbour. */
  lane: number;
  /** Default: 24. */
  height?: number;
  /** The text in lines. Default: one line. */
  lines?: readonly string[];
  /** The x coordinate of its time on the line. Default: `x`. */
  at?: number;
  /** Further classes. Default: none. */
  classes?: readonly string[];
}

/** Something on the line that is not a marble, in pixels. */
export interface Sign {
  x: number;
  kind: 'dot' | 'seam' | 'complete' | 'error';
  /** The name of an error. */
  text?: string;
}

/** A content block, in pixels. */
interface Band {
  x: number;
  right: number;
  name: string;
  /** Whether its end is not known. */
  isOpen: boolean;
  /** Whether a seam withdrew it. */
  isWithdrawn?: boolean;
}

/** A line of a marble diagram with everything on it, in pixels. */
export interface DrawnRow {
  name: string;
  /** The start and the end of the line. */
  x: number;
  right: number;
  /** `open`: continues; `closed`: was unsubscribed; `ended`: a sign shows how. */
  end: 'open' | 'closed' | 'ended';
  bands: readonly Band[];
  signs: readonly Sign[];
  marbles: readonly Marble[];
  /** A low row, for a strip: small signs, and no code at an error. Default: `false`. */
  isDense?: boolean;
}

export const MARBLE = 24;
export const LANE = 29;
/** The height of a further line of text. */
export const LINE = 14;
export const GAP = 5;
/** The height of a dense row. */
export const DENSE = 24;
const CHARACTER = 7.25;
/** The distance from a line to the next row, if no marble is below the line. */
const BELOW = 26;

/** The width of a marble with this text. */
export function widthOf(text: string): number {
  return round(Math.max(MARBLE, [...text].length * CHARACTER + 15));
}

/** The distance from the top of a row to its line. */
export function axisOf({ bands, isDense }: Pick<DrawnRow, 'bands' | 'isDense'>): number {
  if (isDense) return DENSE / 2;
  return bands.length > 0 ? 46 : 26;
}

/** The height of a row. */
export function heightOf(row: Pick<DrawnRow, 'bands' | 'marbles' | 'isDense'>): number {
  if (row.isDense) return DENSE;
  return axisOf(row) + BELOW + Math.max(0, ...row.marbles.map(({ lane }) => lane)) * LANE;
}

/**
 * Draws a row of a marble diagram with its upper edge at `top`; its name begins at `left`. Returns
 * groups of elements that belong together: a band and its name, an error and its code.
 */
export function drawRow(row: DrawnRow, top: number, left: number): SvgNode[][] {
  const axis = top + axisOf(row);
  const signs = row.signs.map((sign) => drawSign(sign, axis, row.isDense));
  return [
    row.name ? [svg('text', { class: 'name', x: left, y: axis + 4.5 }, row.name)] : [],
    ...row.bands.map((band) => drawBand(band, axis)),
    [line('axis', row.x, axis, row.end === 'open' ? row.right + 24 : row.right, axis)],
    drawTip(row, axis),
    ...(row.isDense ? [] : signs),
    ...row.marbles.filter(({ lane }) => lane > 0).map((marble) => drawLeader(marble, axis)),
    ...row.marbles.map((marble) => [drawMarble(marble, axis)]),
    // Small signs would be hidden behind a marble.
    ...(row.isDense ? signs : []),
  ].filter((group) => group.length > 0);
}

/** A mark of a ruler; long marks have a text. */
export interface Tick {
  x: number;
  text?: string;
}

/** The height of a ruler. */
export const RULER = 34;

/** Draws the axis of time. */
export function drawRuler(
  ticks: readonly Tick[],
  left: number,
  right: number,
  top: number,
): SvgNode[][] {
  const y = top + 8;
  return [
    [line('ruler', left, y, right, y)],
    ...ticks.flatMap(({ x, text }) => {
      const mark = line('ruler', x, y, x, y + (text === undefined ? 3 : 5));
      if (text === undefined) return [[mark]];
      return [[mark], [svg('text', { class: 'time', x, y: y + 16 }, text)]];
    }),
  ];
}

/** A line of the picture. */
function line(name: string, x1: number, y1: number, x2: number, y2: number): SvgNode {
  return svg('path', { class: name, d: `M${x1} ${y1}L${x2} ${y2}` });
}

function drawBand({ x, right, name, isOpen, isWithdrawn }: Band, axis: number): SvgNode[] {
  const type = ['block', isOpen && 'open', isWithdrawn && 'withdrawn'].filter(Boolean).join(' ');
  const [y, width, height] = [axis - 34, round(right - x), 52];
  return [
    svg('rect', { class: type, x, y, width, height, rx: 6 }),
    svg('text', { class: 'block-name', x: x + 6, y: axis - 21 }, name),
  ];
}

function drawTip({ end, right }: DrawnRow, axis: number): SvgNode[] {
  if (end === 'ended') return [];
  if (end === 'closed') {
    return [svg('path', { class: 'left', d: `M${right} ${axis - 9}V${axis + 9}` })];
  }
  const tip = right + 26;
  const d = `M${tip - 7} ${axis - 4}L${tip} ${axis}L${tip - 7} ${axis + 4}`;
  return [svg('path', { class: 'axis', d, fill: 'none' })];
}

function drawSign({ x, kind, text }: Sign, axis: number, isDense = false): SvgNode[] {
  const [bar, up, down] = isDense ? [9, 12, 12] : [19, 36, 22];
  if (kind === 'complete') return [line('complete', x, axis - bar, x, axis + bar)];
  if (kind === 'seam') return [line('seam-line', x, axis - up, x, axis + down)];
  if (kind === 'dot') return [svg('circle', { class: 'dot', cx: x, cy: axis, r: isDense ? 3 : 4 })];
  const [half, top, bottom] = isDense ? [5, axis - 5, axis + 5] : [8, axis - 8, axis + 8];
  const d = `M${x - half} ${top}L${x + half} ${bottom}M${x + half} ${top}L${x - half} ${bottom}`;
  return [
    svg('path', { class: 'error', d }),
    ...(text && !isDense ? [svg('text', { class: 'error-name', x, y: axis + 24 }, text)] : []),
  ];
}

function drawMarble(
  { x, lane, width, height = MARBLE, label, lines = [label.text], classes = [] }: Marble,
  axis: number,
) {
  const y = round(axis + lane * LANE);
  const shape = svg('rect', {
    x: round(x - width / 2),
    y: round(y - height / 2),
    width,
    height,
    rx: Math.min(height, MARBLE) / 2,
  });
  const first = y + 4.2 - ((lines.length - 1) * LINE) / 2;
  const texts = lines
    .filter((text) => text !== '')
    .map((text, index) => svg('text', { x, y: round(first + index * LINE) }, text));
  return svg('g', { class: [label.kind, ...classes].join(' ') }, shape, ...texts);
}

/** A connector from a marble below the line to its time on the line. */
function drawLeader({ x: middle, at: x = middle, lane }: Marble, axis: number): SvgNode[] {
  const dot = svg('circle', { class: 'dot', cx: x, cy: axis, r: 3 });
  return [line('leader', x, axis, x, round(axis + lane * LANE)), dot];
}
