import Anthropic from '@anthropic-ai/sdk';
import type { StreamEvent } from 'claude-rx';
import { messageEvents, MessagesServer } from 'claude-rx/testing';
import { finalize, lastValueFrom, type Observable, takeUntil, tap, timer } from 'rxjs';
import { seeded } from './continuingModel.ts';

export { VERSION as SDK_VERSION } from '@anthropic-ai/sdk/version';

/** The mean tokens of a request: they are from 20 to 400, evenly on a logarithmic scale. */
export const MEAN_INPUT = 380 / Math.log(20);

export interface HttpLoadOptions {
  requests: number;
  seed: number;
  inputTokensPerMinute: number;
  /** Default: 50. */
  users?: number;
  /** The tokens that are there at the start. Default: 20,000. */
  remaining?: number;
}

export interface HttpRequest {
  index: number;
  user: number;
  params: Anthropic.MessageCreateParamsNonStreaming;
  /** The tokens of its input, about: as a caller would estimate them. */
  input: number;
}

export type Sender = (client: Anthropic) => (request: HttpRequest) => Observable<StreamEvent>;

/**
 * Many requests of random size at once, of some users one after the other, of which one in ten leaves
 * at some time; over HTTP, against the token buckets of `MessagesServer`.
 */
export async function runHttpLoad(
  {
    requests,
    seed,
    inputTokensPerMinute: perMinute,
    users = 50,
    remaining = 20_000,
  }: HttpLoadOptions,
  senderOf: Sender,
) {
  const random = seeded(seed);
  await using server = await MessagesServer.start({
    limits: { inputTokens: { perMinute, remaining } },
  });
  server.handle(({ body }) => {
    const input = Math.ceil(String(body.messages[0]?.content).length / 4);
    return messageEvents.text('Done.').with({ usage: { input_tokens: input } });
  });
  let firstResponseAt = Infinity;
  const refused = { all: 0, later: 0 };
  const client = new Anthropic({
    apiKey: 'none',
    baseURL: server.url,
    logLevel: 'off',
    fetch: async (url, init) => {
      const sentAt = performance.now();
      const response = await fetch(url, init);
      firstResponseAt = Math.min(firstResponseAt, performance.now());
      if (response.status === 429) {
        refused.all++;
        if (sentAt > firstResponseAt) refused.later++;
      }
      return response;
    },
  });

  const loads = Array.from({ length: requests }, (_, index): HttpRequest => {
    const words = 'word'.repeat(Math.round(20 * 20 ** random()));
    return {
      index,
      // One of each first, so that nobody has the gate for himself; then one user after the other.
      user: index < users ? index : Math.floor(((index - users) * users) / (requests - users)),
      params: {
        model: 'claude-opus-5-5',
        max_tokens: 100,
        messages: [{ role: 'user', content: words }],
      },
      input: words.length / 4 + 20,
    };
  });
  const total = loads.reduce((sum, { input }) => sum + input - 20, 0);
  const expectedMs = (60_000 * Math.max(0, total - remaining)) / perMinute;
  const served = Array.from({ length: users }, () => 0);
  let used = 0;
  let shares: number[] | undefined;
  const ended = { complete: 0, error: 0, cancelled: 0 };
  const send = senderOf(client);
  const began = performance.now();
  const cpuBefore = process.cpuUsage();
  const all = loads.map((load) => {
    let end: 'complete' | 'error' | 'cancelled' = 'cancelled';
    const reply = send(load).pipe(
      tap({
        next: (event) => {
          if (event.type !== 'message_start') return;
          const { input_tokens } = event.message.usage;
          used += input_tokens;
          served[load.user]! += input_tokens;
          if (used > total * 0.6) shares ??= [...served];
        },
        error: () => (end = 'error'),
        complete: () => (end = 'complete'),
      }),
      finalize(() => ended[end]++),
    );
    return random() < 0.1 ? reply.pipe(takeUntil(timer(random() * expectedMs))) : reply;
  });
  await Promise.all(all.map((reply) => lastValueFrom(reply, { defaultValue: 0 }).catch(() => {})));
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const mean = shares!.reduce((sum, share) => sum + share, 0) / users;
  return {
    seconds,
    /** Seconds, of the client and the server. */
    cpu: (user + system) / 1e6,
    /** Of all that could be used from the start to the end. */
    used: used / (remaining + (perMinute * seconds) / 60),
    refused,
    ended,
    spread: Math.max(...shares!.map((share) => Math.abs(share / mean - 1))),
  };
}
