import { get, type IncomingMessage, request as httpRequest } from 'node:http';
import { createHash } from 'node:crypto';
import { EventDecoder } from 'claude-rx';
import { messageEvents, MessagesServer } from 'claude-rx/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NestService, until } from './nestService.ts';

const MEGABYTE = 2 ** 20;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

let server: MessagesServer;
let service: NestService;

beforeAll(async () => {
  server = await MessagesServer.start();
  service = await NestService.start({
    ANTHROPIC_API_KEY: 'test',
    ANTHROPIC_BASE_URL: server.url,
    // Half of the text that the readers are sent: what is kept of it would end the service.
    NODE_OPTIONS: '--max-old-space-size=96',
    // The sender waits for as long as the readers do.
    LIVENESS_MS: '120000',
  });
});
afterAll(async () => {
  await service.stop();
  await server.close();
});

/** A connection that asks for a reply and reads nothing of it yet. */
function open(path: 'chat' | 'ask', prompt: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const given = (response: IncomingMessage) => {
      response.pause();
      resolve(response);
    };
    const agent = false;
    const request =
      path === 'ask'
        ? get(`${service.url}/api/ask?prompt=${prompt}`, { agent }, given)
        : httpRequest(
            `${service.url}/api/chat`,
            { method: 'POST', agent, headers: { 'content-type': 'application/json' } },
            given,
          );
    request.on('error', reject);
    request.end(
      path === 'chat'
        ? JSON.stringify({ messages: [{ role: 'user', content: prompt }] })
        : undefined,
    );
  });
}

/** The memory of the service, in bytes: the most it takes until `stop`. */
function watchMemory() {
  let most = 0;
  const look = async () => {
    most = Math.max(most, await service.metric('process_resident_memory_bytes'));
  };
  const timer = setInterval(() => look().catch(() => {}), 250);
  return {
    stop: () => {
      clearInterval(timer);
      return most;
    },
  };
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

describe('200 slow readers, with the API at full speed', () => {
  const READERS = 200;
  const DELTAS = 600;
  // About a megabyte on the wire, for each.
  const piece = 'It is being slow on purpose, and saying so. '.repeat(38).slice(0, 1_650);
  const text = piece.repeat(DELTAS);

  it('get every reply whole, in bounded memory', { timeout: 240_000 }, async () => {
    server.handle(() => ({
      events: messageEvents.text(text, { chunk: piece.length }),
      chunk: 65_536,
    }));
    // What is loaded and compiled for the first replies counts as there before.
    for (let round = 0; round < 3; round++) (await open('chat', 'warm')).resume();
    await server.idle();
    const before = await service.metric('process_resident_memory_bytes');
    const memory = watchMemory();
    const began = performance.now();

    const readers = Array.from({ length: READERS }, async (_, index) => {
      const response = await open(index % 2 ? 'ask' : 'chat', 'Hello');
      const hash = createHash('sha256');
      let stopped = false;
      const decoder = new EventDecoder((event) => {
        stopped = event.type === 'message_stop';
        if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') {
          hash.update(event.delta.text);
        }
      });
      // 64 kB at most, every half second.
      for await (const chunk of response) {
        decoder.push(chunk as Buffer);
        await pause(500);
      }
      return { stopped, hash: hash.digest('hex') };
    });
    const replies = await Promise.all(readers);

    const took = (performance.now() - began) / 1_000;
    const grown = (memory.stop() - before) / MEGABYTE;
    const whole = (text.length * READERS) / MEGABYTE;
    console.log(
      `${READERS} slow readers, ${whole.toFixed(0)} MB of text in ${took.toFixed(1)} s: ` +
        `the service grew by ${grown.toFixed(0)} MB at most, from ${(before / MEGABYTE).toFixed(0)} MB`,
    );
    const expected = { stopped: true, hash: hashOf(text) };
    expect(replies.filter(({ stopped, hash }) => !stopped || hash !== expected.hash)).toEqual([]);
    // Less than a megabyte for each connection, socket buffers and all.
    expect(grown).toBeLessThan(READERS);
    await server.idle();
    expect(await service.openReplies()).toBe(0);
  });
});

describe.each(['chat', 'ask'] as const)('readers of /api/%s that do not read', (path) => {
  const READERS = 6;
  const DELTAS = 8_000;
  // More than all buffers of sockets on the way together: 32 MB.
  const piece = 'x'.repeat(4_096);

  it(
    'make the API wait, take little memory, and free their requests when they leave',
    { timeout: 120_000 },
    async () => {
      server.handle(() => ({
        events: messageEvents.text(piece.repeat(DELTAS), { chunk: piece.length }),
        chunk: 65_536,
      }));
      const first = server.requests.length;
      const before = await service.metric('process_resident_memory_bytes');
      const responses = await Promise.all(
        Array.from({ length: READERS }, () => open(path, 'Hello')),
      );
      const requests = () => server.requests.slice(first);
      const sent = () => requests().map(({ eventsSent }) => eventsSent);
      // Until nothing more is taken for a second.
      let last = '';
      await until(async () => {
        const now = sent().join();
        if (now === last && requests().length === READERS) return true;
        last = now;
        await pause(1_000);
        return false;
      });
      await pause(1_000);
      expect(sent().join()).toBe(last);
      for (const count of sent()) expect(count).toBeLessThan(DELTAS * 0.8);
      const grown = ((await service.metric('process_resident_memory_bytes')) - before) / MEGABYTE;
      console.log(
        `/api/${path}: ${READERS} readers that do not read took ${last} of ${DELTAS} events; ` +
          `the service grew by ${grown.toFixed(0)} MB`,
      );
      expect(grown).toBeLessThan(READERS * 12);
      expect(await service.openReplies()).toBe(READERS);

      const left = performance.now();
      for (const response of responses) response.destroy();
      const outcomes = await Promise.all(requests().map(({ finished }) => finished));
      console.log(`freed ${(performance.now() - left).toFixed(0)} ms after they left`);
      expect(outcomes).toEqual(responses.map(() => 'client-left'));
      await until(async () => (await service.openReplies()) === 0);
    },
  );
});
