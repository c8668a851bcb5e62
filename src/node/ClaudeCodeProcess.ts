import { existsSync } from 'node:fs';
import process from 'node:process';
import type { Writable } from 'node:stream';
import { MessageStreamError } from '../message/MessageStreamError.ts';
import type { ClaudeCodeProcessOptions } from './ClaudeCodeProcessOptions.ts';
import { ProcessTree } from './ProcessTree.ts';

/** How long the output of a process that has ended may stay open and silent, in milliseconds. */
const PATIENCE = 250;

/** Is called with the output and the end of a CLI process. */
export interface ClaudeCodeListener {
  /** The process could not be started. */
  onFailure(error: MessageStreamError): void;
  onOutput(chunk: Uint8Array): void;
  onStderr(text: string): void;
  /** The process and its output have ended. */
  onEnd(exitCode: number | null, signal: string | null): void;
}

/** A process of the CLI: its input, its output and its end. */
export class ClaudeCodeProcess {
  readonly #tree: ProcessTree;
  readonly #listener: ClaudeCodeListener;
  #patience: NodeJS.Timeout | undefined;
  #looked: NodeJS.Immediate | undefined;
  #hasEnded = false;
  #isLeft = false;

  /** @throws MessageStreamError when it cannot be started. Some failures are reported to `onFailure` later. */
  constructor(options: ClaudeCodeProcessOptions, listener: ClaudeCodeListener) {
    this.#listener = listener;
    try {
      this.#tree = start(options);
    } catch (error) {
      throw notStarted(error, options);
    }
    const { child } = this.#tree;
    child.on('error', (error) => listener.onFailure(notStarted(error, options)));
    if (!this.isStarted) return;
    const { stdin, stdout, stderr } = child;
    child.on('exit', () => this.#waitNoLonger());
    child.on('close', () => this.#end());
    // The exit event reports the end of the process.
    for (const stream of [stdin, stdout, stderr]) stream.on('error', () => {});
    stderr.setEncoding('utf8').on('data', (text: string) => listener.onStderr(text));
    stdout.on('data', (chunk: Uint8Array) => {
      listener.onOutput(chunk);
      this.#waitNoLonger();
    });
  }

  get isStarted(): boolean {
    return this.#tree.child.pid !== undefined;
  }

  /** Its standard input. */
  get input(): Writable {
    return this.#tree.child.stdin;
  }

  get isPaused(): boolean {
    return this.#tree.child.stdout.isPaused();
  }

  /** Stops reading the output for now, so that the process waits. */
  pause(): void {
    this.#tree.child.stdout.pause();
  }

  resume(): void {
    this.#tree.child.stdout.resume();
    this.#waitNoLonger();
  }

  /** Calls the listener no more, and ends the process with all its descendants. */
  leave(killAfter: number): void {
    this.#isLeft = true;
    clearTimeout(this.#patience);
    clearImmediate(this.#looked);
    const { child } = this.#tree;
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
    if (this.#hasEnded && child.exitCode === 0) this.#tree.forget();
    else this.#tree.end(killAfter);
  }

  /** After the exit, waits a short time only: a descendant may keep the output open for ever. */
  #waitNoLonger(): void {
    if (this.#isLeft) return;
    clearTimeout(this.#patience);
    clearImmediate(this.#looked);
    const { exitCode, signalCode } = this.#tree.child;
    if ((exitCode === null && signalCode === null) || this.isPaused) return;
    // If the event loop was blocked, the timer fires first although there is output to read.
    const end = () => this.#end();
    this.#patience = setTimeout(() => (this.#looked = setImmediate(end)), PATIENCE);
  }

  #end(): void {
    if (this.#isLeft) return;
    this.#hasEnded = true;
    const { exitCode, signalCode } = this.#tree.child;
    this.#listener.onEnd(exitCode, signalCode);
  }
}

function start(options: ClaudeCodeProcessOptions): ProcessTree {
  const { executable = 'claude', args = [], cwd, env, includePartialMessages = false } = options;
  const [command, ...first] = typeof executable === 'string' ? [executable] : executable;
  const own = [
    '-p',
    '--output-format',
    'stream-json',
    '--input-format',
    'stream-json',
    '--verbose',
  ];
  const partial = includePartialMessages ? ['--include-partial-messages'] : [];
  return new ProcessTree(command, [...first, ...own, ...partial, ...args], {
    cwd,
    env: { ...process.env, ...env },
  });
}

function notStarted(
  cause: unknown,
  { executable = 'claude', cwd }: ClaudeCodeProcessOptions,
): MessageStreamError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const command = typeof executable === 'string' ? executable : executable[0];
  const noFolder = code === 'ENOENT' && cwd !== undefined && !existsSync(cwd);
  const problem = noFolder
    ? `the folder ${String(cwd)} does not exist: set the option \`cwd\` to a folder that exists`
    : code === 'ENOENT'
      ? `there is no executable ${command}: install Claude Code, or set the option \`executable\``
      : message;
  return new MessageStreamError(`Claude Code could not be started: ${problem}`, {
    code: 'request',
    cause,
  });
}
