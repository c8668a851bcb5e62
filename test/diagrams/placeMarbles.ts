import {
  GAP,
  LANE,
  LINE,
  type Marble,
  MARBLE,
  widthOf,
} from '../../src/inspect/drawing/drawRow.ts';
import type { Label } from '../../src/inspect/drawing/labelOf.ts';
import { round } from '../../src/inspect/drawing/svg.ts';

/** A value, and the place of its time on the line. */
export interface Value {
  x: number;
  label: Label;
}

/** A rectangle; `y` is measured from the line. */
export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** How many characters a line of a marble has. */
const LONGEST = 28;
/** How far a marble below the line begins to the left of its time. */
const INSET = 10;

/**
 * Places the marbles of a row between `left` and `right`, so that none covers another one or any of
 * the `taken` boxes. They are centred on the line; where one would hide the time of another, all are
 * below the line, and begin at their time.
 */
export function placeMarbles(
  values: readonly Value[],
  { left, right, taken }: { left: number; right: number; taken: readonly Box[] },
): Marble[] {
  const marbles = values.map(({ x, label }): Marble => {
    const lines = linesOf(label.text);
    const width = Math.max(...lines.map(widthOf));
    const height = MARBLE + (lines.length - 1) * LINE;
    return { x, at: x, width, height, lines, label, lane: 0 };
  });
  const within = (marble: Marble, wanted: number): Marble => {
    const half = marble.width / 2;
    const x = Math.min(Math.max(wanted, left + half), right - half);
    return { ...marble, x: round(x) };
  };
  const centred: Marble[] = [];
  for (const marble of marbles) {
    const placed = within(marble, marble.x);
    centred.push(lowered(placed, 0, [...taken, ...centred.map(boxOf)]));
  }
  if (!centred.some((marble) => isTimeHidden(marble, centred))) return centred;

  const below: Marble[] = [];
  // From right to left, so that a line to a marble crosses no other one.
  for (const marble of sameTimesInOrder(marbles)) {
    const placed = within(marble, marble.x + marble.width / 2 - INSET);
    const blocked = [...taken, ...below.flatMap((other) => [boxOf(other), leaderOf(other)])];
    below.push(lowered(placed, LANE, blocked));
  }
  return marbles.map(({ at, label }) => below.find((one) => one.at === at && one.label === label)!);
}

/** The box of a marble. */
export function boxOf({ x, width, height = MARBLE, lane }: Marble): Box {
  const y = lane * LANE;
  return { left: x - width / 2, right: x + width / 2, top: y - height / 2, bottom: y + height / 2 };
}

/** The marble at the smallest distance from the line where it covers none of the boxes. */
function lowered(marble: Marble, least: number, boxes: readonly Box[]): Marble {
  const half = marble.height! / 2;
  const first = least === 0 ? 0 : least + half - MARBLE / 2;
  const below = boxes.map(({ bottom }) => bottom + GAP + half).filter((y) => y > first);
  const places = [first, ...below.toSorted((a, b) => a - b)].map((y) => ({
    ...marble,
    lane: y / LANE,
  }));
  return places.find((place) => !boxes.some((box) => overlap(boxOf(place), box)))!;
}

function leaderOf({ at = 0, lane }: Marble): Box {
  return { left: at, right: at, top: 0, bottom: lane * LANE };
}

function overlap(one: Box, other: Box): boolean {
  return (
    one.left < other.right + GAP &&
    other.left < one.right + GAP &&
    one.top < other.bottom + GAP / 2 &&
    other.top < one.bottom + GAP / 2
  );
}

/** Whether a marble that is not on the line has its time behind another marble. */
function isTimeHidden({ at = 0, lane }: Marble, marbles: readonly Marble[]): boolean {
  return (
    lane > 0 &&
    marbles.some(
      (other) =>
        other.at !== at &&
        other.lane < lane &&
        boxOf(other).left - 2 < at &&
        at < boxOf(other).right + 2,
    )
  );
}

/** The last time first; what has the same time in its order. */
function sameTimesInOrder(marbles: readonly Marble[]): Marble[] {
  return marbles.toSorted((one, other) => other.at! - one.at!);
}

/** The text in lines, broken at spaces, but not between a key and its value or before a bracket. */
function linesOf(text: string): string[] {
  const lines = [''];
  for (const word of text.split(/(?<!:) (?![}\]])/)) {
    const line = `${lines.at(-1)!} ${word}`.trim();
    if (line.length <= LONGEST || lines.at(-1) === '') lines[lines.length - 1] = line;
    else lines.push(word);
  }
  return lines;
}
