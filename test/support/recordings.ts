import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BetaStreamEvent } from 'claude-rx';

export interface Recording {
  name: string;
  /** As they came: one reply, or several one after the other. */
  events: BetaStreamEvent[];
}

/** The project's own recordings: lines of `{"at": ms, "event": {...}}`. */
const ownRecordings: Recording[] = read('../../examples/recordings/', (line) => line.event);

/** Recordings of the real API that may lie beside the project: one plain event a line. */
const sharedRecordings: Recording[] = read('../../../shared/recordings/', (line) => line);

export const recordings: Recording[] = [...ownRecordings, ...sharedRecordings];

/** The replies in a recording, each of them from its `message_start` to its `message_stop`. */
export function repliesOf({ events }: Recording): BetaStreamEvent[][] {
  const starts = events.flatMap((event, index) => (event.type === 'message_start' ? [index] : []));
  return starts.map((start, index) => events.slice(start, starts[index + 1]));
}

function read(path: string, eventOf: (line: any) => BetaStreamEvent): Recording[] {
  const folder = new URL(path, import.meta.url);
  if (!existsSync(folder)) return [];
  return readdirSync(fileURLToPath(folder))
    .filter((name) => name.endsWith('.ndjson'))
    .toSorted()
    .map((name) => {
      const lines = readFileSync(new URL(name, folder), 'utf8').split('\n').filter(Boolean);
      return { name, events: lines.map((line) => eventOf(JSON.parse(line))) };
    });
}
