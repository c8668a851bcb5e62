import type { InspectedMark, InspectedRun, InspectedStage } from './Inspection.ts';
import { mergeAdjacent } from '../message/mergeAdjacent.ts';
import { fields } from '../message/record.ts';

/** The letters of a marble diagram. */
const MOST = 52;

interface Timed {
  at: number;
  value: unknown;
}

/**
 * Writes a marble test from a pipeline: the values of one stage are the source, and the values of the
 * next stage are expected. You fill in the operators between the two stages.
 *
 * A diagram has 52 letters. With more values, deltas of a block are joined, the closest first, and the
 * remaining values are left out. If content was not reported, `x` stands for each character.
 *
 * The test is for vitest, with rxjs' `TestScheduler` and `toMarbles`.
 */
export function marbleTest(run: InspectedRun, stage: InspectedStage): string {
  const next = stage.into;
  const source = diagramOf(stage, stage.from);
  const expected = next && diagramOf(next, stage.from, source);
  const hasContent = stage.content && (next?.content ?? true);
  const lines = [
    "import { toMarbles } from 'claude-rx/testing';",
    "import { TestScheduler } from 'rxjs/testing';",
    "import { expect, it } from 'vitest';",
    '',
    ...(hasContent ? [] : ['// The content was not reported: x stands for each character.']),
    ...(source.left > 0 ? [`// The last ${source.left} values are left out.`] : []),
    `const values = ${json(source.values)};`,
    ...(expected ? [`const expected = ${json(expected.values)};`] : []),
    '',
    `it(${quoted(`${stage.name}, subscription ${run.number}: ${stage.error?.code ?? stage.end ?? 'running'}`)}, () => {`,
    '  const scheduler = new TestScheduler((actual, wanted) => expect(actual).toEqual(wanted));',
    '  scheduler.run(({ cold, expectObservable }) => {',
    `    const source = toMarbles(values, { times: ${JSON.stringify(source.times)}, end: '${source.end}' });`,
    `    const source$ = cold(source.diagram, source.values${errorArgument(stage)});`,
    `    const result$ = source$.pipe(/* the operators behind ${comment(stage.name)}${next ? `, up to ${comment(next.name)}` : ''} */);`,
    ...expectation(expected, next),
    '  });',
    '});',
    '',
  ];
  return lines.join('\n');
}

function expectation(expected: Diagram | undefined, next: InspectedStage | undefined): string[] {
  if (!expected) return ['    expectObservable(result$).toBe(source.diagram, source.values);'];
  const { times, end } = expected;
  return [
    `    const wanted = toMarbles(expected, { times: ${JSON.stringify(times)}, end: '${end}' });`,
    `    expectObservable(result$).toBe(wanted.diagram, wanted.values${next ? errorArgument(next) : ''});`,
  ];
}

interface Diagram {
  times: number[];
  values: unknown[];
  end: '|' | '#' | '';
  /** The number of values that were left out. */
  left: number;
  /** The real time of each value. */
  real: number[];
}

/**
 * The values of a stage, up to the number of letters, with their frames. Values at the same time get
 * different frames, and the values that they cause move with them: `cause` is the previous stage.
 */
function diagramOf(stage: InspectedStage, zero: number, cause?: Diagram): Diagram {
  let timed = stage.marks.map((mark): Timed => ({ at: mark.at - zero, value: valueOf(mark) }));
  timed.sort((one, other) => one.at - other.at);
  for (let within = 1; timed.length > MOST && within < 1e7; within *= 2)
    timed = joined(timed, within);
  const shown = timed.slice(0, MOST);
  const times: number[] = [];
  // The end too, if there was one and no value before it was left out.
  const isWhole =
    stage.to !== undefined && stage.end !== 'unsubscribe' && shown.length === timed.length;
  const real = [...shown.map(({ at }) => at), ...(isWhole ? [stage.to! - zero] : [])];
  for (const at of real) {
    const last = cause ? cause.real.findLastIndex((before) => before <= at) : -1;
    const shift = last < 0 ? 0 : cause!.times[last]! - Math.round(cause!.real[last]!);
    times.push(Math.max((times.at(-1) ?? -1) + 1, Math.round(at) + shift));
  }
  const values = shown.map(({ value }) => value);
  const end = !isWhole ? '' : stage.end === 'error' ? '#' : '|';
  const left = timed.length - shown.length;
  return { times, values, end, left, real };
}

/** Joins deltas of a block that come within this number of milliseconds. */
function joined(timed: readonly Timed[], within: number): Timed[] {
  const result: Timed[] = [];
  for (const { at, value } of timed) {
    const last = result.at(-1);
    const sum = last && at - last.at <= within ? sumOf(last.value, value) : undefined;
    if (sum === undefined) result.push({ at, value });
    else last!.value = sum;
  }
  return result;
}

function sumOf(one: unknown, other: unknown): unknown {
  const areTexts = typeof one === 'string' && typeof other === 'string';
  return areTexts || (isDelta(one) && isDelta(other)) ? mergeAdjacent(one, other) : undefined;
}

function isDelta(value: unknown): boolean {
  return fields(value)['type'] === 'content_block_delta';
}

function valueOf({ event, value }: InspectedMark): unknown {
  if (event) return event;
  return value?.type === 'string' ? (value.text ?? '') : (value?.text ?? value?.type);
}

function errorArgument({ end, error }: InspectedStage): string {
  return end === 'error' ? `, new Error(${quoted(error?.code ?? 'error')})` : '';
}

/** JSON whose texts are TypeScript as well, whatever they contain. */
function json(values: readonly unknown[]): string {
  return `[\n${values.map((value) => `  ${quoted(value)},`).join('\n')}\n]`;
}

function quoted(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
}

/** A name inside a comment, which must not end it. */
function comment(name: string): string {
  return name.replaceAll('*/', '* /').replace(/[\r\n\u2028\u2029]/g, ' ');
}
