import Anthropic from '@anthropic-ai/sdk';
import { abortable, clientOf, readers, repeated, requesters, toolReaders } from './contenders.ts';
import type { Contender } from './measure.ts';
import { nodeHttpFetch } from '../examples/nodeHttpFetch.ts';
import { chunksOf, makeReply, respond } from './replies.ts';

export interface Scenario {
  title: string;
  /** Events that a contender reads in a run. */
  events: number;
  /** With whom the others are compared. */
  against: string;
  contenders: Record<string, Contender>;
  rounds: number;
  warmUp: number;
}

type Make = (server: string) => Scenario | Promise<Scenario>;

/** Short replies in a round; at once, or one after another. */
const REPLIES = 1_000;

function inMemory(name: string, size: number, rounds: number): Scenario {
  const reply = makeReply(name);
  const chunks = chunksOf(reply, size);
  return {
    title: `${name}; ${sizeName(size)}`,
    events: reply.events,
    against: 'SDK raw',
    contenders: readers(() => respond(chunks), reply),
    rounds,
    warmUp: 4,
  };
}

function withTools(name: string, size: number, readsInput: boolean): Scenario {
  const reply = makeReply(name);
  const chunks = chunksOf(reply, size);
  return {
    title: `${name}; ${sizeName(size)}`,
    events: reply.events,
    against: 'SDK raw',
    contenders: toolReaders(() => respond(chunks), 'write', reply, readsInput),
    rounds: 5,
    warmUp: 1,
  };
}

/** Many short replies: through the SDK's client, or a response read without it. */
function short(through: 'client' | 'response', how: 'one after another' | 'at once'): Scenario {
  const reply = makeReply('a short reply');
  const chunks = chunksOf(reply, 16_384);
  // What undici does to make a response is nobody's work.
  const ready: Response[] = [];
  const next = () => ready.pop()!;
  const prepare = () => {
    while (ready.length < REPLIES) ready.push(respond(chunks));
  };
  const client = clientOf(async () => next());
  const all =
    through === 'client'
      ? { ...requesters(client, reply), ...abortable(client, reply) }
      : readers(next, reply);
  const rounds = how === 'at once' ? 15 : 50;
  const count = how === 'at once' ? REPLIES : REPLIES * rounds;
  return {
    title:
      `${count.toLocaleString('en')} short replies ${how}, ` +
      (through === 'client' ? "through the SDK's client" : 'without a client'),
    events: reply.events * REPLIES,
    against: 'SDK raw',
    contenders: repeated(all, REPLIES, how, prepare),
    rounds,
    warmUp: 2,
  };
}

function overHttp(server: string, path: 'burst' | 'segments', rounds: number): Scenario {
  const name = 'text, ASCII';
  const reply = makeReply(name);
  const baseURL = `${server}/${path}/${encodeURIComponent(name)}`;
  const client = new Anthropic({ apiKey: 'none', maxRetries: 0, baseURL });
  const viaNode = new Anthropic({ apiKey: 'none', maxRetries: 0, baseURL, fetch: nodeHttpFetch() });
  return {
    title: `${name}; over HTTP, ${path === 'burst' ? 'in bursts' : 'each event in a TCP segment'}`,
    events: reply.events,
    against: 'SDK raw',
    contenders: {
      ...requesters(client, reply),
      'SDK raw, fetch by node:http': requesters(viaNode, reply)['SDK raw']!,
      'claude-rx, fetch by node:http': requesters(viaNode, reply)['claude-rx']!,
    },
    rounds,
    warmUp: 3,
  };
}

async function slow(): Promise<Scenario> {
  // They are heavy: no other scenario is to carry them.
  const { peers } = await import('./peers.ts');
  const name = 'text, ASCII';
  const reply = makeReply(name);
  const chunks = chunksOf(reply, 16_384);
  const ours = readers(() => respond(chunks), reply);
  return {
    title: `${name}; 16 KB chunks, beside other libraries`,
    events: reply.events,
    against: 'claude-rx, textOnly',
    contenders: {
      'claude-rx, textOnly': ours['claude-rx, textOnly']!,
      ...peers(() => respond(chunks), reply),
    },
    rounds: 10,
    warmUp: 2,
  };
}

/** All scenarios. Each is run in a process of its own, where its contenders take turns. */
export const scenarios: Record<string, Make> = {
  ascii16: () => inMemory('text, ASCII', 16_384, 15),
  ascii4: () => inMemory('text, ASCII', 4_096, 15),
  ascii1: () => inMemory('text, ASCII', 1, 15),
  unicode16: () => inMemory('text, mixed Unicode', 16_384, 15),
  blocks16: () => withTools('thinking, text and tools', 16_384, true),
  tool16: () => withTools('one tool input of 1 MB', 16_384, false),
  shortClient: () => short('client', 'one after another'),
  shortResponse: () => short('response', 'one after another'),
  onceClient: () => short('client', 'at once'),
  onceResponse: () => short('response', 'at once'),
  burst: (server) => overHttp(server, 'burst', 10),
  segments: (server) => overHttp(server, 'segments', 5),
  slow,
};

function sizeName(size: number): string {
  return size === 1 ? 'one event a chunk' : `${size / 1024} KB chunks`;
}
