import {
  drawRow,
  drawRuler,
  type DrawnRow,
  GAP,
  heightOf,
  type Marble,
  RULER,
  type Tick,
  widthOf,
} from '../../src/inspect/drawing/drawRow.ts';
import { blockName, type Kind, type Label, labelOf } from '../../src/inspect/drawing/labelOf.ts';
import { round, svg, type SvgNode, svgText } from '../../src/inspect/drawing/svg.ts';
import { STYLE } from '../../src/inspect/drawing/style.ts';
import type { Line } from './recordRun.ts';

interface Row extends Line {
  name: string;
}

export interface Diagram {
  /** The operator as it is called, such as `bufferText({ every: 5 })`. */
  title: string;
  inputs: readonly Row[];
  outputs: readonly Row[];
}

/** A value as it is drawn, and its time. */
interface Value {
  at: number;
  width: number;
  label: Label;
}

interface MarbleRow extends Row {
  marbles: readonly Value[];
}

const MARGIN = 16;
const WIDEST = 900;
/** Widths of a millisecond; a short run is drawn out. */
const FRAME = { most: 42, short: 28 };
const USUAL = 560;

/** A marble diagram as SVG, for a light and for a dark page. The same diagram gives the same text. */
export function drawMarbles({ title, ...diagram }: Diagram): string {
  const kinds = kindsOf(diagram.inputs);
  const inputs = diagram.inputs.map((row) => ({ ...row, marbles: marblesOf(row, kinds) }));
  const outputs = diagram.outputs.map((row) => ({ ...row, marbles: marblesOf(row, kinds) }));
  const rows = [...inputs, ...outputs];
  const all = rows.flatMap(({ marbles }) => marbles);
  const end = Math.max(...rows.map(lastFrameOf));
  const gutter = MARGIN + Math.max(...rows.map(({ name }) => name.length)) * 7.5 + 14;
  const frame = frameWidth(rows, (WIDEST - gutter - 90) / Math.max(end, 1));
  const zero = gutter + Math.max(8, ...all.map(({ at, width }) => width / 2 - at * frame));
  const xOf = (at: number) => round(zero + at * frame);
  const right = Math.max(xOf(end) + 30, ...all.map(({ at, width }) => xOf(at) + width / 2));
  const width = Math.ceil(Math.max(right + MARGIN, title.length * 8 + 4 * MARGIN, 360));

  const parts: SvgNode[][] = [];
  let y = 10;
  const draw = (row: MarbleRow) => {
    const drawn = drawnRow(row, xOf, end);
    parts.push(...drawRow(drawn, y, MARGIN));
    y += heightOf(drawn);
  };
  inputs.forEach(draw);
  const box = { class: 'box', x: MARGIN, y: y + 4, width: width - 2 * MARGIN, height: 32, rx: 7 };
  parts.push([svg('rect', box)], [svg('text', { class: 'title', x: width / 2, y: y + 25 }, title)]);
  y += 44;
  outputs.forEach(draw);
  parts.push(...drawRuler(ticksOf(end, xOf), xOf(0), xOf(end), y));
  y += RULER;

  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}" role="img" aria-labelledby="title desc">`,
    svgText(svg('title', { id: 'title' }, `Marble diagram of ${title}`)),
    svgText(svg('desc', { id: 'desc' }, rows.map(inWords).join('\n'))),
    `<style>${STYLE}</style>`,
    `<rect class="page" x="0.5" y="0.5" width="${width - 1}" height="${y - 1}" rx="9"/>`,
    ...parts.map((group) => group.map(svgText).join('')),
    '</svg>\n',
  ].join('\n');
}

/** The row with its pixels. */
function drawnRow(row: MarbleRow, xOf: (at: number) => number, end: number): DrawnRow {
  const stop = xOf(row.to ?? end);
  const isEnded = row.happenings.some(({ kind }) => kind !== 'next');
  return {
    name: row.name,
    x: xOf(row.from),
    right: stop,
    end: row.to === undefined ? 'open' : isEnded ? 'ended' : 'closed',
    bands: blocksOf(row).map(({ from, to, name }) => ({
      x: xOf(from),
      right: to === undefined ? stop : xOf(to),
      name,
      isOpen: to === undefined,
    })),
    signs: row.happenings.flatMap((happening): DrawnRow['signs'] => {
      const x = xOf(happening.at);
      if (happening.kind === 'complete') return [{ x, kind: 'complete' }];
      if (happening.kind === 'error') {
        return [{ x, kind: 'error', text: nameOfError(happening.error) }];
      }
      if (isBlockEdge(happening.value)) return [{ x, kind: 'dot' }];
      return labelOf(happening.value).kind === 'seam' ? [{ x, kind: 'seam' }] : [];
    }),
    marbles: marksOf(row, xOf),
  };
}

