/** The milliseconds of the epoch, with fractions, and never set back. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
