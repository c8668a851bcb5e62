/** The share of the rounds that a run does: all of them in the long run, a twentieth in `npm test`. */
const share = Number(process.env['ROUNDS'] ?? 0.05);

/** How many of `count` rounds to do. */
export function rounds(count: number): number {
  return Math.ceil(count * share);
}

/**
 * The places from 0 to `count - 1` to try: all of them in the long run, otherwise some, evenly
 * spread, the first and the last among them.
 */
export function places(count: number): number[] {
  const tried = Math.min(count, Math.max(2, rounds(count)));
  return Array.from({ length: tried }, (_, n) =>
    tried < 2 ? 0 : Math.round((n * (count - 1)) / (tried - 1)),
  );
}
