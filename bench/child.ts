// Runs one scenario, and sends what it measured to the process that started this one.
import { interleave, type Measured } from './measure.ts';
import { memory, snapshots } from './memory.ts';
import { scenarios } from './scenarios.ts';

export interface Result {
  title: string;
  events: number;
  against: string;
  measured: Measured[];
}

const [name = '', server = '', only] = process.argv.slice(2);

async function run(): Promise<unknown> {
  if (name === 'memory') return memory();
  if (name === 'snapshots') return snapshots();
  if (name.startsWith('paced')) {
    const { paced } = await import('./paced.ts');
    const [, connections, everyMs] = name.split('-').map(Number);
    const { title, events, contenders } = paced(server, connections!, everyMs!);
    const measured = await interleave(contenders, Number(process.env['PACED_ROUNDS'] ?? 3), 0);
    return { title, events, against: 'SDK raw', measured } satisfies Result;
  }
  const { title, events, against, contenders, rounds, warmUp } = await scenarios[name]!(server);
  if (only !== undefined) {
    // In a process of its own, for the memory that it needs.
    await interleave({ [only]: contenders[only]! }, rounds > 5 ? 3 : 1, 0);
    return process.resourceUsage().maxRSS * 1024;
  }
  return { title, events, against, measured: await interleave(contenders, rounds, warmUp) };
}

process.send!(await run(), () => process.exit());
