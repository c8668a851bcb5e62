/** What the API limits, a minute. */
export type RateLimitKind = 'requests' | 'tokens' | 'inputTokens' | 'outputTokens';

/** What the headers of a response report about one limit. */
export interface RateLimitReport {
  limit: number;
  remaining: number;
  /** Milliseconds until all of the limit is there again. */
  resetIn: number | undefined;
}

const NAMES: Readonly<Record<RateLimitKind, string>> = {
  requests: 'requests',
  tokens: 'tokens',
  inputTokens: 'input-tokens',
  outputTokens: 'output-tokens',
};

export const KINDS = Object.keys(NAMES) as readonly RateLimitKind[];

/** Those of fast mode come first: a response has them where its request was counted there. */
const FAMILIES = ['anthropic-fast-', 'anthropic-ratelimit-'];

/** A difference between two clocks that a server's `date`, in whole seconds, cannot show. */
const UNSEEN_SKEW = 2_000;

/**
 * The limits that a response reports (docs: /docs/en/api/rate-limits#response-headers). The SDK
 * parses none of them; Bedrock and Vertex send none.
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
 * Tokens are reported to the nearest thousand: up to 500 may be missing, also of a full limit. The
 * least limits are taken for exact, as 500 would be much of them.
 */
function roundedUpBy(kind: RateLimitKind, limit: number, remaining: number): number {
  const isRounded = kind !== 'requests' && remaining > 0 && remaining % 1_000 === 0;
  if (!isRounded) return 0;
  return limit < 10_000 ? limit / 100 : 500;
}
