import { readdirSync, readFileSync } from 'node:fs';
import Anthropic from '@anthropic-ai/sdk';
import { fromRecording, MessageBuilder, type StreamEvent } from 'claude-rx';
import { MessagesServer, record } from 'claude-rx/testing';
import { firstValueFrom, from, lastValueFrom, toArray, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

const folder = new URL('../../../examples/recordings/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.ndjson'));
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8');

const events = (name: string) =>
  firstValueFrom(fromRecording(read(name), { speed: Infinity }).pipe(toArray()));

function built(all: Iterable<StreamEvent>) {
  const builder = new MessageBuilder();
  for (const event of all) builder.push(event);
  return builder.message!;
}

/** The events with the times at which they are played. */
async function played(name: string) {
  const scheduler = new VirtualTimeScheduler();
  const all: { at: number; event: StreamEvent }[] = [];
  fromRecording(read(name), { scheduler }).subscribe({
    next: (event) => all.push({ at: scheduler.now(), event }),
  });
  scheduler.flush();
  return all;
}

describe.each(names)('The recording %s', (name) => {
  it('is played to its end', async () => {
    const all = await played(name);
    expect(all.at(-1)?.event.type).toBe('message_stop');
    expect(all.map((line) => JSON.stringify(line)).join('\n').length).toBeGreaterThan(1_000);
  });

  it('is one line for each event, as record() writes it', async () => {
    const text = read(name);
    const scheduler = new VirtualTimeScheduler();
    let lines: string[] = [];
    fromRecording(text, { scheduler })
      .pipe(record({ scheduler }), toArray())
      .subscribe((all) => (lines = all));
    scheduler.flush();
    expect(`${lines.join('\n')}\n`).toBe(text);
  });

  it('is accepted by the SDK, which makes the same message of it', async () => {
    await using server = await MessagesServer.start();
    server.reply({ recording: read(name), speed: Infinity, chunk: 7 });
    const client = new Anthropic({ apiKey: 'test', baseURL: server.url, maxRetries: 0 });
    const params = { model: 'claude-opus-5-5', max_tokens: 10, messages: [] };
    const message = await client.messages.stream(params).finalMessage();
    const expected = JSON.parse(JSON.stringify(built(await events(name)))) as object;
    expect(JSON.parse(JSON.stringify(message))).toStrictEqual({ ...expected, parsed_output: null });
  });

  it('holds a ping, usage with cache counters, and half a character nowhere', async () => {
    const all = await events(name);
    expect(all).toContainEqual({ type: 'ping' });
    const { usage, model } = built(all);
    expect(model).toBe('claude-opus-5-5');
    expect(usage.cache_read_input_tokens).toBeTypeOf('number');
    for (const event of all) expect(JSON.stringify(event)).not.toMatch(/\\ud[89a-f]/);
  });
});

describe('The recordings', () => {
  it('are a text of a few seconds, as a person would see it come', async () => {
    const all = await played('text.ndjson');
    const deltas = all.filter(({ event }) => event.type === 'content_block_delta');
    expect(deltas[0]?.at).toBeGreaterThan(400);
    expect(deltas[0]?.at).toBeLessThan(600);
    expect(deltas.length).toBeGreaterThan(100);
    const total = all.at(-1)!.at;
    expect(total).toBeGreaterThan(5_000);
    expect(total).toBeLessThan(6_000);
    const gaps = deltas.slice(1).map(({ at }, index) => at - deltas[index]!.at);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(20);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(80);
  });

  it('are thinking with two tool calls', async () => {
    const { content, stop_reason } = built(await events('thinking-tools.ndjson'));
    expect(content.map(({ type }) => type)).toEqual(['thinking', 'text', 'tool_use', 'tool_use']);
    expect(stop_reason).toBe('tool_use');
    expect(content[2]).toMatchObject({ input: { city: 'Lisbon' } });
    expect(content[3]).toMatchObject({ input: { city: 'Oslo' } });
  });

  it('are characters of many code points, cut between them', async () => {
    const all = await events('unicode.ndjson');
    const pieces = all.flatMap((event) =>
      event.type === 'content_block_delta' && event.delta.type === 'text_delta'
        ? [event.delta.text]
        : [],
    );
    expect(pieces.join('')).toContain('👨‍👩‍👧‍👦');
    expect(pieces.some((piece) => piece.includes('👨‍👩‍👧‍👦'))).toBe(false);
    const graphemes = [...new Intl.Segmenter().segment(pieces.join(''))].length;
    const alone = pieces.map((piece) => [...new Intl.Segmenter().segment(piece)].length);
    expect(alone.reduce((sum, count) => sum + count)).toBeGreaterThan(graphemes);
  });

  it('are cited texts after a search', async () => {
    const { content, usage } = built(await events('citations.ndjson'));
    const types = content.map(({ type }) => type);
    expect(types.slice(0, 3)).toEqual(['text', 'server_tool_use', 'web_search_tool_result']);
    const cited = content.flatMap((block) =>
      block.type === 'text' ? [block.citations?.length ?? 0] : [],
    );
    expect(cited).toEqual([0, 0, 1, 0, 2, 0]);
    expect(usage.server_tool_use?.web_search_requests).toBe(1);
  });
});

it('record() keeps the line separators of Unicode out of its lines', async () => {
  const delta = { type: 'text_delta' as const, text: 'a\u2028b\u2029c\nd' };
  const event: StreamEvent = { type: 'content_block_delta', index: 0, delta };
  const line = await lastValueFrom(from([event]).pipe(record()));
  expect(line).not.toMatch(/[\u2028\u2029\n]/);
  expect(JSON.parse(line)).toMatchObject({ event });
});
