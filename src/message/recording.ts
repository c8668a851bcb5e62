import { MAX_FRAME_LENGTH } from './frameLimit.ts';
import { MessageStreamError, type MessageStreamErrorCode } from './MessageStreamError.ts';
import type { AnyStreamEvent, StreamEvent } from './StreamEvent.ts';
import { fromApiError } from './toMessageStreamError.ts';

/** An error in a recording (the output of `toJSON`); its partial message is in the lines before. */
export interface RecordedError {
  code: MessageStreamErrorCode;
  message: string;
  retryable?: boolean;
  requestId?: string;
  retryAfterMs?: number;
  status?: number;
  errorType?: string;
}

/** A line of `record()`: `at` is in milliseconds from the subscription. */
export type RecordedLine<E extends AnyStreamEvent = StreamEvent> =
  | { at: number; event: E }
  | { at: number; error: RecordedError };

/** The text of a recording, its lines, or its parsed lines; plain events are at 0 ms. */
export type Recording = string | Iterable<string | object>;

/** A parsed line. */
export type RecordingEntry<E extends AnyStreamEvent = StreamEvent> =
  | { at: number; event: E }
  | { at: number; error: MessageStreamError };

/** The lines of a recording as an array, which can be read several times. */
export function recordingLines(lines: Recording): readonly (string | object)[] {
  if (typeof lines === 'string') return lines.split('\n');
  if (typeof lines?.[Symbol.iterator] !== 'function') {
    throw new TypeError(
      'fromRecording: pass the text of a recording, or an iterable of its lines; got ' +
        (lines === null ? 'null' : typeof lines),
    );
  }
  return [...lines].flatMap<string | object>((line) =>
    typeof line === 'string' ? line.split('\n') : line,
  );
}

/** Reads line by line, up to a recorded error, or up to a line that is not valid. */
export function* readRecording<E extends AnyStreamEvent = StreamEvent>(
  lines: readonly (string | object)[],
  maxFrameLength: number = MAX_FRAME_LENGTH,
): Generator<RecordingEntry<E>, void, undefined> {
  let at = 0;
  for (const [index, line] of lines.entries()) {
    if (typeof line === 'string' && line.replace('\uFEFF', '').trim() === '') continue;
    let entry: RecordingEntry<E>;
    try {
      if (typeof line === 'string' && line.length > maxFrameLength) {
        throw new TypeError(`it is longer than ${maxFrameLength} characters, \`maxFrameLength\``);
      }
      entry = readLine<E>(line);
    } catch (cause) {
      return yield { at, error: badLine(index + 1, line, cause) };
    }
    yield entry;
    if ('error' in entry) return;
    at = Math.max(at, entry.at);
  }
}

function readLine<E extends AnyStreamEvent>(line: string | object): RecordingEntry<E> {
  const value: unknown = typeof line === 'string' ? JSON.parse(line.replace('\uFEFF', '')) : line;
  const fields = fieldsOf(value, 'the line');
  if (typeof fields['type'] === 'string') return entryOf(0, fields);
  const { at, event, error } = fields;
  if (typeof at !== 'number' || !(at >= 0 && at < Infinity)) {
    throw new TypeError('it is not an event, and has no time `at` in milliseconds');
  }
  if (error !== undefined) return { at, error: revive(error) };
  return entryOf(at, fieldsOf(event, 'event'));
}

function entryOf<E extends AnyStreamEvent>(
  at: number,
  event: Record<string, unknown>,
): RecordingEntry<E> {
  if (typeof event['type'] !== 'string') throw new TypeError('its event has no type');
  // An error event of the API: the recorded stream was not read by a source of this package.
  if (event['type'] === 'error') return { at, error: fromApiError({ body: event }) };
  if (event['type'] !== 'resume') return { at, event: event as unknown as E };
  return { at, event: { ...event, error: revive(event['error']) } as unknown as E };
}

function revive(error: unknown): MessageStreamError {
  if (error instanceof MessageStreamError) return error;
  const { name: _, message, code, ...rest } = fieldsOf(error, 'error');
  if (typeof code !== 'string') throw new TypeError('its error has no code');
  return new MessageStreamError(String(message), { ...rest, code: code as MessageStreamErrorCode });
}

function fieldsOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new TypeError(`${what} is not an object`);
}

function badLine(number: number, line: string | object, cause: unknown): MessageStreamError {
  const text = typeof line === 'string' ? line : (JSON.stringify(line) ?? String(line));
  const why = cause instanceof Error ? cause.message : String(cause);
  return new MessageStreamError(
    `Line ${number} of the recording cannot be read (${why}); it begins with ` +
      JSON.stringify(text.slice(0, 80)),
    { code: 'protocol', cause },
  );
}
