import { fields } from '../message/record.ts';
import type { EncodableEvent } from '../sse/encodeEvent.ts';
import { requireNumbers } from '../flow/require.ts';
import { checkFields } from './checks.ts';
import { httpError } from './httpError.ts';
import { countOf } from './immediateReply.ts';
import { recordedEvents } from './playReply.ts';
import { checkedReply, type CheckedReply } from './Reply.ts';

/** One limit: an amount per minute, or an object that also has the amount left at the start. */
export type ServerLimit =
  | number
  | {
      perMinute: number;
      /** The amount left at the start. Default: `perMinute`. */
      remaining?: number;
    };

/** The limits of a `MessagesServer`. There is no limit for a field that is left out. */
export interface ServerLimits {
  requests?: ServerLimit;
  /** Input and output tokens together. */
  tokens?: ServerLimit;
  inputTokens?: ServerLimit;
  outputTokens?: ServerLimit;
}

const HEADER_NAMES = {
  requests: 'requests',
  tokens: 'tokens',
  inputTokens: 'input-tokens',
  outputTokens: 'output-tokens',
} as const;
type Kind = keyof typeof HEADER_NAMES;

interface Bucket {
  kind: Kind;
  perMinute: number;
  level: number;
  filledAt: number;
}

/**
 * The token buckets of a server, as in the API (docs: /docs/en/api/rate-limits): each holds the amount
 * of one minute and is refilled continuously. The code is independent of `RequestGate`, because
 * `RequestGate` is tested with it.
 *
 * - A request is accepted only if one request, the tokens of its input, and some output are left.
 * - Input is charged when the request is accepted, and output while the reply is sent: by the `usage` of
 *   its events, or else by characters. Input that is read from the cache is not charged.
 * - A refused request is not charged.
 */
export class RateLimiter {
  readonly #buckets: Bucket[];

  constructor(limits: ServerLimits) {
    checkFields('MessagesServer: limits', limits, Object.keys(HEADER_NAMES));
    this.#buckets = Object.entries(limits).flatMap(([kind, limit]) => {
      if (limit === undefined) return [];
      const { perMinute, remaining = perMinute } =
        typeof limit === 'object' ? (limit as Exclude<ServerLimit, number>) : { perMinute: limit };
      const name = `MessagesServer: limits.${kind}`;
      if (perMinute === undefined) throw new TypeError(`${name}: perMinute is missing`);
      requireNumbers(name, { perMinute }, { min: 1, max: Number.MAX_VALUE });
      requireNumbers(name, { remaining }, { min: 0, max: perMinute });
      const filledAt = performance.now();
      return [{ kind: kind as Kind, perMinute, level: remaining, filledAt }];
    });
  }

  /** Charges a request; returns the refusal, or `undefined` if the request is accepted. */
  refusal(body: unknown): CheckedReply | undefined {
    this.#refill();
    const input = countOf(fields(body));
    const needs: Record<Kind, number> = {
      requests: 1,
      tokens: input,
      inputTokens: input,
      outputTokens: 1,
    };
    const waits = this.#buckets.map(({ kind, perMinute, level }) => {
      // An amount above the capacity is accepted when the bucket is full.
      const missing = Math.min(needs[kind], perMinute) - level;
      return { kind, ms: (missing * 60_000) / perMinute };
    });
    const longest = waits.toSorted((one, other) => other.ms - one.ms)[0];
    if (longest === undefined || longest.ms <= 0) {
      this.#charge({ requests: 1, tokens: input, inputTokens: input });
      return undefined;
    }
    const refusal = httpError(429, {
      message: `This request would exceed the rate limit of ${HEADER_NAMES[longest.kind]} per minute`,
      retryAfter: Math.ceil(longest.ms / 1_000),
    });
    return checkedReply(this.#withHeaders(refusal));
  }

  /** The reply with the rate-limit headers; its usage is charged while it is sent. */
  limited(reply: CheckedReply, body: unknown): CheckedReply {
    const { events, recording, body: whole } = reply;
    const known = this.#withHeaders(reply);
    const charged = { input: countOf(fields(body)), output: 0 };
    const meter = (event: EncodableEvent) => this.#meter(event, charged);
    if (events === undefined) {
      // A body is sent unchanged, and charged at once.
      for (const event of recording === undefined ? [] : recordedEvents(recording)) meter(event);
      if (fields(whole)['type'] === 'message') meter({ type: 'message_start', message: whole });
      return known;
    }
    return {
      ...known,
      events: Symbol.iterator in events ? metered(events, meter) : meteredAsync(events, meter),
    };
  }

  #withHeaders<R extends { headers?: Record<string, string> }>(reply: R): R {
    this.#refill();
    const headers = this.#buckets.flatMap(({ kind, perMinute, level }) => {
      const name = `anthropic-ratelimit-${HEADER_NAMES[kind]}`;
      const fullIn = ((perMinute - level) * 60_000) / perMinute;
      // Whole seconds, and the nearest thousand, as in the API.
      const reset = new Date(Math.ceil((Date.now() + fullIn) / 1_000) * 1_000);
      const step = kind === 'requests' || perMinute < 50_000 ? 1 : 1_000;
      return [
        [`${name}-limit`, String(perMinute)],
        [`${name}-remaining`, String(Math.max(0, rounded(level, step)))],
        [`${name}-reset`, reset.toISOString().replace('.000Z', 'Z')],
      ];
    });
    return { ...reply, headers: { ...Object.fromEntries(headers), ...reply.headers } };
  }

  /** Charges the usage of an event that was not charged before. */
  #meter(event: EncodableEvent, charged: { input: number; output: number }): void {
    const { type, message, usage, delta } = fields(event);
    const counters = fields(type === 'message_start' ? fields(message)['usage'] : usage);
    const { input_tokens, cache_creation_input_tokens, output_tokens } = counters;
    if (typeof input_tokens === 'number') {
      const input = input_tokens + (Number(cache_creation_input_tokens) || 0);
      this.#charge({ tokens: input - charged.input, inputTokens: input - charged.input });
      charged.input = input;
    }
    const { text, thinking, partial_json } = fields(delta);
    const written = charged.output + String(text ?? thinking ?? partial_json ?? '').length / 4;
    const output = typeof output_tokens === 'number' ? output_tokens : written;
    this.#charge({ tokens: output - charged.output, outputTokens: output - charged.output });
    charged.output = output;
  }

  #charge(amounts: Partial<Record<Kind, number>>): void {
    this.#refill();
    for (const bucket of this.#buckets) bucket.level -= amounts[bucket.kind] ?? 0;
  }

  #refill(): void {
    const now = performance.now();
    for (const bucket of this.#buckets) {
      const { perMinute, level, filledAt } = bucket;
      bucket.level = Math.min(perMinute, level + ((now - filledAt) * perMinute) / 60_000);
      bucket.filledAt = now;
    }
  }
}

function rounded(level: number, step: number): number {
  return step === 1 ? Math.floor(level) : Math.round(level / step) * step;
}

function* metered(
  events: Iterable<EncodableEvent>,
  meter: (event: EncodableEvent) => void,
): Generator<EncodableEvent> {
  for (const event of events) {
    meter(event);
    yield event;
  }
}

async function* meteredAsync(
  events: AsyncIterable<EncodableEvent>,
  meter: (event: EncodableEvent) => void,
): AsyncGenerator<EncodableEvent> {
  for await (const event of events) {
    meter(event);
    yield event;
  }
}
