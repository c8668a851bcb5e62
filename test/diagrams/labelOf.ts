/** What a value is, which is what its colour says. */
export type Kind = 'text' | 'thinking' | 'json' | 'meta' | 'ping' | 'seam' | 'value';

export interface Label {
  text: string;
  kind: Kind;
}

interface Fields {
  [field: string]: any;
}

const LONGEST = 34;

/** What is written on the marble of a value. */
export function labelOf(value: unknown): Label {
  const { text, kind } = label(value);
  return { text: shortened(text), kind };
}

function label(value: unknown): Label {
  if (typeof value === 'string') return { text: frameLabel(value) ?? visible(value), kind: 'text' };
  if (typeof value !== 'object' || value === null) return { text: String(value), kind: 'value' };
  return eventLabel(value) ?? { text: snapshotLabel(value), kind: 'value' };
}

/** Of a server-sent event its first line; `undefined` where the text is none. */
function frameLabel(text: string): string | undefined {
  return /^(?:id: .*\n)?(event: \w+|:)(?=\n)[^]*\n\n$/.exec(text)?.[1];
}

/** The label of an event of a stream; `undefined` where the value is something else. */
function eventLabel(event: Fields): Label | undefined {
  switch (event['type']) {
    case 'message_start':
      return { text: 'start', kind: 'meta' };
    case 'message_delta':
      return { text: String(event['delta'].stop_reason ?? 'usage'), kind: 'meta' };
    case 'message_stop':
      return { text: 'stop', kind: 'meta' };
    case 'content_block_start':
      return { text: `[ ${blockName(event['content_block'])}`, kind: 'meta' };
    case 'content_block_stop':
      return { text: ']', kind: 'meta' };
    case 'content_block_delta':
      return deltaLabel(event['delta']);
    case 'ping':
      return { text: 'ping', kind: 'ping' };
    case 'resume':
      return { text: 'resume', kind: 'seam' };
    default:
      return agentLabel(event);
  }
}

/** The label of a message of Claude Code; `undefined` where the value is something else. */
function agentLabel(message: Fields): Label | undefined {
  switch (message['type']) {
    case 'stream_event':
      return eventLabel(message['event']);
    case 'assistant':
      return { text: messageLabel(message['message']), kind: 'value' };
    case 'system':
      return { text: message['status'] ?? message['subtype'], kind: 'meta' };
    case 'result':
      return { text: 'result', kind: 'meta' };
    default:
      return undefined;
  }
}

function deltaLabel(delta: Fields): Label {
  if (delta['type'] === 'text_delta') return { text: visible(delta['text']), kind: 'text' };
  if (delta['type'] === 'thinking_delta') {
    return { text: visible(delta['thinking']), kind: 'thinking' };
  }
  if (delta['type'] === 'input_json_delta') return { text: delta['partial_json'], kind: 'json' };
  if (delta['type'] === 'signature_delta') return { text: 'signature', kind: 'meta' };
  const { citation } = delta;
  return citation ? label(citation) : { text: String(delta['type']), kind: 'meta' };
}

export function blockName(block: Fields): string {
  return [block['type'], block['name']].filter(Boolean).join(' ');
}

function snapshotLabel(value: Fields): string {
  if (value['type'] === 'message') return messageLabel(value);
  if ('cited_text' in value) return `“${value['cited_text']}”`;
  if (value['type'] === 'text') return visible(value['text']);
  if (value['type'] === 'tool_use' && 'id' in value) {
    return `${value['name']}(${json(value['input'])})`;
  }
  if ('input_tokens' in value) {
    return `${value['input_tokens']} in, ${value['output_tokens']} out`;
  }
  if ('outcome' in value) return `${value['outcome']}, ${value['duration']} ms`;
  if ('status' in value) {
    const shown = value['text'] ?? (value['value'] === undefined ? '' : json(value['value']));
    return `${value['status']} ${shown}`.trim();
  }
  return json(Object.keys(value).join() === 'value' ? value['value'] : value);
}

function messageLabel({ content }: Fields): string {
  const blocks = (content as readonly Fields[]).map((block) =>
    block['type'] === 'text' ? visible(block['text']) : snapshotLabel(block),
  );
  return `message ${blocks.join(' ')}`.trim();
}

/** JSON as one would write it in JavaScript. */
function json(value: unknown): string {
  return JSON.stringify(value)
    .replace(/"(\w+)":/g, '$1: ')
    .replaceAll('"', "'")
    .replaceAll(',', ', ')
    .replace(/^\{(.+)\}$/, '{ $1 }');
}

/** White space that one would not see. */
function visible(text: string): string {
  return text.replace(/^ | $/g, '␣').replaceAll('\n', '↵');
}

function shortened(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}
