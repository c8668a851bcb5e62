import type { TextCitation, Usage } from '@anthropic-ai/sdk/resources/messages/messages';
import { MessageStreamError, type StreamEvent } from 'claude-rx';
import fc from 'fast-check';
import { defer, from, type Observable } from 'rxjs';

/** An event as it came over the wire, with nothing said about its type. */
export const raw = (event: object): StreamEvent => event as StreamEvent;

export const usage = (input_tokens: number, output_tokens: number): Usage => ({
  cache_creation: null,
  cache_creation_input_tokens: null,
  cache_read_input_tokens: null,
  inference_geo: null,
  input_tokens,
  output_tokens,
  output_tokens_details: null,
  server_tool_use: null,
  service_tier: 'standard',
  speed: null,
});

export const messageStart = (id = 'msg_1'): StreamEvent => ({
  type: 'message_start',
  message: {
    id,
    type: 'message',
    role: 'assistant',
    model: 'claude-opus-5-5',
    content: [],
    container: null,
    diagnostics: null,
    stop_details: null,
    stop_reason: null,
    stop_sequence: null,
    usage: usage(25, 1),
  },
});

export const messageDelta = (stop_reason: string | null = 'end_turn', output = 15): StreamEvent =>
  raw({
    type: 'message_delta',
    delta: { stop_reason, stop_sequence: null },
    usage: { output_tokens: output },
  });

export const messageStop: StreamEvent = { type: 'message_stop' };
export const ping: StreamEvent = { type: 'ping' };

export const resume = (keep: number): StreamEvent => ({
  type: 'resume',
  attempt: 2,
  keep,
  error: new MessageStreamError('The connection was lost', { code: 'connection' }),
});

export const start = (index: number, content_block: object): StreamEvent =>
  raw({ type: 'content_block_start', index, content_block });

export const delta = (index: number, fields: object): StreamEvent =>
  raw({ type: 'content_block_delta', index, delta: fields });

export const stop = (index: number): StreamEvent => ({ type: 'content_block_stop', index });

export const textStart = (index: number, text = ''): StreamEvent =>
  start(index, { type: 'text', text, citations: null });

export const text = (index: number, piece: string): StreamEvent =>
  delta(index, { type: 'text_delta', text: piece });

export const thinkingStart = (index: number, thinking = ''): StreamEvent =>
  start(index, { type: 'thinking', thinking, signature: '' });

export const thinking = (index: number, piece: string): StreamEvent =>
  delta(index, { type: 'thinking_delta', thinking: piece });

export const callStart = (index: number, type = 'tool_use'): StreamEvent =>
  start(index, {
    type,
    id: `toolu_${index}`,
    name: 'get_weather',
    input: {},
    caller: { type: 'direct' },
  });

export const json = (index: number, partial_json: string): StreamEvent =>
  delta(index, { type: 'input_json_delta', partial_json });

/** A whole call. */
export const call = (index: number, input: string): StreamEvent[] => [
  callStart(index),
  json(index, input),
  stop(index),
];

/** The block that a call of `get_weather` becomes. */
export const callBlock = (index: number, input: unknown): object => ({
  type: 'tool_use',
  id: `toolu_${index}`,
  name: 'get_weather',
  input,
  caller: { type: 'direct' },
});

export const citation = (cited_text: string): TextCitation => ({
  type: 'char_location',
  cited_text,
  document_index: 0,
  document_title: null,
  file_id: null,
  start_char_index: 0,
  end_char_index: cited_text.length,
});

/** A source that emits at once, and counts how much of it was asked for. */
export function synchronous<T>(values: readonly T[]): { source: Observable<T>; taken(): number } {
  let count = 0;
  function* counted(): Generator<T> {
    for (const value of values) {
      count++;
      yield value;
    }
  }
  return { source: defer(() => from(counted())), taken: () => count };
}

export interface Outcome<T> {
  values: T[];
  completed: boolean;
  error?: unknown;
}

/** What a synchronous Observable has emitted, and how it ended. */
export function outcomeOf<T>(observable: Observable<T>): Outcome<T> {
  const outcome: Outcome<T> = { values: [], completed: false };
  observable.subscribe({
    next: (value) => outcome.values.push(value),
    error: (error: unknown) => (outcome.error = error),
    complete: () => (outcome.completed = true),
  });
  return outcome;
}

const piece = fc.string({ unit: 'binary', maxLength: 6 });

/** What may stand anywhere and says nothing about the content. */
const noise: fc.Arbitrary<StreamEvent> = fc.constantFrom(
  ping,
  messageStart(),
  messageDelta(null),
  raw({ type: 'vibe_check', index: 0, delta: { type: 'text_delta', text: 'never' } }),
);

type Kind = 'text' | 'thinking' | 'tool_use' | 'connector_text';

const blockStart: Record<Kind, (index: number, first: string) => StreamEvent> = {
  text: textStart,
  thinking: thinkingStart,
  tool_use: (index) => callStart(index),
  connector_text: (index, first) => start(index, { type: 'connector_text', connector_text: first }),
};

const blockDelta: Record<Kind, (index: number, more: string) => StreamEvent> = {
  text,
  thinking,
  tool_use: json,
  connector_text: (index, more) =>
    delta(index, { type: 'connector_text_delta', connector_text: more }),
};

interface Block {
  kind: Kind;
  first: string;
  pieces: string[];
  hasStart: boolean;
  hasStop: boolean;
  hasStray: boolean;
  noises: StreamEvent[];
}

function blockEvents(block: Block, index: number): StreamEvent[] {
  const { kind, first, pieces, hasStart, hasStop, hasStray, noises } = block;
  const events = pieces.map((more) => blockDelta[kind](index, more));
  // Text in a block of another kind.
  if (hasStray) events.splice(1, 0, text(index, 'stray'));
  // A gateway may leave out starts and stops; what can be told without is told.
  if (hasStart || kind === 'tool_use' || kind === 'connector_text') {
    events.unshift(blockStart[kind](index, first));
  }
  noises.forEach((event, at) => events.splice(at * 2, 0, event));
  if (hasStop) events.push(stop(index));
  return events;
}

/** The events of any one reply: of all block types, with pings, unknown things and gaps. */
export const reply: fc.Arbitrary<StreamEvent[]> = fc
  .record({
    blocks: fc.array(
      fc.record({
        kind: fc.constantFrom<Kind>('text', 'text', 'thinking', 'tool_use', 'connector_text'),
        first: fc.oneof(fc.constant(''), piece),
        pieces: fc.array(piece, { maxLength: 6 }),
        hasStart: fc.boolean(),
        hasStop: fc.boolean(),
        hasStray: fc.boolean(),
        noises: fc.array(noise, { maxLength: 2 }),
      }),
      { maxLength: 5 },
    ),
    ended: fc.boolean(),
  })
  .map(({ blocks, ended }) => [
    messageStart(),
    ...blocks.flatMap(blockEvents),
    ...(ended ? [messageDelta(), messageStop] : []),
  ]);
