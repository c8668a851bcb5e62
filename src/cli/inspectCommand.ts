import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { InspectorServer } from '../inspect/server/InspectorServer.ts';

/** Runs `claude-rx inspect` until it is interrupted; gives the exit code. */
export async function inspectCommand(args: readonly string[]): Promise<number> {
  const { port, recording, content, program } = parse(args);
  const server = await InspectorServer.start({ port, recording }).catch((error: unknown) => {
    const { code } = Object(error) as { code?: string };
    if (code === 'EADDRINUSE')
      throw new Error(`Port ${port} is taken: pass another --port`, { cause: error });
    throw error;
  });
  print(`Inspector: ${server.url}`);
  const environment = {
    CLAUDE_RX_INSPECT: server.url,
    CLAUDE_RX_INSPECT_CONTENT: String(content),
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

interface InspectArguments {
  port: number | undefined;
  recording: string | undefined;
  content: boolean;
  /** The command that is run, with its arguments. */
  program: readonly string[];
}

/** @throws Error that says in a sentence what is wrong with the arguments. */
function parse(args: readonly string[]): InspectArguments {
  const end = args.indexOf('--');
  const [own, program] = end < 0 ? [args, []] : [args.slice(0, end), args.slice(end + 1)];
  if (end >= 0 && program.length === 0) {
    throw new Error('A command must follow --, such as: claude-rx inspect -- node service.js');
  }
  const { values, positionals } = parseOptions(own);
  const [recording, ...more] = positionals;
  if (more.length > 0) throw new Error(`One recording can be opened, got ${positionals.length}`);
  if (recording !== undefined && program.length > 0) {
    throw new Error('Open a recording or run a command, not both at once');
  }
  const port = values.port === undefined ? undefined : Number(values.port);
  if (port !== undefined && !(/^\d+$/.test(values.port!) && port < 65_536)) {
    throw new Error(`--port must be a number from 0 to 65535, got ${JSON.stringify(values.port)}`);
  }
  if (recording !== undefined) requireReadable(recording);
  return { port, recording, content: values.content, program };
}

function parseOptions(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { port: { type: 'string' }, content: { type: 'boolean', default: false } },
    });
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    // Node says more, and that does not fit here.
    const what = code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' ? message.split('. ')[0] : message;
    throw new Error(`${what}; claude-rx inspect --help lists the options`, { cause: error });
  }
}

function requireReadable(recording: string): void {
  let isFile = false;
  try {
    accessSync(recording, constants.R_OK);
    isFile = statSync(recording).isFile();
  } catch {
    // Said below.
  }
  if (!isFile) throw new Error(`Cannot read the recording ${recording}: it must be a file`);
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
  let isInterrupted = false;
  process.once('SIGINT', () => (isInterrupted = true));
  const ended = (how: string) => {
    // Ctrl-C ends both.
    if (!isInterrupted) print(`${command} ${how}. The inspector stays open: Ctrl-C ends it.`);
  };
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
