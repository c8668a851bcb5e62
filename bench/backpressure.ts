// A reply that comes faster than it can be worked on, over HTTP: `valve.concatMap` beside
// `concatMap` alone and the SDK's own helper. Every consumer is a process of its own; the server is
// in this one. Memory is what grew while the reply came: RSS with the garbage of 100 ms, `held`
// without. Exits with 1 if a target is missed.
import { VERSION } from '@anthropic-ai/sdk/version';
import { cpus } from 'node:os';
import { type Mode, modes, type Run, slowReply, table } from '../test/long/slowReply.ts';

/** In bytes: the RSS of the first mode. */
const TARGET = 16 * 2 ** 20;

const runs: [Mode, Run][] = [];
for (const mode of modes) runs.push([mode, await slowReply(mode)]);
console.log(
  `Node ${process.version}, SDK ${VERSION}, ${cpus().length} x ${cpus()[0]?.model}\n${table(runs)}`,
);
const [, valve] = runs[0]!;
if (valve.rss >= TARGET || !valve.isInOrder) {
  console.log('MISSED: at most 16 MB more, all of it in order');
  process.exitCode = 1;
}
