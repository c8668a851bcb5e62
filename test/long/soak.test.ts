import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type EncodableEvent,
  fromMessages,
  pipeToResponse,
  type StreamEvent,
  toSseResponse,
  Valve,
} from 'claude-rx';
import { createRelay, relaySse } from 'claude-rx/relay';
import { messageEvents } from 'claude-rx/testing';
import type { Observable } from 'rxjs';
import { expect, it } from 'vitest';
import { serve } from '../support/httpServers.ts';
import { seeded } from '../support/continuingModel.ts';
import type { Random } from '../support/randomReply.ts';
import { params, useServer } from '../support/server.ts';

/** So long the service is used, in seconds. */
const SECONDS = Number(process.env['SOAK_SECONDS'] ?? 300);
const READERS = 12;
const SINKS = ['pipeToResponse', 'toSseResponse', 'relay'] as const;

const context = useServer();

it(
  `gives slow and leaving readers each character once, for ${SECONDS} seconds`,
  { timeout: (SECONDS + 120) * 1_000 },
  async () => {
    context.server.handle(({ body }) => replyTo(Number(body!.messages[0]!.content)));
    const service = await startService((topic) => {
      const messages = [{ role: 'user' as const, content: String(topic) }];
      const valve = new Valve();
      const options = { valve, keepContent: false };
      return [fromMessages(context.client, { ...params, messages }, options), valve];
    });
    const until = performance.now() + SECONDS * 1_000;
    const counts = { whole: 0, left: 0, returned: 0, characters: 0 };
    const cpu = process.cpuUsage();
    let topic = 0;

    const use = async (random: Random): Promise<void> => {
      while (performance.now() < until) {
        topic++;
        const sink = SINKS[Math.floor(random() * SINKS.length)]!;
        const expected = textOf(topic);
        const reader = new Reader(`${service.url}/${sink}/${topic}`, random);
        const leavesAfter = random() < 0.4 ? random() * expected.length : Infinity;
        await reader.read(leavesAfter);
        // The log of a relay outlives its readers: they come back for the rest.
        if (sink === 'relay') {
          while (!reader.isWhole) {
            counts.returned++;
            await sleep(random() * 50);
            await reader.read(random() < 0.5 ? reader.text.length + 200 : Infinity);
          }
        }
        const { text, isWhole } = reader;
        if (text !== expected.slice(0, isWhole ? undefined : text.length)) {
          throw new Error(`${sink}, reply ${topic}: ${difference(text, expected)}`);
        }
        if (!isWhole && leavesAfter === Infinity)
          throw new Error(`${sink}: reply ${topic} was cut`);
        counts[isWhole ? 'whole' : 'left']++;
        counts.characters += text.length;
      }
    };
    await Promise.all(Array.from({ length: READERS }, (_, index) => use(seeded(index))));

    const { user, system } = process.cpuUsage(cpu);
    console.log(
      `${JSON.stringify(counts)}; ${((user + system) / SECONDS / 10_000).toFixed(0)} % of a core`,
    );
    expect(counts.whole).toBeGreaterThan(SECONDS / 2);
    expect(counts.left).toBeGreaterThan(SECONDS / 10);
    expect(counts.returned).toBeGreaterThan(SECONDS / 10);
    await service.close();
    for (const { depth } of service.valves) expect(depth).toBe(0);
  },
);

/** The text of a reply, in which no place looks like another one. */
function textOf(topic: number): string {
  const random = seeded(topic);
  const isLarge = topic % 40 === 0;
  const count = isLarge ? 60_000 : 20 + random() * 300;
  let text = '';
  for (let index = 0; index < count; index++) {
    text += `${topic}:${index}${['', ' é', ' 👋🏽', ' "\n'][index % 4]} `;
  }
  return text;
}

function replyTo(topic: number) {
  const isLarge = topic % 40 === 0;
  const chunk = isLarge ? 900 : 8;
  return {
    events: messageEvents.text(textOf(topic), { chunk }),
    // Some come at once, as from a cache; of those of a model several events at times come together.
    ...(isLarge || topic % 10 === 1 ? { chunk: 16_384 } : { pace: 20 + (topic % 3) * 10 }),
  };
}

type Ask = (topic: number) => [Observable<StreamEvent>, Valve];

/** A service with a path for each sink: `/<sink>/<topic>`. */
async function startService(ask: Ask) {
  const relay = createRelay();
  const sse = relaySse(relay, { authorize: () => true });
  const valves: Valve[] = [];
  const published = new Map<string, Promise<unknown>>();
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const [, sink, topic] = request.url!.split('/');
    const begin = () => {
      const [events$, valve] = ask(Number(topic));
      valves.push(valve);
      return { events$, valve };
    };
    if (sink === 'relay') {
      const id = `reply-${topic}`;
      if (!published.has(id)) published.set(id, relay.publish(id, begin().events$));
      await published.get(id);
      return sse.pipeToResponse(request, response, id);
    }
    const { events$, valve } = begin();
    if (sink === 'toSseResponse') return serve(toSseResponse(events$, { valve }), response);
    return pipeToResponse(events$, response, { valve });
  };
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    answer(request, response).catch((error) => response.destroy(error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    valves,
    async close() {
      await relay.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Reads frames with code of its own: it is to judge that of the package. */
class Reader {
  text = '';
  isWhole = false;
  readonly #url: string;
  readonly #random: Random;
  #lastId: string | undefined;

  constructor(url: string, random: Random) {
    this.#url = url;
    this.#random = random;
  }

  /** Reads on, and leaves when there are so many characters. */
  async read(leavesAfter: number): Promise<void> {
    const headers = this.#lastId === undefined ? {} : { 'last-event-id': this.#lastId };
    const request = get(this.#url, { headers });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
    const isSlow = this.#random() < 0.3;
    response.setEncoding('utf8');
    let unread = '';
    for await (const part of response) {
      const frames = `${unread}${part}`.split('\n\n');
      unread = frames.pop()!;
      for (const frame of frames) this.#take(frame);
      // An early end of the loop destroys the socket.
      if (this.text.length >= leavesAfter) break;
      if (isSlow) await sleep(this.#random() * 60);
    }
  }

  #take(frame: string): void {
    const fields = new Map(
      frame.split('\n').map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon), line.slice(colon + 2)];
      }),
    );
    this.#lastId = fields.get('id') ?? this.#lastId;
    const data = fields.get('data');
    if (data === undefined) return;
    const event = JSON.parse(data) as EncodableEvent & { delta?: { text?: string } };
    if (event.type === 'error') throw new Error(data);
    if (event.type === 'message_stop') this.isWhole = true;
    if (event.type === 'content_block_delta') this.text += event.delta?.text ?? '';
  }
}

/** Where two texts differ first. */
function difference(text: string, expected: string): string {
  let at = 0;
  while (at < text.length && text[at] === expected[at]) at++;
  const around = (of: string) => JSON.stringify(of.slice(Math.max(0, at - 20), at + 20));
  return `at ${at} of ${expected.length} there is ${around(text)}, and not ${around(expected)}`;
}
