import {
  axisOf,
  drawRow,
  drawRuler,
  type DrawnRow,
  RULER,
  type Tick,
} from '../../src/inspect/drawing/drawRow.ts';
import { blockName, describe, type Kind, type Label } from '../../src/inspect/drawing/labelOf.ts';
import { round, svg, type SvgNode, svgText } from '../../src/inspect/drawing/svg.ts';
import { STYLE } from '../../src/inspect/drawing/style.ts';
import { type Box, boxOf, placeMarbles } from './placeMarbles.ts';
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
  label: Label;
}

interface MarbleRow extends Row {
  values: readonly Value[];
}

const MARGIN = 12;
/** A diagram is no wider than this, so that it can be read on a phone. */
const WIDTH = 420;
/** Where time begins and ends; an arrow or the code of an error is behind the end. */
const [ZERO, END] = [MARGIN + 12, WIDTH - MARGIN - 30];
/** The most that a millisecond is wide. */
const WIDEST_FRAME = 42;
/** How high the name above a line is. */
const NAME = 14;
/** How many characters of a value are shown. */
const ROOM = 76;

/** A marble diagram as SVG, for a light and for a dark page. The same diagram gives the same text. */
export function drawMarbles({ title, ...diagram }: Diagram): string {
  const kinds = kindsOf(diagram.inputs);
  const withValues = (row: Row): MarbleRow => ({ ...row, values: valuesOf(row, kinds) });
  const inputs = diagram.inputs.map(withValues);
  const outputs = diagram.outputs.map(withValues);
  const rows = [...inputs, ...outputs];
  const end = Math.max(...rows.map(lastFrameOf));
  const frame = Math.min(WIDEST_FRAME, (END - ZERO) / Math.max(end, 1));
  const xOf = (at: number) => round(ZERO + at * frame);

  const parts: SvgNode[][] = [];
  let y = 8;
  const draw = (row: MarbleRow) => {
    const drawn = drawnRow(row, xOf, end);
    parts.push([svg('text', { class: 'name', x: MARGIN, y: y + NAME }, row.name)]);
    y += NAME - (drawn.bands.length > 0 ? 0 : 4);
    parts.push(...drawRow(drawn, y, MARGIN));
    const lowest = Math.max(14, ...drawn.marbles.map((marble) => boxOf(marble).bottom));
    y += axisOf(drawn) + lowest + 12;
  };
  inputs.forEach(draw);
  const box = { class: 'box', x: MARGIN, y: y + 2, width: WIDTH - 2 * MARGIN, height: 32, rx: 7 };
  parts.push([svg('rect', box)], [svg('text', { class: 'title', x: WIDTH / 2, y: y + 23 }, title)]);
  y += 40;
  outputs.forEach(draw);
  parts.push(...drawRuler(ticksOf(end, xOf), xOf(0), xOf(end), y));
  y = round(y + RULER);

  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}" role="img" aria-labelledby="title desc">`,
    svgText(svg('title', { id: 'title' }, `Marble diagram of ${title}`)),
    svgText(svg('desc', { id: 'desc' }, rows.map(inWords).join('\n'))),
    `<style>${STYLE}</style>`,
    `<rect class="page" x="0.5" y="0.5" width="${WIDTH - 1}" height="${y - 1}" rx="9"/>`,
    ...parts.map((group) => group.map(svgText).join('')),
    '</svg>\n',
  ].join('\n');
}

/** The row with its pixels. */
function drawnRow(row: MarbleRow, xOf: (at: number) => number, end: number): DrawnRow {
  const stop = xOf(row.to ?? end);
  const isEnded = row.happenings.some(({ kind }) => kind !== 'next');
  return {
    name: '',
    x: xOf(row.from),
    right: stop,
    end: row.to === undefined ? 'open' : isEnded ? 'ended' : 'closed',
    bands: blocksOf(row).map(({ from, to, name }) => {
      const [x, right] = [xOf(from), to === undefined ? stop : xOf(to)];
      return { x, right, name: fitting(name, right - x), isOpen: to === undefined };
    }),
    signs: row.happenings.flatMap((happening): DrawnRow['signs'] => {
      const x = xOf(happening.at);
      if (happening.kind === 'complete') return [{ x, kind: 'complete' }];
      if (happening.kind === 'error') {
        return [{ x, kind: 'error', text: nameOfError(happening.error) }];
      }
      if (isBlockEdge(happening.value)) return [{ x, kind: 'dot' }];
      return labelled(happening.value).kind === 'seam' ? [{ x, kind: 'seam' }] : [];
    }),
    marbles: placeMarbles(
      row.values.map(({ at, label }) => ({ x: xOf(at), label })),
      { left: MARGIN / 2, right: WIDTH - MARGIN / 2, taken: codesOf(row, xOf) },
    ),
  };
}

/** The name of a block, or as much of its last word as the block has room for. */
function fitting(name: string, width: number): string {
  const room = Math.floor((width - 8) / 5.8);
  if (name.length <= room) return name;
  const word = name.split(' ').at(-1)!;
  return word.length <= room ? word : `${word.slice(0, Math.max(room - 1, 1))}…`;
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

/** Where the codes of errors are written. */
function codesOf({ happenings }: Row, xOf: (at: number) => number): Box[] {
  return happenings
    .filter((happening) => happening.kind === 'error')
    .map(({ at, error }) => {
      const half = nameOfError(error).length * 3;
      return { left: xOf(at) - half, right: xOf(at) + half, top: 14, bottom: 28 };
    });
}

/** What is drawn as a marble: every value but the edges of blocks. */
function valuesOf({ happenings }: Row, kinds?: ReadonlyMap<string, Kind>): Value[] {
  return happenings
    .filter((happening) => happening.kind === 'next')
    .filter(({ value }) => !isBlockEdge(value))
    .map(({ at, value }) => {
      const { text, kind } = labelled(value);
      const known = typeof value === 'string' ? kinds?.get(text) : undefined;
      return { at, label: { text, kind: known ?? kind } };
    });
}

/** A diagram has room for longer labels than the live view. */
function labelled(value: unknown): Label {
  const { text, kind } = describe(value, ROOM);
  return { text: text.length > ROOM ? `${text.slice(0, ROOM - 1)}…` : text, kind };
}

/** Text that comes out as it came in keeps its colour. */
function kindsOf(rows: readonly Row[]): ReadonlyMap<string, Kind> {
  const labels = rows.flatMap((row) => valuesOf(row)).map(({ label }) => label);
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

/** The text alternative of a row. */
function inWords({ name, happenings }: Row): string {
  const said = happenings.map((happening) => {
    if (happening.kind === 'complete') return `${happening.at} complete`;
    if (happening.kind === 'error') return `${happening.at} error ${nameOfError(happening.error)}`;
    return `${happening.at} ${labelled(happening.value).text}`;
  });
  return `${name}: ${said.join(', ') || 'nothing'}`;
}

function nameOfError(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return code ?? message ?? String(error);
}
