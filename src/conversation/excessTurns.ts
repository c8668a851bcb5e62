import { isResult, type Turn } from '../history/blocks.ts';

/** The mean length of a token in bytes of UTF-8, which is similar in most scripts; in characters it differs. */
const BYTES_PER_TOKEN = 4;
/** The maximum tokens of an image (docs: /docs/en/build-with-claude/vision#image-costs). */
const IMAGE_TOKENS = 1_600;
/** A page of a PDF has about 50 KB and counts as an image and its text. */
const BASE64_PER_TOKEN = 32;
/** A cut removes at least this part of the limit, so that the prompt cache stays valid until the next cut. */
const STEP = 0.25;

const encoder = new TextEncoder();

/** Estimates the tokens of a part of a request; base64 data does not count as text. */
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

/** Estimates the tokens of a turn, once per turn, since turns do not change. */
export function turnTokens(turn: Turn): number {
  let count = tokens.get(turn);
  if (count === undefined) tokens.set(turn, (count = estimateTokens(turn)));
  return count;
}

/**
 * How many of the first turns to leave out, so that the others have at most `limit` tokens.
 *
 * - A cut is only before a user turn that answers no call, so that a call, its result and the replies in
 *   between stay together. The last exchange always stays, whatever its size.
 * - The history is cut in steps of a quarter of the limit: a cut at each request would invalidate the prompt
 *   cache each time, and the thinking of the turns that stay.
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
