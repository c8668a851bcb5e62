import { RequestGate, type RequestGateOptions } from 'claude-rx';
import { type Subscription, takeWhile, VirtualTimeScheduler } from 'rxjs';
import { LimitedApi, type LimitedRequest } from './limitedApi.ts';
import { seeded } from './continuingModel.ts';

const USERS = 50;

export interface GateLoad extends RequestGateOptions {
  requests: number;
  seed: number;
  limits: { requests: number; inputTokens: number; outputTokens: number };
  /** Whether the gate is given the input of each request, within 10 %. Default: `true`. */
  isEstimated?: boolean;
  /** How long replies take, in milliseconds, and how many tokens they have. */
  replies?: { ms: readonly [number, number]; output: readonly [number, number] };
}

const SHORT = { ms: [200, 4_200], output: [20, 1_000] } as const;

/**
 * Many requests of random size at once, of 50 users, of which one in ten leaves at some time; in
 * virtual time against `LimitedApi`.
 */
export function runGateLoad({
  requests,
  seed,
  limits,
  isEstimated = true,
  replies = SHORT,
  ...options
}: GateLoad) {
  const random = seeded(seed);
  const scheduler = new VirtualTimeScheduler(undefined, Infinity);
  const {
    ms: [shortest, longest],
    output: [least, most],
  } = replies;
  const gate = new RequestGate({ maxQueue: requests, scheduler, ...options });
  const api = new LimitedApi({ ...limits, random }, scheduler);
  const served = Array.from({ length: USERS }, () => 0);
  const ended = { complete: 0, error: 0, cancelled: 0 };
  let atHalf: number[] | undefined;
  let halfway = 0;

  for (let index = 0; index < requests; index++) {
    const user = index % USERS;
    const size: LimitedRequest = {
      input: Math.round(50 * 80 ** random()),
      output: Math.round(least * (most / least) ** random()),
      ms: shortest + random() * (longest - shortest),
    };
    halfway += (size.input * 0.95) / 2;
    const tokens = { input: Math.round(size.input * (0.9 + 0.2 * random())) };
    const subscription: Subscription = gate
      .run((given) => api.request(size, given), { key: user, ...(isEstimated && { tokens }) })
      .subscribe({
        next: ({ type }) => {
          if (type === 'message_start') served[user]! += size.input;
          else if (type === 'message_delta') served[user]! += size.output;
          if (atHalf === undefined && api.used.inputTokens > halfway) {
            atHalf = [...served];
          }
        },
        error: () => ended.error++,
        complete: () => ended.complete++,
      });
    // One in ten leaves: while it waits, before the headers, or in the reply.
    if (random() < 0.1) {
      scheduler.schedule(
        () => {
          if (subscription.closed) return;
          subscription.unsubscribe();
          ended.cancelled++;
        },
        (random() * requests * 2_000) / 60,
      );
    }
  }
  // The share of what could be used, while there was something to send.
  let used = 0;
  const watch = gate.state$.pipe(takeWhile(({ waiting }) => waiting > 0)).subscribe({
    complete: () => {
      const { used: amounts, available } = api;
      const kinds = ['requests', 'inputTokens', 'outputTokens'] as const;
      used = Math.max(...kinds.map((kind) => amounts[kind] / available[kind]));
    },
  });
  scheduler.flush();
  watch.unsubscribe();
  const shares = atHalf!;
  const mean = shares.reduce((sum, share) => sum + share, 0) / USERS;
  return {
    ended,
    api,
    gate,
    minutes: scheduler.now() / 60_000,
    used,
    spread: Math.max(...shares.map((share) => Math.abs(share / mean - 1))),
    refusedLater: api.refusedAt.filter((at) => at > api.firstResponseAt).length,
  };
}
