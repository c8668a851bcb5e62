import { describe } from './drawing/labelOf.ts';
import { textFieldOf } from '../message/mergeAdjacent.ts';
import { asString, fields, type Fields, isRecord } from '../message/record.ts';
import type { ReportedError, ReportedEvent, ReportedValue } from './InspectorEntry.ts';

/** The maximum length of reported content, in UTF-16 code units. */
export const LONGEST = 500;

/**
 * The reported form of an event; `undefined` for a value that is not an event. Only known fields are
 * copied. Without `content`, each character of a text is replaced by `x`.
 */
export function reportedEvent(value: unknown, content: boolean): ReportedEvent | undefined {
  if (!isRecord(value)) return undefined;
  const { type } = value;
  switch (type) {
    case 'message_start': {
      const { model, usage } = fields(value['message']);
      return { type, message: { model: name(model), usage: counters(usage) } };
    }
    case 'content_block_start': {
      const block = fields(value['content_block']);
      const start: Fields = { type: name(block['type']) };
      if (block['name'] !== undefined) start['name'] = name(block['name']);
      for (const field of ['text', 'thinking']) {
        if (block[field]) start[field] = shown(asString(block[field]), content);
      }
      return { type, index: value['index'], content_block: start };
    }
    case 'content_block_delta': {
      const delta = fields(value['delta']);
      const field = textFieldOf(value as Fields & { type: string });
      const shownDelta: Fields = { type: name(delta['type']) };
      if (field !== undefined) shownDelta[field] = shown(asString(delta[field]), content);
      return { type, index: value['index'], delta: shownDelta };
    }
    case 'content_block_stop':
      return { type, index: value['index'] };
    case 'message_delta': {
      const reason = fields(value['delta'])['stop_reason'];
      const delta = { stop_reason: reason == null ? null : name(reason) };
      return { type, delta, usage: counters(value['usage']) };
    }
    case 'message_stop':
    case 'ping':
      return { type };
    case 'resume': {
      const { attempt, keep, error } = value;
      return { type, attempt, keep, error: reportedError(error, content) };
    }
    case 'stream_event':
      return { type, event: reportedEvent(value['event'], content) ?? { type: 'unknown' } };
    default:
      return reportedToolEvent(value, content) ?? reportedAgentMessage(value);
  }
}

function reportedToolEvent(value: Fields, content: boolean): ReportedEvent | undefined {
  const { type, turn, tool_use_id } = value;
  switch (type) {
    case 'tool_start':
    case 'tool_progress':
    case 'tool_result': {
      const event: ReportedEvent = { type, turn, tool_use_id: name(tool_use_id) };
      event['name'] = name(value['name']);
      if (type === 'tool_result') event['status'] = name(value['status']);
      const detail = { tool_start: 'input', tool_progress: 'progress', tool_result: 'result' }[
        type
      ];
      if (content) event[detail] = describe(value[detail], LONGEST).text;
      return event;
    }
    case 'turn_end':
      return { type, turn, outcome: name(value['outcome']) };
    default:
      return undefined;
  }
}

/** For Claude Code's own messages, only the kind is reported. */
function reportedAgentMessage({ type, subtype, status }: Fields): ReportedEvent | undefined {
  if (type !== 'system' && type !== 'result') return undefined;
  return { type, subtype: name(subtype), status: status == null ? undefined : name(status) };
}

/** The reported form of a value that is not an event. */
export function reportedValue(value: unknown, content: boolean): ReportedValue {
  const type = isRecord(value) && typeof value['type'] === 'string' ? value['type'] : typeof value;
  if (typeof value === 'string') return { type, text: shown(value, content) };
  return content ? { type: name(type), text: describe(value, LONGEST).text } : { type: name(type) };
}

/** The reported form of an error. */
export function reportedError(error: unknown, content: boolean): ReportedError {
  const { code, name: type, message } = Object(error) as { [field: string]: unknown };
  const known = name(code ?? type ?? typeof error);
  return content ? { code: known, message: asString(message).slice(0, LONGEST) } : { code: known };
}

/** The content, or `x` for each character; shortened. */
function shown(text: string, content: boolean): string {
  return content ? text.slice(0, LONGEST) : 'x'.repeat(Math.min(text.length, LONGEST));
}

function counters(usage: unknown): Fields {
  const { input_tokens, output_tokens } = fields(usage);
  return { input_tokens: count(input_tokens), output_tokens: count(output_tokens) };
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

/** A short text that is not content. */
function name(value: unknown): string {
  return String(value).slice(0, 100);
}
