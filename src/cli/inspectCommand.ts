import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { parseArgs } from 'node:util';
import { InspectorServer } from '../inspect/server/InspectorServer.ts';

/** Runs `claude-rx inspect` until it is interrupted; gives the exit code. */
export async function inspectCommand(args: readonly string[]): Promise<number> {
  const end = args.indexOf('--');
  const [own, program] = end < 0 ? [args, []] : [args.slice(0, end), args.slice(end + 1)];
  const { values, positionals } = parseArgs({
    args: [...own],
    allowPositionals: true,
    options: { port: { type: 'string' }, content: { type: 'boolean', default: false } },
  });
  const [recording, ...more] = positionals;
  if (more.length > 0) throw new Error(`Open one recording; got ${positionals.length}`);
  const port = values.port === undefined ? undefined : Number(values.port);
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65_536)) {
    throw new Error(`--port must be a number from 0 to 65535; got ${values.port}`);
  }
  if (recording !== undefined) {
    try {
      accessSync(recording, constants.R_OK);
    } catch {
      throw new Error(`Cannot read the recording ${recording}`);
    }
  }
  const server = await InspectorServer.start({ port, recording });
  print(`Inspector: ${server.url}`);
  const environment = {
    CLAUDE_RX_INSPECT: server.url,
    CLAUDE_RX_INSPECT_CONTENT: String(values.content),
  };
  if (program.length > 0) run(program, environment);
  else if (recording === undefined) {
    print('Start a program that reports to it: npx claude-rx inspect -- node program.js');
    print(`Or, from a page in development: connectInspector('${server.url}')`);
  }
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await server.close();
  return 0;
}

/** Starts the program with the module that reports preloaded. */
function run([command = '', ...args]: readonly string[], environment: object): void {
  const register = new URL('../inspect/register.js', import.meta.url).href;
  const before = process.env['NODE_OPTIONS'];
  const child = spawn(command, args, {
    stdio: 'inherit',
    env: {
      ...process.env,
      ...environment,
      NODE_OPTIONS: [before, `--import=${register}`].filter(Boolean).join(' '),
    },
  });
  const ended = (how: string) =>
    print(`${command} ${how}. The inspector stays open: Ctrl-C ends it.`);
  child.on('error', (error) => ended(`could not be started: ${error.message}`));
  child.on('exit', (code, signal) => ended(`has ended with ${String(code ?? signal)}`));
  const stop = (signal: NodeJS.Signals) => child.kill(signal);
  process.once('SIGTERM', stop);
  process.once('exit', () => child.kill());
}

/** On stderr: stdout belongs to the program. */
function print(text: string): void {
  process.stderr.write(`${text}\n`);
}
