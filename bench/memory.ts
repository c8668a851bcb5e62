import type Anthropic from '@anthropic-ai/sdk';
import { Stream } from '@anthropic-ai/sdk/streaming';
import {
  accumulateMessage,
  fromMessages,
  fromResponse,
  shareMessage,
  type StreamEvent,
  textOnly,
} from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { lastValueFrom, Subject, toArray } from 'rxjs';
import { setTimeout as wait } from 'node:timers/promises';
import { clientOf, params } from './contenders.ts';
import { encodeEvent } from '../src/sse/encodeEvent.ts';
import { median } from './measure.ts';
import { respond } from './replies.ts';

export interface Held {
  what: string;
  who: string;
  bytes: number;
}

/** What is held by many of a thing, in bytes for each: the lesser of two. */
async function held(count: number, make: () => unknown): Promise<number> {
  const found: number[] = [];
  for (let round = 0; round < 3; round++) {
    const before = await used();
    const all = Array.from({ length: count }, make);
    // For what they do asynchronously.
    for (let turns = 0; turns < 20; turns++) await wait(1);
    const after = await used();
    if (round > 0) found.push((after - before) / count);
    for (const one of all) if (typeof one === 'function') one();
    await wait(20);
  }
  return Math.round(Math.min(...found));
}

