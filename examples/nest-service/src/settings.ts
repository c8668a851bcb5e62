import { z } from 'zod';

const flag = z.stringbool().default(false);
const milliseconds = z.coerce.number().positive();

/** What the environment says. The key stays in this process: no answer and no log has it. */
const Environment = z.object({
  PORT: z.coerce.number().int().min(0).default(3000),
  ANTHROPIC_API_KEY: z.string().min(1).optional(),
  MODEL: z.string().default('claude-opus-5-5'),
  MAX_TOKENS: z.coerce.number().int().positive().default(16_000),
  /** How long nothing at all may come from the API. */
  LIVENESS_MS: milliseconds.default(30_000),
  /** How long no content may come: pings do not count. */
  PROGRESS_MS: milliseconds.default(120_000),
  /** Lets a request ask for a fault, to show recovery. Not for production. */
  FAULTS: flag,
  /** The built pages to serve, if any. */
  PAGES: z.string().optional(),
});

export type Settings = z.infer<typeof Environment>;

export const SETTINGS = Symbol('settings');

/** Without a key the replies are played, and with them come the faults. */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const isPlayed = !environment['ANTHROPIC_API_KEY'];
  const played = isPlayed ? { FAULTS: 'true', LIVENESS_MS: '2500' } : {};
  return Environment.parse({ ...played, ...environment });
}
