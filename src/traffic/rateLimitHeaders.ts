/** The kinds of the API's limits per minute. */
export type RateLimitKind = 'requests' | 'tokens' | 'inputTokens' | 'outputTokens';

/** One limit, from the headers of a response. */
export interface RateLimitReport {
  limit: number;
  remaining: number;
  /** Milliseconds until the whole limit is available again. */
  resetIn: number | undefined;
}

const NAMES: Readonly<Record<RateLimitKind, string>> = {
  requests: 'requests',
  tokens: 'tokens',
  inputTokens: 'input-tokens',
  outputTokens: 'output-tokens',
};

export const KINDS = Object.keys(NAMES) as readonly RateLimitKind[];

/** Headers of fast mode come first: a response has them if its request counts for fast mode. */
const FAMILIES = ['anthropic-fast-', 'anthropic-ratelimit-'];

/** Milliseconds of clock difference that the header `date`, in whole seconds, cannot show. */
const UNSEEN_SKEW = 2_000;

/**
 * A limit from the headers of a response (docs: /docs/en/api/rate-limits#response-headers). The SDK
 * does not parse these headers; Bedrock and Vertex do not send them.
 */
export function rateLimitReport(
  headers: Pick<Headers, 'get'>,
  kind: RateLimitKind,
  now: number,
): RateLimitReport | undefined {
  for (const family of FAMILIES) {
    const header = (field: string) => headers.get(`${family}${NAMES[kind]}-${field}`) ?? '';
    const limit = Number.parseFloat(header('limit'));
    const remaining = Number.parseFloat(header('remaining'));
    if (!(limit > 0 && remaining >= 0)) continue;
    const reset = Date.parse(header('reset'));
    const skew = Date.parse(headers.get('date') ?? '') - now;
    const there = Math.abs(skew) > UNSEEN_SKEW ? now + skew : now;
    return {
      limit,
      remaining: remaining - roundedUpBy(kind, limit, remaining),
      resetIn: Number.isNaN(reset) ? undefined : Math.max(0, reset - there),
    };
  }
  return undefined;
}

/**
 * Tokens are reported to the nearest thousand, so up to 500 may be missing, even of a full limit. For
 * limits below 10,000 only 1 % is subtracted, because 500 would be a large part of them.
 */
function roundedUpBy(kind: RateLimitKind, limit: number, remaining: number): number {
  const isRounded = kind !== 'requests' && remaining > 0 && remaining % 1_000 === 0;
  if (!isRounded) return 0;
  return limit < 10_000 ? limit / 100 : 500;
}
