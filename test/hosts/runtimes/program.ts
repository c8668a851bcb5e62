import { runChecks } from './checks.ts';

/** The runtimes with a command line: Node, Deno and Bun. */
declare const process: { argv: string[]; exit(code: number): never };

const [api = '', nobody = ''] = process.argv.slice(2);
console.log(JSON.stringify(await runChecks(api, nobody)));
process.exit(0);
