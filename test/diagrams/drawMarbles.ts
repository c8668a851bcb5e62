import { blockName, type Kind, type Label, labelOf } from './labelOf.ts';
import type { Line } from './recordRun.ts';
import { STYLE } from './style.ts';

interface Row extends Line {
  name: string;
}

export interface Diagram {
  /** The operator as it is called, such as `bufferText({ every: 5 })`. */
  title: string;
  inputs: readonly Row[];
  outputs: readonly Row[];
}

interface Marble {
  at: number;
  width: number;
  label: Label;
}

interface MarbleRow extends Row {
  marbles: readonly Marble[];
}

/** A marble with the place where it is drawn. */
interface Mark extends Marble {
  x: number;
  /** 0 is on the line, 1 and more below it, for what would cover its neighbour. */
  lane: number;
}

const CHARACTER = 7.25;
const MARBLE = 24;
const LANE = 29;
const MARGIN = 16;
const WIDEST = 900;
/** Widths of a millisecond; a short run is drawn out. */
const FRAME = { most: 42, short: 28 };
const USUAL = 560;
const GAP = 5;

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

  const parts: string[] = [];
  let y = 10;
  for (const row of inputs) y = drawRow(parts, row, y, xOf, end);
  parts.push(
    `<rect class="box" x="${MARGIN}" y="${y + 4}" width="${width - 2 * MARGIN}" height="32" rx="7"/>`,
    `<text class="title" x="${width / 2}" y="${y + 25}">${escaped(title)}</text>`,
  );
  y += 44;
  for (const row of outputs) y = drawRow(parts, row, y, xOf, end);
  y = drawRuler(parts, y, xOf, end);

  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}" role="img" aria-labelledby="title desc">`,
    `<title id="title">Marble diagram of ${escaped(title)}</title>`,
    `<desc id="desc">${escaped(rows.map(inWords).join('\n'))}</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="page" x="0.5" y="0.5" width="${width - 1}" height="${y - 1}" rx="9"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

/** Draws a line with all that is on it, and returns where the next begins. */
function drawRow(
  parts: string[],
  row: MarbleRow,
  top: number,
  xOf: (at: number) => number,
  end: number,
): number {
  const blocks = blocksOf(row);
  const axis = top + (blocks.length > 0 ? 46 : 26);
  const marks = marksOf(row, xOf);
  const lanes = Math.max(0, ...marks.map(({ lane }) => lane));
  const stop = row.to ?? end;
  const isEnded = row.happenings.some(({ kind }) => kind !== 'next');
  parts.push(
    `<text class="name" x="${MARGIN}" y="${axis + 4.5}">${escaped(row.name)}</text>`,
    ...blocks.map(({ from, to, name }) => {
      const x = xOf(from);
      const right = to === undefined ? xOf(stop) : xOf(to);
      const isOpen = to === undefined ? ' open' : '';
      const band = `<rect class="block${isOpen}" x="${x}" y="${axis - 34}" width="${round(right - x)}" height="52" rx="6"/>`;
      return `${band}<text class="block-name" x="${x + 6}" y="${axis - 21}">${escaped(name)}</text>`;
    }),
    line(
      'axis',
      xOf(row.from),
      axis,
      isEnded ? xOf(stop) : xOf(stop) + (row.to === undefined ? 24 : 0),
      axis,
    ),
  );
  if (row.to === undefined) {
    const tip = xOf(stop) + 26;
    parts.push(
      `<path class="axis" d="M${tip - 7} ${axis - 4}L${tip} ${axis}L${tip - 7} ${axis + 4}" fill="none"/>`,
    );
  } else if (!isEnded) {
    parts.push(`<path class="left" d="M${xOf(stop)} ${axis - 9}V${axis + 9}"/>`);
  }
  for (const happening of row.happenings) {
    const x = xOf(happening.at);
    if (happening.kind === 'complete') parts.push(line('complete', x, axis - 19, x, axis + 19));
    else if (happening.kind === 'error') parts.push(drawError(x, axis, happening.error));
    else if (isBlockEdge(happening.value)) {
      parts.push(`<circle class="dot" cx="${x}" cy="${axis}" r="4"/>`);
    } else if (labelOf(happening.value).kind === 'seam') {
      parts.push(line('seam-line', x, axis - 36, x, axis + 22));
    }
  }
  parts.push(
    ...marks.filter(({ lane }) => lane > 0).map((mark) => drawLeader(mark, axis)),
    ...marks.map((mark) => drawMarble(mark, axis)),
  );
  return axis + 26 + lanes * LANE;
}

function drawMarble({ x, lane, width, label }: Mark, axis: number): string {
  const y = axis + lane * LANE;
  return (
    `<g class="${label.kind}"><rect x="${round(x - width / 2)}" y="${y - MARBLE / 2}" ` +
    `width="${width}" height="${MARBLE}" rx="${MARBLE / 2}"/>` +
    `<text x="${x}" y="${y + 4.2}">${escaped(label.text)}</text></g>`
  );
}

/** From a marble that had no room on the line to its time there. */
function drawLeader({ x, lane }: Mark, axis: number): string {
  const dot = `<circle class="dot" cx="${x}" cy="${axis}" r="3"/>`;
  return line('leader', x, axis, x, axis + lane * LANE) + dot;
}

function drawError(x: number, axis: number, error: unknown): string {
  const cross = `<path class="error" d="M${x - 8} ${axis - 8}L${x + 8} ${axis + 8}M${x + 8} ${axis - 8}L${x - 8} ${axis + 8}"/>`;
  return `${cross}<text class="error-name" x="${x}" y="${axis + 24}">${escaped(nameOfError(error))}</text>`;
}

function drawRuler(parts: string[], top: number, xOf: (at: number) => number, end: number): number {
  const y = top + 8;
  parts.push(line('ruler', xOf(0), y, xOf(end), y));
  const step = end > 60 ? 10 : 5;
  for (let at = 0; at <= end; at += 1) {
    const isLong = at % step === 0;
    if (!isLong && end > 60) continue;
    parts.push(line('ruler', xOf(at), y, xOf(at), y + (isLong ? 5 : 3)));
    if (!isLong) continue;
    parts.push(`<text class="time" x="${xOf(at)}" y="${y + 16}">${at === 0 ? '0 ms' : at}</text>`);
  }
  return y + 26;
}

/** The marbles of a row, each in the first lane where it covers no other. */
function marksOf({ marbles }: MarbleRow, xOf: (at: number) => number): Mark[] {
  const taken: number[] = [];
  return marbles.map((marble) => {
    const { width } = marble;
    const x = xOf(marble.at);
    let lane = taken.findIndex((right) => right + GAP <= x - width / 2);
    if (lane < 0) lane = taken.length;
    taken[lane] = x + width / 2;
    return { ...marble, x, lane };
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
function marblesOf({ happenings }: Row, kinds?: ReadonlyMap<string, Kind>): Marble[] {
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

function widthOf(text: string): number {
  return round(Math.max(MARBLE, [...text].length * CHARACTER + 15));
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

function line(name: string, x1: number, y1: number, x2: number, y2: number): string {
  return `<path class="${name}" d="M${x1} ${y1}L${x2} ${y2}"/>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
