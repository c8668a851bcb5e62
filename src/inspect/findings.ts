import { isContentEvent } from '../message/eventKinds.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import { seconds } from './drawing/seconds.ts';
import type { InspectedLane, InspectedMark, InspectedRun, InspectedStage } from './Inspection.ts';

/** Something about a pipeline that explains how its reply went. */
export interface Finding {
  kind: 'error' | 'stall' | 'seam' | 'delay' | 'valve' | 'unsubscribe';
  /** The stage at which it is seen first. */
  stage: string;
  /** When, in milliseconds of the epoch. */
  at: number;
  text: string;
}

/** Text that comes so many milliseconds later from an operator is delayed by it. */
const DELAY = 100;

/** What can be read from a pipeline, the most upstream cause of each: where it hung, broke, or waited. */
export function findings(run: InspectedRun, stallAfter: number, now: number): Finding[] {
  const { lanes } = run;
  const found = lanes.flatMap((lane, index) => {
    const before = lanes.slice(0, index);
    return [
      ...lane.stages.flatMap((stage) => stageFindings(stage, before, stallAfter, now)),
      ...delays(lanes[index - 1], lane),
    ];
  });
  return found.toSorted((one, other) => one.at - other.at);
}

/** The silences of a stage after content that were longer than `stallAfter`. */
export function findStalls(
  stage: InspectedStage,
  stallAfter: number,
  now: number,
): { from: number; to: number; pings: number }[] {
  const stalls: { from: number; to: number; pings: number }[] = [];
  let last = stage.from;
  let pings = 0;
  for (const mark of stage.marks) {
    if (mark.event?.type === 'ping') pings++;
    if (!isContent(mark)) continue;
    if (mark.at - last > stallAfter) stalls.push({ from: last, to: mark.at, pings });
    [last, pings] = [mark.at, 0];
  }
  const end = stage.to ?? now;
  if (stage.end !== 'complete' && end - last > stallAfter)
    stalls.push({ from: last, to: end, pings });
  return stalls;
}

function isContent({ event }: InspectedMark): boolean {
  return event === undefined || isContentEvent(event as unknown as AnyStreamEvent);
}

function stageFindings(
  stage: InspectedStage,
  before: readonly InspectedLane[],
  stallAfter: number,
  now: number,
): Finding[] {
  const { name } = stage;
  const since = (at: number) => seconds(at - stage.run.from);
  const found: Finding[] = [];
  const upstream = before.flatMap(({ stages }) => stages);
  for (const { from, to, pings } of findStalls(stage, stallAfter, now)) {
    const isSeen = upstream.some((other) =>
      findStalls(other, stallAfter, now).some((stall) => stall.from < to && stall.to > from),
    );
    if (isSeen) continue;
    const isOver = to !== now || stage.end !== undefined;
    const sign = pings > 0 ? `; ${pings} pings came meanwhile` : '';
    const begin = from === stage.from ? 'from the subscription on' : `after ${since(from)}`;
    const text = isOver
      ? `nothing came for ${seconds(to - from)}, ${begin}${sign}`
      : `hangs: nothing has come for ${seconds(to - from)}, ${begin}${sign}`;
    found.push({ kind: 'stall', stage: name, at: from, text });
  }
  if (stage.end === 'error') {
    const code = stage.error?.code ?? 'error';
    const isSeen = upstream.some(
      ({ end, error, to = 0 }) => end === 'error' && error?.code === code && to <= stage.to!,
    );
    if (!isSeen) {
      const { characters } = stage.meter.measure(stage.to!, 'error');
      const meaning = code === 'truncated' ? ', cut off before message_stop' : '';
      const message = stage.error?.message ? ` (${stage.error.message})` : '';
      const text = `failed with ${code}${meaning} at ${since(stage.to!)}, after ${characters} characters${message}`;
      found.push({ kind: 'error', stage: name, at: stage.to!, text });
    }
  }
  if (stage.end === 'unsubscribe' && stage.into === undefined) {
    const text = `was unsubscribed at ${since(stage.to!)}, before the reply ended`;
    found.push({ kind: 'unsubscribe', stage: name, at: stage.to!, text });
  }
  for (const { event, at } of stage.marks) {
    if (event?.type !== 'resume') continue;
    const isSeen = upstream.some(({ marks }) =>
      marks.some((mark) => mark.event?.type === 'resume'),
    );
    if (isSeen) continue;
    const code = (event['error'] as { code?: string } | undefined)?.code ?? 'an error';
    const text = `carried the reply on after ${code} at ${since(at)} (attempt ${String(event['attempt'])})`;
    found.push({ kind: 'seam', stage: name, at, text });
  }
  const closed = closedTime(stage, now);
  if (closed.time > 0) {
    const text = `the valve was closed for ${seconds(closed.time)}; up to ${closed.most} values waited`;
    found.push({ kind: 'valve', stage: name, at: closed.at, text });
  }
  return found;
}

function closedTime({ depths, to }: InspectedStage, now: number) {
  let time = 0;
  let most = 0;
  let first: number | undefined;
  depths.forEach(({ at, depth, isOpen }, index) => {
    most = Math.max(most, depth);
    if (isOpen) return;
    first ??= at;
    time += (depths[index + 1]?.at ?? to ?? now) - at;
  });
  return { time, most, at: first ?? 0 };
}

/** How much later text comes from one line than from the one before. */
function delays(before: InspectedLane | undefined, lane: InspectedLane): Finding[] {
  if (!before) return [];
  const earlier = textTimes(before);
  const later = textTimes(lane);
  let [most, at, index] = [0, 0, 0];
  for (const text of later) {
    // When the first of these characters had come; they may have waited for the last.
    while (index < earlier.length && earlier[index]!.length < text.first) index++;
    const source = earlier[index];
    if (source === undefined) break;
    const delay = text.at - source.at;
    if (delay > most) [most, at] = [delay, text.at];
  }
  if (most < DELAY) return [];
  const text = `text came up to ${seconds(most)} later than from ${before.name}`;
  return [{ kind: 'delay', stage: lane.name, at, text }];
}

function textTimes({ stages }: InspectedLane): { at: number; first: number; length: number }[] {
  let before = 0;
  return stages.flatMap(({ texts }) => {
    const base = before;
    let last = base;
    const times = texts.map(({ at, length }) => {
      const first = last + 1;
      last = base + length;
      return { at, first, length: last };
    });
    before = last;
    return times;
  });
}
