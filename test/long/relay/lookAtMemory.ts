import type { Figures } from './processes.ts';

/** Memory is looked at when every so many followers have ended, as a look takes as long as an ending. */
export const LOOK_EACH = 200;

/** Notes the most memory, and the CPU time, that this process has used so far. */
export function lookAtMemory(figures: Figures): Figures {
  const { rss, heapUsed } = process.memoryUsage();
  figures.rss = Math.max(figures.rss, rss);
  figures.heap = Math.max(figures.heap, heapUsed);
  const { user, system } = process.cpuUsage();
  figures.cpu = (user + system) / 1e6;
  return figures;
}
