import Anthropic from '@anthropic-ai/sdk';
import { floor, params, requesters } from './contenders.ts';
import type { Contender } from './measure.ts';
import { nodeHttpFetch } from '../examples/nodeHttpFetch.ts';
import { aiSdkOver } from './peers.ts';
import { makeReply } from './replies.ts';

export interface Paced {
  title: string;
  connections: number;
  events: number;
  contenders: Record<string, Contender>;
}

/** Many replies at once, each event in a write of its own, at the pace of a model. */
export function paced(server: string, connections: number, everyMs: number): Paced {
  const name = `a paced reply of ${connections >= 1_000 ? 75 : 150}`;
  const reply = makeReply(name);
  const baseURL = `${server}/paced-${everyMs}/${encodeURIComponent(name)}`;
  const client = new Anthropic({ apiKey: 'none', maxRetries: 0, baseURL });
  const viaNode = new Anthropic({ apiKey: 'none', maxRetries: 0, baseURL, fetch: nodeHttpFetch() });
  const body = JSON.stringify({ ...params, stream: true });
  const byFetch = requesters(client, reply);
  const byNode = requesters(viaNode, reply);
  const one: Record<string, Contender> = {
    'fetch + floor': {
      run: async () => floor(await fetch(`${baseURL}/v1/messages`, { method: 'POST', body })),
      expected: reply.length,
    },
    'SDK raw': byFetch['SDK raw']!,
    'SDK MessageStream': byFetch['SDK MessageStream']!,
    // It takes more than a core for these.
    'AI SDK textStream': { ...aiSdkOver(baseURL, reply.length), most: 1 },
    'claude-rx': byFetch['claude-rx']!,
    'SDK raw, fetch by node:http': byNode['SDK raw']!,
    'claude-rx, fetch by node:http': byNode['claude-rx']!,
  };
  return {
    title: `${connections.toLocaleString('en')} connections, an event each ${everyMs} ms`,
    connections,
    events: reply.events * connections,
    contenders: Object.fromEntries(
      Object.entries(one).map(([contender, { run, expected, ...rest }]) => [
        contender,
        {
          ...rest,
          run: async () => {
            const found = await Promise.all(Array.from({ length: connections }, run));
            return found.reduce((sum, count) => sum + count, 0);
          },
          expected: expected * connections,
        },
      ]),
    ),
  };
}
