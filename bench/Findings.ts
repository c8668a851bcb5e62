import type { Result } from './child.ts';
import type { Held, Snapshots } from './memory.ts';

/** What a run measured for a target: ratios of time and of CPU time, or what it is called otherwise. */
export interface Met {
  scenario: string;
  what: string;
  most: number;
  wall?: number | undefined;
  cpu?: number | undefined;
}

export interface Findings {
  results: Record<string, Result>;
  /** Peak RSS in bytes, of a process with one contender. */
  rss: Record<string, Record<string, number>>;
  held: Held[];
  steps: Snapshots[];
  /** How near the last runs have come to the targets. */
  runs: Met[][];
}