/** The marks of the ruler: each millisecond, or in a long run each tenth. */
function ticksOf(end: number, xOf: (at: number) => number): Tick[] {
  const step = end > 60 ? 10 : 5;
  const ticks = Array.from({ length: end + 1 }, (_, at): Tick => {
    const text = at === 0 ? '0 ms' : String(at);
    return at % step === 0 ? { x: xOf(at), text } : { x: xOf(at) };
  });
  return end > 60 ? ticks.filter(({ text }) => text) : ticks;
}

/** The marbles of a row, each in the first lane where it covers no other. */
function marksOf({ marbles }: MarbleRow, xOf: (at: number) => number): Marble[] {
  const taken: number[] = [];
  return marbles.map((marble) => {
    const { width } = marble;
    const x = xOf(marble.at);
    let lane = taken.findIndex((right) => right + GAP <= x - width / 2);
    if (lane < 0) lane = taken.length;
    taken[lane] = x + width / 2;
    return { width, label: marble.label, x, lane };
  });
}

/** How wide a millisecond is: so that neighbours have room, if there is so much. */
function frameWidth(rows: readonly MarbleRow[], most: number): number {
  let wanted = Math.min(FRAME.short, (most * USUAL) / WIDEST);
  for (const { marbles } of rows) {
    marbles.forEach(({ at, width }, index) => {
      const next = marbles[index + 1];
      if (!next || next.at === at) return;
      wanted = Math.max(wanted, ((width + next.width) / 2 + GAP) / (next.at - at));
    });
  }
  return Math.min(wanted, FRAME.most, most);
}

/** What is drawn as a marble: every value but the edges of blocks. */
function marblesOf({ happenings }: Row, kinds?: ReadonlyMap<string, Kind>): Value[] {
  return happenings
    .filter((happening) => happening.kind === 'next')
    .filter(({ value }) => !isBlockEdge(value))
    .map(({ at, value }) => {
      const { text, kind } = labelOf(value);
      return { at, label: { text, kind: kinds?.get(text) ?? kind }, width: widthOf(text) };
    });
}

/** What comes out as it came in keeps its colour. */
function kindsOf(rows: readonly Row[]): ReadonlyMap<string, Kind> {
  const labels = rows.flatMap((row) => marblesOf(row)).map(({ label }) => label);
  return new Map(labels.map(({ text, kind }) => [text, kind]));
}

interface Block {
  from: number;
  to: number | undefined;
  name: string;
}

/** From where to where the content blocks reach. */
function blocksOf({ happenings }: Row): Block[] {
  const blocks: Block[] = [];
  for (const happening of happenings) {
    if (happening.kind !== 'next' || !isBlockEdge(happening.value)) continue;
    const { type, content_block } = happening.value;
    if (type === 'content_block_start') {
      blocks.push({ from: happening.at, to: undefined, name: blockName(content_block) });
    } else if (blocks.length > 0) blocks.at(-1)!.to ??= happening.at;
  }
  return blocks;
}

function isBlockEdge(value: unknown): value is { type: string; content_block: object } {
  const type = (value as { type?: unknown } | null)?.type;
  return type === 'content_block_start' || type === 'content_block_stop';
}

function lastFrameOf({ from, to, happenings }: Row): number {
  return Math.max(from, to ?? 0, ...happenings.map(({ at }) => at));
}

/** For who cannot see it. */
function inWords({ name, happenings }: Row): string {
  const said = happenings.map((happening) => {
    if (happening.kind === 'complete') return `${happening.at} complete`;
    if (happening.kind === 'error') return `${happening.at} error ${nameOfError(happening.error)}`;
    return `${happening.at} ${labelOf(happening.value).text}`;
  });
  return `${name}: ${said.join(', ') || 'nothing'}`;
}

function nameOfError(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return code ?? message ?? String(error);
}
