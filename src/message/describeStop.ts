/** Why JSON that is not whole does not go on. */
export function describeStop(stopReason: string | null | undefined): string {
  if (stopReason === 'refusal') return 'the model declined';
  return stopReason ? `the reply stopped at ${stopReason}` : 'the reply has no stop reason';
}
