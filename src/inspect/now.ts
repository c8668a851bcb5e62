/** The milliseconds since the epoch, with fractions; never goes back. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
