import {
  type ChildProcess,
  type ChildProcessWithoutNullStreams,
  spawn,
  type SpawnOptions,
  spawnSync,
} from 'node:child_process';
import { randomUUID } from 'node:crypto';
import process from 'node:process';
import { descendantsOf, isAlive, type ProcessId, processId, sendTo } from './processTable.ts';

/** How often it is checked whether processes that were told to end are gone, in milliseconds. */
const LOOK_EVERY = 25;

const isWindows = process.platform === 'win32';

/** The trees that are alive: when this process ends, so do they. */
const trees = new Set<ProcessTree>();
const endAll = () => trees.forEach((tree) => tree.endNow());

/** The environment variable by which the processes of a tree are found. */
const VARIABLE = 'CLAUDE_RX_PROCESS';

/**
 * A child process with all that it starts, so that nothing outlives it.
 *
 * The Bash tool of Claude Code runs each command in a session and process group of its own, so the
 * group of the child is not enough: the processes are found by their parents, before the child is
 * killed, and on Linux by a variable in their environment, also after that.
 */
export class ProcessTree {
  readonly child: ChildProcessWithoutNullStreams;
  readonly #mark: string = `${VARIABLE}=${randomUUID()}`;
  readonly #root: ProcessId | undefined;
  readonly #watch: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isEnding = false;

  /** @throws what `spawn` throws; that a command is not there comes as the child's event `error`. */
  constructor(command: string, args: readonly string[], options: SpawnOptions) {
    this.child = spawn(command, args, {
      ...options,
      env: { ...options.env, [VARIABLE]: this.#mark.slice(VARIABLE.length + 1) },
      stdio: 'pipe',
      detached: !isWindows,
      windowsHide: true,
    }) as ChildProcessWithoutNullStreams;
    const { pid } = this.child;
    if (pid === undefined) return;
    this.#root = processId(pid);
    this.#watch = watchOver(pid, this.#mark);
    if (trees.size === 0) process.on('exit', endAll);
    trees.add(this);
  }

  /** Asks all of it to end, and after `killAfter` milliseconds makes it. */
  end(killAfter: number): void {
    this.#isEnding = true;
    if (isWindows) return this.endNow();
    const all = this.#lookUp();
    this.#send(all, 'SIGTERM');
    const deadline = Date.now() + killAfter;
    const look = () => {
      if (!all.some(isAlive) && !this.#sendToGroup(0)) return this.forget();
      const left = deadline - Date.now();
      if (left > 0) return void (this.#timer = setTimeout(look, Math.min(left, LOOK_EVERY)));
      this.#send([...all, ...this.#lookUp()], 'SIGKILL');
      this.forget();
    };
    look();
  }

  /** For the end of this process, which waits for nothing; the watch does the rest. */
  endNow(): void {
    if (!isWindows) return this.#send(this.#lookUp(), this.#isEnding ? 'SIGKILL' : 'SIGTERM');
    const { pid, exitCode, signalCode } = this.child;
    const isThere = pid !== undefined && exitCode === null && signalCode === null;
    if (isThere) spawnSync('taskkill', ['/PID', String(pid), '/T', '/F'], { windowsHide: true });
    this.forget();
  }

  /** Leaves it to itself: it has ended, and what it may have started in the background may stay. */
  forget(): void {
    clearTimeout(this.#timer);
    this.#watch?.stdin?.end('\n');
    trees.delete(this);
    if (trees.size === 0) process.off('exit', endAll);
  }

  /** The processes that are there now. */
  #lookUp(): ProcessId[] {
    if (this.#root === undefined) return [];
    return [this.#root, ...descendantsOf(this.#root, this.#mark)].filter(isAlive);
  }

  #send(processes: readonly ProcessId[], signal: NodeJS.Signals): void {
    // What has just been started and was not seen is in the group of the child.
    this.#sendToGroup(signal);
    for (const one of processes) if (isAlive(one)) sendTo(one.pid, signal);
  }

  #sendToGroup(signal: NodeJS.Signals | 0): boolean {
    const { pid } = this.child;
    return pid !== undefined && sendTo(-pid, signal);
  }
}

/**
 * A shell that ends the tree when this process dies without a chance to do it, as by SIGKILL: then its
 * input ends without a line. It finds the processes in `/proc`; where that is missing, the group only.
 */
const WATCH = `
read -r line && exit
found() {
  for file in /proc/[0-9]*/environ; do
    grep -qsF -- "$2" "$file" || continue
    pid=\${file#/proc/}; pid=\${pid%/environ}
    [ "$pid" = $$ ] || kill -"$1" "$pid" 2>/dev/null
  done
  kill -"$1" -- "-$3" 2>/dev/null
}
found TERM "$1" "$2"
sleep 5
found KILL "$1" "$2"
`;

function watchOver(pid: number, mark: string): ChildProcess | undefined {
  if (isWindows) return undefined;
  const watch = spawn('/bin/sh', ['-c', WATCH, 'claude-rx', mark, String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env['PATH'] },
  });
  // Where there is no shell, there is no watch.
  watch.on('error', () => {});
  watch.stdin?.on('error', () => {});
  watch.unref();
  (watch.stdin as { unref?(): void } | null)?.unref?.();
  return watch;
}
