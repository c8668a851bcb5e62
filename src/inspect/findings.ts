import { isContentEvent } from '../message/eventKinds.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import { seconds } from './drawing/seconds.ts';
import type { InspectedLane, InspectedMark, InspectedRun, InspectedStage } from './Inspection.ts';

/** A fact about a pipeline that explains what happened to its reply. */
export interface Finding {
  kind: 'error' | 'stall' | 'seam' | 'delay' | 'valve' | 'unsubscribe';
  /** The first stage that shows it. */
  stage: string;
  /** The time, in milliseconds since the epoch. */
  at: number;
  text: string;
}

/** An operator whose text comes later by this number of milliseconds delays it. */
const DELAY = 100;

/** Finds where a pipeline hung, failed or waited; reports each at its most upstream stage. */
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

interface Stall {
  from: number;
  to: number;
  pings: number;
}

/** The result of reading the values of a stage up to `index`. */
interface Scan {
  readonly stallAfter: number;
  readonly first: InspectedMark | undefined;
  index: number;
  last: number;
  pings: number;
  readonly stalls: Stall[];
  readonly seams: InspectedMark[];
}

/** Each value is read once, however often a pipeline is drawn. */
const scans = new WeakMap<InspectedStage, Scan>();

function scan(stage: InspectedStage, stallAfter: number): Scan {
  const { marks } = stage;
  const known = scans.get(stage);
  // The oldest values may have been dropped.
  const isUsable = known?.stallAfter === stallAfter && known.first === marks[0];
  const found: Scan = isUsable
    ? known
    : {
        stallAfter,
        first: marks[0],
        index: 0,
        last: stage.from,
        pings: 0,
        stalls: [],
        seams: [],
      };
  if (!isUsable) scans.set(stage, found);
  for (; found.index < marks.length; found.index++) {
    const mark = marks[found.index]!;
    if (mark.event?.type === 'ping') found.pings++;
    if (mark.event?.type === 'resume') found.seams.push(mark);
    if (!isContent(mark)) continue;
    const { last, pings } = found;
    if (mark.at - last > stallAfter) found.stalls.push({ from: last, to: mark.at, pings });
    [found.last, found.pings] = [mark.at, 0];
  }
  return found;
}

/** The gaps of a stage without content that were longer than `stallAfter`. */
export function findStalls(stage: InspectedStage, stallAfter: number, now: number): Stall[] {
  const { stalls, last, pings } = scan(stage, stallAfter);
  const end = stage.to ?? now;
  if (stage.end === 'complete' || end - last <= stallAfter) return stalls;
  return [...stalls, { from: last, to: end, pings }];
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
  const isSeamSeen = upstream.some((other) => scan(other, stallAfter).seams.length > 0);
  for (const { event, at } of isSeamSeen ? [] : scan(stage, stallAfter).seams) {
    const code = (event!['error'] as { code?: string } | undefined)?.code ?? 'an error';
    const text = `carried the reply on after ${code} at ${since(at)} (attempt ${String(event!['attempt'])})`;
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

/** How much later text comes from a line than from the previous line. */
function delays(before: InspectedLane | undefined, lane: InspectedLane): Finding[] {
  if (!before) return [];
  const earlier = textTimes(before);
  const later = textTimes(lane);
  let [most, at, index] = [0, 0, 0];
  for (const text of later) {
    // The time of the first of these characters; they may have waited for the last.
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
