/** Whether there is a key for the real API: the SDK reads either of these variables. */
export const hasKey = Boolean(
  process.env['ANTHROPIC_API_KEY'] || process.env['ANTHROPIC_AUTH_TOKEN'],
);
