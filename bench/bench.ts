// Runs every scenario in a process of its own, prints what it measured, and writes RESULTS.md.
// `npm run bench -- ascii16 burst` runs some of them anew; the others stay as they were measured.
// `npm run bench -- --runs=3` runs all of them three times: do they agree? With names, it does some of
// three runs anew.
// `npm run bench -- report` only writes down what was.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import type { Result } from './child.ts';
import type { Held, Snapshots } from './memory.ts';
import type { Findings } from './Findings.ts';
import { report, SECTIONS, sectionIn, withSection } from './report.ts';
import { met } from './targets.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const out = `${here}node_modules/.bench`;

/** Compiled once and together, as an application is that ships. */
await build({
  entryPoints: [`${here}child.ts`, `${here}server.ts`],
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  alias: {
    'claude-rx': `${here}../src/index.ts`,
    'claude-rx/testing': `${here}../src/testing/index.ts`,
  },
});

async function run<T>(...args: string[]): Promise<T> {
  const child = fork(`${out}/child.mjs`, args, { execArgv: ['--expose-gc'] });
  const [result] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`${args.join(' ')} ended with ${code}`);
    }),
  ]);
  return result as T;
}

const IN_MEMORY = ['ascii16', 'ascii4', 'ascii1', 'unicode16', 'blocks16', 'tool16'];
const SHORT = ['shortClient', 'shortResponse', 'onceClient', 'onceResponse'];
const HTTP = ['burst', 'segments'];
const PACED = ['paced-200-20', 'paced-1000-40'];
/** Where the memory of a process is that of its contender. */
const WITH_RSS = new Set([...IN_MEMORY, 'onceClient', 'onceResponse', 'slow']);

const { values, positionals: asked } = parseArgs({
  options: { runs: { type: 'string', default: '1' } },
  allowPositionals: true,
});
const runs = Number(values.runs);
const isReport = asked[0] === 'report';
const names =
  asked.length > 0
    ? asked
    : [...IN_MEMORY, ...SHORT, ...HTTP, ...PACED, 'slow', 'snapshots', 'memory'];

const server = fork(`${out}/server.mjs`);
const [url] = (await once(server, 'message')) as [string];

const file = `${out}/findings.json`;
const none: Findings = { results: {}, rss: {}, held: [], steps: [], runs: [] };
const findings = existsSync(file)
  ? { ...none, ...(JSON.parse(readFileSync(file, 'utf8')) as Findings) }
  : none;

async function measure(name: string): Promise<void> {
  if (name === 'memory') findings.held = await run<Held[]>(name);
  else if (name === 'snapshots') findings.steps = await run<Snapshots[]>(name);
  else {
    const result = (findings.results[name] = await run<Result>(name, url));
    const rss: Record<string, number> = (findings.rss[name] = {});
    for (const { name: contender } of WITH_RSS.has(name) ? result.measured : []) {
      rss[contender] = await run<number>(name, url, contender);
    }
  }
}

if (!isReport) {
  const before = asked.length > 0 ? findings.runs : [];
  findings.runs = [...before];
  for (let i = 0; i < runs; i++) {
    for (const name of names) {
      process.stderr.write(`${name}\n`);
      await measure(name);
      writeFileSync(file, JSON.stringify(findings));
    }
    // What was not run anew is as that run found it.
    const old = before[i] ?? [];
    findings.runs[i] = met(findings).map((now) =>
      names.includes(now.scenario) ? now : (old.find(({ what }) => what === now.what) ?? now),
    );
    writeFileSync(file, JSON.stringify(findings));
  }
}
server.disconnect();

const results = `${here}RESULTS.md`;
const before = readFileSync(results, 'utf8');
let text = report(findings);
for (const title of Object.values(SECTIONS)) {
  const section = sectionIn(before, title);
  if (section !== undefined) text = withSection(text, title, section);
}
console.log(text);
writeFileSync(results, text);
