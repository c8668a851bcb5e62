/** What a contender is run for: it returns what it has counted, so that nobody wins by not working. */
export type Run = () => Promise<number>;

export interface Contender {
  run: Run;
  /** What `run` must return. */
  expected: number;
  /** At most so many rounds, for one that would keep the others waiting. Default: all. */
  most?: number;
  /** What is done before, and is nobody's work. */
  prepare?: (() => void | Promise<void>) | undefined;
}

export interface Measured {
  name: string;
  /** Milliseconds a run took, one for each round. */
  wall: number[];
  /** CPU time of the process, with that of garbage collection in other threads. */
  cpu: number[];
}

/**
 * Runs all contenders in turn, so that what disturbs the machine disturbs all of them; each round
 * begins with another one.
 */
export async function interleave(
  contenders: Record<string, Contender>,
  rounds: number,
  warmUp: number,
): Promise<Measured[]> {
  const names = Object.keys(contenders);
  const measured = names.map((name) => ({ name, wall: [], cpu: [] }) as Measured);
  for (let round = -warmUp; round < rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const index = (turn + round + warmUp) % names.length;
      const { run, expected, prepare, most = rounds } = contenders[names[index]!]!;
      if (measured[index]!.wall.length >= most) continue;
      await prepare?.();
      const cpu = process.cpuUsage();
      const began = performance.now();
      const found = await run();
      const wall = performance.now() - began;
      const { user, system } = process.cpuUsage(cpu);
      if (found !== expected) {
        throw new Error(`${names[index]} counted ${found}, and not ${expected}`);
      }
      if (round < 0) continue;
      measured[index]!.wall.push(wall);
      measured[index]!.cpu.push((user + system) / 1000);
    }
  }
  return measured;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}
