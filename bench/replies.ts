import type { StreamEvent } from '../src/index.ts';
import { messageEvents } from '../src/testing/index.ts';
import { encodeEvent } from '../src/sse/encodeEvent.ts';

/** A reply as it is sent, and what a reader must have found in it at the end. */
export interface Reply {
  frames: Uint8Array[];
  bytes: number;
  events: number;
  /** Characters of text, or of JSON in a tool's input. */
  length: number;
}

const UNICODE = 'Grüße, 世界! 👩‍👩‍👧 naïve — κόσμε ';

/** Replies by name, made when they are asked for and the same in each process. */
const makers: Record<string, () => Iterable<StreamEvent>> = {
  'text, ASCII': () => messageEvents.text('word '.repeat(20_000), { chunk: 5 }),
  'text, mixed Unicode': () => messageEvents.text(UNICODE.repeat(3_000), { chunk: 5 }),
  'thinking, text and tools': () =>
    messageEvents
      .thinking('Let me look at this first. '.repeat(700), { chunk: 5 })
      .text('Here is what I have found so far. '.repeat(700), { chunk: 5 })
      .toolUse('write', { path: 'src/a.ts', content: 'const a = "b";\n'.repeat(700) }, { chunk: 5 })
      .toolUse('write', { path: 'src/b.ts', content: 'a long line '.repeat(500) }, { chunk: 5 }),
  'one tool input of 1 MB': () =>
    messageEvents.toolUse('write', { records: records(8_400) }, { chunk: 20 }),
  'a short reply': () =>
    messageEvents.text('A short reply, of some twenty tokens in all. '.repeat(2), { chunk: 5 }),
  'a paced reply of 150': () => messageEvents.text('word '.repeat(150), { chunk: 5 }),
  'a paced reply of 75': () => messageEvents.text('word '.repeat(75), { chunk: 5 }),
  'a paced reply of 50': () => messageEvents.text('word '.repeat(50), { chunk: 5 }),
  'a paced reply of 25': () => messageEvents.text('word '.repeat(25), { chunk: 5 }),
};

export const replyNames: readonly string[] = Object.keys(makers);

export function makeReply(name: string): Reply {
  const events = [...makers[name]!()];
  const encoder = new TextEncoder();
  const frames = events.map((event) => encoder.encode(encodeEvent(event)));
  return {
    frames,
    bytes: frames.reduce((sum, { length }) => sum + length, 0),
    events: events.length,
    length: events.reduce((sum, event) => sum + lengthOf(event), 0),
  };
}

/** What of an event is counted, by all contenders in the same way. */
export function lengthOf(event: StreamEvent): number {
  if (event.type !== 'content_block_delta') return 0;
  if (event.delta.type === 'text_delta') return event.delta.text.length;
  return event.delta.type === 'input_json_delta' ? event.delta.partial_json.length : 0;
}

/** The frames in chunks of `size` bytes; `1` gives each event a chunk of its own. */
export function chunksOf({ frames, bytes }: Reply, size: number): Uint8Array[] {
  if (size === 1) return frames;
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const frame of frames) {
    all.set(frame, at);
    at += frame.length;
  }
  return Array.from({ length: Math.ceil(bytes / size) }, (_, index) =>
    all.slice(index * size, (index + 1) * size),
  );
}

/** A response whose body gives these chunks when it is asked for them. */
export function respond(chunks: readonly Uint8Array[]): Response {
  let index = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (index < chunks.length) controller.enqueue(chunks[index++]!);
      else controller.close();
    },
  });
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream', 'request-id': 'req_1' },
  });
}

function records(count: number): object[] {
  return Array.from({ length: count }, (_, id) => ({
    id,
    name: `record "${id}"`,
    tags: ['a tag', 'another\ttag'],
    done: id % 2 === 0,
    price: id / 100,
    note: 'a line\nand more of it',
  }));
}
