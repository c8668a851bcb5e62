import { isResult, type Turn } from '../history/blocks.ts';

/** The mean length of a token, in bytes of UTF-8: the same in most scripts, other than in characters. */
const BYTES_PER_TOKEN = 4;
/** What an image counts at most (docs: /docs/en/build-with-claude/vision#image-costs). */
const IMAGE_TOKENS = 1_600;
/** A page of a PDF has some 50 KB and counts as an image and its text. */
const BASE64_PER_TOKEN = 32;
/** As much of the limit is let go at a time, at least: what is cached lasts until the next. */
const STEP = 0.25;

const encoder = new TextEncoder();

/** About how many tokens a part of a request has; what is encoded in base64 does not count as text. */
export function estimateTokens(value: unknown): number {
  let beside = 0;
  const text = JSON.stringify(value, (key, part) => {
    if (key === 'cache_control') return undefined;
    const { type, media_type, data } = (part ?? {}) as Record<string, unknown>;
    if (type !== 'base64' || typeof data !== 'string') return part;
    beside += String(media_type).startsWith('image/')
      ? IMAGE_TOKENS
      : Math.ceil(data.length / BASE64_PER_TOKEN);
    return { type };
  });
  return Math.ceil(encoder.encode(text ?? '').length / BYTES_PER_TOKEN) + beside;
}

const tokens = new WeakMap<Turn, number>();

/** About how many tokens a turn has, which is counted once: turns do not change. */
export function turnTokens(turn: Turn): number {
  let count = tokens.get(turn);
  if (count === undefined) tokens.set(turn, (count = estimateTokens(turn)));
  return count;
}

/**
 * How many of the first turns are to be left out, so that what remains has at most `limit` tokens.
 *
 * - It is cut only in front of a turn of the user's that answers no call, so that a call and its
 *   result, and the replies in between, stay together. The last exchange stays, whatever it has.
 * - It is cut by steps of a quarter of the limit: a cut at each request would have the prompt cache
 *   begin anew each time, and invalidate the thinking of the turns that stay.
 */
export function excessTurns(
  turns: readonly Turn[],
  limit: number,
  tokensOf: (turn: Turn) => number = turnTokens,
): number {
  const sizes = turns.map(tokensOf);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total <= limit) return 0;
  const step = limit * STEP;
  const excess = Math.ceil((total - limit) / step) * step;
  const cuts = turns.flatMap((turn, index) => (index > 0 && isBeginning(turn) ? [index] : []));
  let dropped = 0;
  let counted = 0;
  for (const cut of cuts) {
    for (; counted < cut; counted++) dropped += sizes[counted]!;
    if (dropped >= excess) return cut;
  }
  return cuts.at(-1) ?? 0;
}

function isBeginning({ role, content }: Turn): boolean {
  return role === 'user' && !content.some(isResult);
}
