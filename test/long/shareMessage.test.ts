import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { StreamEvent } from 'claude-rx';
import { shareMessage } from 'claude-rx/operators/shareMessage';
import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { messageStart, outcomeOf, text, textStart } from '../operators/events.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes in use, after a collection of garbage. */
function heap(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

describe('shareMessage in memory', () => {
  it('holds 10,000 events at a cost of the order of their text', () => {
    // Several replies, since the heap as a whole is not measured to the byte.
    const replies = 4;
    const pieces = Array.from({ length: 10_000 }, (_, index) => `${index} abcdefg`.slice(0, 6));
    const { length } = pieces.join('');
    // Strings of their own, as JSON.parse makes them.
    const eventOf = (piece: string): StreamEvent => JSON.parse(JSON.stringify(text(0, piece)));
    const fill = () => {
      const source = new Subject<StreamEvent>();
      const shared = source.pipe(shareMessage({ resetOnRefCountZero: false }));
      shared.subscribe().unsubscribe();
      for (const event of [messageStart(), textStart(0)]) source.next(event);
      for (const piece of pieces) source.next(eventOf(piece));
      return shared;
    };
    fill();
    const before = heap();
    const shared = Array.from({ length: replies }, fill);
    const held = (heap() - before) / replies;
    const lists = Array.from({ length: replies }, () => pieces.map(eventOf));
    const listed = (heap() - before) / replies - held;
    console.log(`${length} characters: ${held} bytes; as a list of events ${listed} bytes`);
    for (const one of shared) expect(outcomeOf(one).values).toHaveLength(3);
    expect(lists).toHaveLength(replies);
    expect(held).toBeLessThan(4 * length);
    expect(held).toBeLessThan(listed / 4);
  });
});
