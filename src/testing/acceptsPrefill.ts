/** Whether a model takes a prefill: those up to 4.5 (docs: errors#prefill-not-supported). */
export function acceptsPrefill(model: string): boolean {
  const [, before, , major, minor] =
    /claude-(?:(\d)-.*|(opus|sonnet|haiku)-(\d)(?:-(\d))?(?:[-@]\d{8}.*)?)$/.exec(model) ?? [];
  if (before) return Number(before) <= 3;
  return major !== undefined && Number(`${major}.${minor ?? 0}`) <= 4.5;
}