async function used(): Promise<number> {
  for (let i = 0; i < 2; i++) {
    globalThis.gc!();
    await wait(5);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const encoder = new TextEncoder();
const frames = (text: string): Uint8Array[] =>
  [...messageEvents.text(text, { chunk: 5 })].map((event) => encoder.encode(encodeEvent(event)));

/** A response that gives these chunks, and then nothing more: a model that thinks. */
function unfinished(chunks: readonly Uint8Array[]): Response {
  let index = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (index < chunks.length) controller.enqueue(chunks[index++]!);
      else return new Promise(() => {});
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
}

/** The ways to read a response that goes on; each returns what ends it. */
const readers: Record<string, (chunks: Uint8Array[], client: Anthropic) => () => void> = {
  'a reader alone': (chunks) => {
    const reader = unfinished(chunks).body!.getReader();
    const readAll = async (): Promise<void> => {
      while (!(await reader.read()).done);
    };
    void readAll();
    return () => void reader.cancel();
  },
  'SDK raw': (chunks) => {
    const controller = new AbortController();
    const readAll = async (): Promise<void> => {
      for await (const _ of Stream.fromSSEResponse(unfinished(chunks), controller));
    };
    readAll().catch(() => {});
    return () => controller.abort();
  },
  'SDK MessageStream, through its client': (_, client) => {
    const stream = client.messages.stream(params);
    stream.on('error', () => {});
    return () => stream.abort();
  },
  'SDK raw, through its client': (_, client) => {
    const controller = new AbortController();
    const open = async (): Promise<void> => {
      const request = { signal: controller.signal };
      const stream = await client.messages.create({ ...params, stream: true }, request);
      for await (const _ of stream);
    };
    open().catch(() => {});
    return () => controller.abort();
  },
  'claude-rx': (chunks) => {
    const subscription = fromResponse(unfinished(chunks)).subscribe();
    return () => subscription.unsubscribe();
  },
  'claude-rx, textOnly': (chunks) => {
    const subscription = fromResponse(unfinished(chunks)).pipe(textOnly()).subscribe();
    return () => subscription.unsubscribe();
  },
  'claude-rx, keepContent: false': (chunks) => {
    const options = { keepContent: false };
    const subscription = fromResponse(unfinished(chunks), options).subscribe();
    return () => subscription.unsubscribe();
  },
  "claude-rx, through the SDK's client": (_, client) => {
    const subscription = fromMessages(client, params).subscribe();
    return () => subscription.unsubscribe();
  },
};

export const IDLE = 'an idle stream';
export const SHORT = 'a stream in the middle of a short reply';
export const LONG = 'a stream after 1,000 deltas of 5 characters';

export async function memory(): Promise<Held[]> {
  const rows: Held[] = [];
  const begun = (words: number) => [Buffer.concat(frames('word '.repeat(words)).slice(0, -3))];
  const streams: [what: string, chunks: Uint8Array[]][] = [
    [IDLE, frames('word ').slice(0, 2)],
    [SHORT, begun(20)],
    [LONG, begun(1_000)],
  ];
  for (const [what, chunks] of streams) {
    // As a program has it: one, for all of its requests.
    const client = clientOf(async () => unfinished(chunks));
    for (const [who, read] of Object.entries(readers)) {
      rows.push({ what, who, bytes: await held(200, () => read(chunks, client)) });
    }
  }
  rows.push(await subscriber(0), await subscriber(1_000));
  for (const characters of [5, 12, 40]) {
    for (const [who, read] of Object.entries(keepers)) {
      const chunks = sixteen(characters);
      const bytes = await held(1, () => read(chunks));
      const what = `20,000 deltas of ${characters} characters, all kept`;
      rows.push({ what, who, bytes: 0 });
      rows.at(-1)!.bytes = bytes;
    }
  }
  return rows;
}

/** One more reader of a shared reply, after so many of its deltas. */
async function subscriber(deltas: number): Promise<Held> {
  const events = [...messageEvents.text('word '.repeat(deltas + 1), { chunk: 5 })].slice(0, -4);
  const source = new Subject<StreamEvent>();
  const shared = source.pipe(shareMessage());
  shared.subscribe();
  for (const event of events) source.next(event);
  const bytes = await held(1_000, () => {
    const subscription = shared.subscribe();
    return () => subscription.unsubscribe();
  });
  const what = `a subscriber of shareMessage, ${deltas.toLocaleString('en')} deltas late`;
  return { what, who: 'claude-rx', bytes };
}

function sixteen(characters: number): Uint8Array[] {
  const text = `${'x'.repeat(characters - 1)} `.repeat(20_000);
  const events = [...messageEvents.text(text, { chunk: characters })];
  const all = Buffer.concat(events.map((event) => encoder.encode(encodeEvent(event))));
  return Array.from({ length: Math.ceil(all.length / 16_384) }, (_, index) =>
    all.subarray(index * 16_384, (index + 1) * 16_384),
  );
}

/** Ways to keep the texts of all deltas, and nothing else. */
const keepers: Record<string, (chunks: Uint8Array[]) => unknown> = {
  'JSON.parse of each': (chunks) => {
    const kept: string[] = [];
    const text = new TextDecoder().decode(Buffer.concat(chunks));
    for (const frame of text.split('\n\n')) {
      const event = frame && JSON.parse(frame.slice(frame.indexOf('data: ') + 6));
      if (event?.delta?.text) kept.push(event.delta.text);
    }
    return kept;
  },
  'claude-rx, textOnly': (chunks) => {
    const kept: string[] = [];
    fromResponse(respond(chunks))
      .pipe(textOnly())
      .subscribe((text) => kept.push(text));
    return kept;
  },
};

export interface Snapshots {
  deltas: number;
  /** Microseconds for each delta, without and with a snapshot at each. */
  without: number;
  with: number;
  /** Bytes for each snapshot, when all are kept. */
  kept: number;
}

/** What a snapshot at each delta costs, and whether that depends on the length of the message. */
export async function snapshots(): Promise<Snapshots[]> {
  const rows: Snapshots[] = [];
  const warmUp = [Buffer.concat(frames('word '.repeat(20_000)))];
  for (let round = 0; round < 10; round++) {
    await lastValueFrom(fromResponse(respond(warmUp)).pipe(accumulateMessage()));
  }
  for (const deltas of [5_000, 20_000, 80_000]) {
    const chunks = [Buffer.concat(frames('word '.repeat(deltas)))];
    const none: number[] = [];
    const all: number[] = [];
    for (let round = 0; round < 11; round++) {
      none.push(await cpuOf(() => lastValueFrom(fromResponse(respond(chunks)))));
      all.push(
        await cpuOf(() => lastValueFrom(fromResponse(respond(chunks)).pipe(accumulateMessage()))),
      );
    }
    let keep: unknown;
    const before = await used();
    keep = await lastValueFrom(fromResponse(respond(chunks)).pipe(accumulateMessage(), toArray()));
    const kept = ((await used()) - before) / deltas;
    rows.push({
      deltas,
      without: (median(none.slice(3)) / deltas) * 1000,
      with: (median(all.slice(3)) / deltas) * 1000,
      kept: Array.isArray(keep) ? kept : Number.NaN,
    });
  }
  return rows;
}

async function cpuOf(run: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
