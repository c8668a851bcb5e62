import { asString, fields, type Fields, isRecord } from '../../message/record.ts';
import { preview } from './preview.ts';

/** The kind of a value, which decides its colour. */
export type Kind = 'text' | 'thinking' | 'json' | 'meta' | 'ping' | 'seam' | 'value';

/** The text on the marble of a value, and its kind. */
export interface Label {
  text: string;
  kind: Kind;
}

const LONGEST = 34;

/** The short label of a value, with visible white space. */
export function labelOf(value: unknown): Label {
  const { text, kind } = describe(value, LONGEST);
  return { text: shortened(text), kind };
}

/** The text of a value, cut off after about `room` characters, and its kind. */
export function describe(value: unknown, room: number): Label {
  if (typeof value === 'string') {
    const start = value.slice(0, room + 1);
    return { text: frameLabel(start) ?? visible(start), kind: 'text' };
  }
  if (!isRecord(value)) return { text: preview(value, room), kind: 'value' };
  return eventLabel(value, room) ?? { text: snapshotLabel(value, room), kind: 'value' };
}

export function shortened(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

export function blockName(block: unknown): string {
  const { type, name } = fields(block);
  return [type, name].filter(Boolean).join(' ');
}

/** The first line of a server-sent event; `undefined` for any other text. */
function frameLabel(text: string): string | undefined {
  return /^(?:id: .*\n)?(event: \w+|:)(?=\n)/.exec(text)?.[1];
}

/** The label of an event of a stream; `undefined` for another value. */
function eventLabel(event: Fields, room: number): Label | undefined {
  switch (event['type']) {
    case 'message_start':
      return { text: 'start', kind: 'meta' };
    case 'message_delta':
      return { text: String(fields(event['delta'])['stop_reason'] ?? 'usage'), kind: 'meta' };
    case 'message_stop':
      return { text: 'stop', kind: 'meta' };
    case 'content_block_start':
      return { text: `[ ${blockName(event['content_block'])}`, kind: 'meta' };
    case 'content_block_stop':
      return { text: ']', kind: 'meta' };
    case 'content_block_delta':
      return deltaLabel(fields(event['delta']), room);
    case 'ping':
      return { text: 'ping', kind: 'ping' };
    case 'resume':
      return { text: 'resume', kind: 'seam' };
    default:
      return toolLabel(event, room) ?? agentLabel(event, room);
  }
}

/** The label of an event of `runTools`; `undefined` for another value. */
function toolLabel(event: Fields, room: number): Label | undefined {
  switch (event['type']) {
    case 'tool_start':
      return { text: `run ${String(event['name'])}`, kind: 'value' };
    case 'tool_progress':
      return { text: preview(event['progress'], room), kind: 'value' };
    case 'tool_result': {
      const status = event['status'] === 'done' ? 'result' : String(event['status']);
      return { text: `${status} ${String(event['name'])}`, kind: 'value' };
    }
    case 'turn_end':
      return { text: `turn ${String(event['turn'])} ${String(event['outcome'])}`, kind: 'meta' };
    default:
      return undefined;
  }
}

/** The label of a message of Claude Code; `undefined` for another value. */
function agentLabel(message: Fields, room: number): Label | undefined {
  switch (message['type']) {
    case 'stream_event':
      return eventLabel(fields(message['event']), room);
    case 'assistant':
      return { text: messageLabel(fields(message['message']), room), kind: 'text' };
    case 'user':
      return { text: messageLabel(fields(message['message']), room, 'user'), kind: 'value' };
    case 'system':
      return { text: String(message['status'] ?? message['subtype']), kind: 'meta' };
    case 'result':
      return { text: 'result', kind: 'meta' };
    default:
      return undefined;
  }
}

function deltaLabel(delta: Fields, room: number): Label {
  const start = (field: string) => asString(delta[field]).slice(0, room + 1);
  if (delta['type'] === 'text_delta') return { text: visible(start('text')), kind: 'text' };
  if (delta['type'] === 'thinking_delta') {
    return { text: visible(start('thinking')), kind: 'thinking' };
  }
  if (delta['type'] === 'input_json_delta') return { text: start('partial_json'), kind: 'json' };
  if (delta['type'] === 'signature_delta') return { text: 'signature', kind: 'meta' };
  const { citation } = delta;
  return citation ? describe(citation, room) : { text: String(delta['type']), kind: 'meta' };
}

function snapshotLabel(value: Fields, room: number): string {
  if (value['type'] === 'message') return messageLabel(value, room);
  if ('cited_text' in value) return `“${asString(value['cited_text']).slice(0, room)}”`;
  if (value['type'] === 'text') return visible(asString(value['text']).slice(0, room + 1));
  if (value['type'] === 'tool_use' && 'id' in value) {
    return `${String(value['name'])}(${preview(value['input'], room)})`;
  }
  if ('input_tokens' in value) {
    return `${String(value['input_tokens'])} in, ${String(value['output_tokens'])} out`;
  }
  if ('outcome' in value && 'duration' in value) {
    return `${String(value['outcome'])}, ${String(value['duration'])} ms`;
  }
  if ('status' in value) {
    const { value: inner, text } = value;
    const shown = typeof text === 'string' ? text.slice(0, room + 1) : undefined;
    return `${String(value['status'])} ${shown ?? (inner === undefined ? '' : preview(inner, room))}`.trim();
  }
  return preview(Object.keys(value).join() === 'value' ? value['value'] : value, room);
}

function messageLabel({ content }: Fields, room: number, name = 'message'): string {
  if (typeof content === 'string') return `${name} ${visible(content.slice(0, room + 1))}`;
  const parts: string[] = [];
  let left = room;
  for (const block of Array.isArray(content) ? content : []) {
    if (left <= 0) break;
    const part = isRecord(block) ? snapshotLabel(block, left) : String(block);
    left -= part.length + 1;
    parts.push(part);
  }
  return `${name} ${parts.join(' ')}`.trim();
}

/** Shows white space at the ends, and line breaks, as symbols. */
function visible(text: string): string {
  return text.replace(/^ | $/g, '␣').replaceAll('\n', '↵');
}
