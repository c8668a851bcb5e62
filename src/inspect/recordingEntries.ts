import { readRecording, recordingLines } from '../message/recording.ts';
import { fields, parseRecord } from '../message/record.ts';
import type { InspectorEntry } from './InspectorEntry.ts';
import { reportedError, reportedEvent, reportedValue } from './reportedEvent.ts';

/** Milliseconds between two lines of a recording without times. */
const STEP = 10;

/**
 * Converts the lines of a recording into entries. The lines are those of `record()`, API events, or
 * messages of Claude Code. Each subagent is a separate stage. Times count from 0; lines without times
 * are 10 ms apart. A line that cannot be read ends the recording with an error.
 */
export function* recordingEntries(text: string): Generator<InspectorEntry, void, undefined> {
  const ids = new Map<string, number>();
  const stageOf = function* (name: string, at: number): Generator<InspectorEntry, number> {
    const known = ids.get(name);
    if (known !== undefined) return known;
    const id = ids.size + 1;
    ids.set(name, id);
    const into = id === 1 ? {} : { into: 1 };
    yield { type: 'subscribe', id, at, stage: name, content: true, ...into };
    return id;
  };
  const lines = recordingLines(text);
  const start = startOf(lines);
  let at = 0;
  let number = 0;
  let isOver = false;
  for (const entry of readRecording(lines)) {
    const value: unknown = 'event' in entry ? entry.event : undefined;
    const stamp = Date.parse(String(fields(value)['timestamp']));
    if (Number.isFinite(stamp) && start.stamp !== undefined) at = Math.max(at, stamp - start.stamp);
    else at = start.isTimed ? Math.max(at, entry.at) : STEP * number;
    number++;
    const parent = fields(value)['parent_tool_use_id'];
    const main = yield* stageOf('recording', at);
    if ('error' in entry) {
      yield { type: 'error', id: main, at, error: reportedError(entry.error, true) };
      isOver = true;
      break;
    }
    const id = typeof parent === 'string' ? yield* stageOf(`agent ${parent}`, at) : main;
    const event = reportedEvent(value, true);
    if (event) yield { type: 'event', id, at, event };
    else yield { type: 'value', id, at, value: reportedValue(value, true) };
  }
  const isWhole = /"type":\s*"(message_stop|result)"/.test(lastLine(lines));
  for (const id of ids.values()) {
    if (isOver && id === 1) continue;
    // As in `fromRecording`, an end before `message_stop` is an error.
    if (isWhole || id > 1) yield { type: 'complete', id, at };
    else yield { type: 'error', id, at, error: { code: 'truncated' } };
  }
}

function startOf(lines: readonly (string | object)[]): {
  isTimed: boolean;
  stamp: number | undefined;
} {
  const first = lines.find((line) => typeof line === 'string' && line.trim() !== '');
  const record = parseRecord(String(first)) ?? {};
  const stamp = Date.parse(String(record['timestamp']));
  return { isTimed: 'at' in record, stamp: Number.isFinite(stamp) ? stamp : undefined };
}

function lastLine(lines: readonly (string | object)[]): string {
  return String(lines.findLast((line) => typeof line === 'string' && line.trim() !== '') ?? '');
}
