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

/** How often to check whether processes have ended after a signal, in milliseconds. */
const LOOK_EVERY = 25;

const isWindows = process.platform === 'win32';

/** All running process trees. They are ended when this process exits. */
const trees = new Set<ProcessTree>();
const endAll = () => trees.forEach((tree) => tree.endNow());

/** The environment variable that identifies the processes of a tree. */
const VARIABLE = 'CLAUDE_RX_PROCESS';

/**
 * A child process with all its descendants, so that they can be ended together.
 *
 * The Bash tool of Claude Code runs each command in a separate session and process group, so a signal
 * to the group of the child is not enough. The descendants are found by their parents before the child
 * is killed, and on Linux also by an environment variable, even after the child has died.
 */
export class ProcessTree {
  readonly child: ChildProcessWithoutNullStreams;
  readonly #mark: string = `${VARIABLE}=${randomUUID()}`;
  readonly #root: ProcessId | undefined;
  readonly #watch: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isEnding = false;

  /** @throws what `spawn` throws. A command that does not exist is an `error` event of the child. */
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

  /** Sends SIGTERM to all processes, and SIGKILL after `killAfter` milliseconds. */
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

  /** For the exit of this process, which cannot wait. The watch process sends SIGKILL. */
  endNow(): void {
    if (!isWindows) return this.#send(this.#lookUp(), this.#isEnding ? 'SIGKILL' : 'SIGTERM');
    const { pid, exitCode, signalCode } = this.child;
    const isThere = pid !== undefined && exitCode === null && signalCode === null;
    if (isThere) spawnSync('taskkill', ['/PID', String(pid), '/T', '/F'], { windowsHide: true });
    this.forget();
  }

  /** Stops watching: the child has ended, and its background processes may keep running. */
  forget(): void {
    clearTimeout(this.#timer);
    this.#watch?.stdin?.end('\n');
    trees.delete(this);
    if (trees.size === 0) process.off('exit', endAll);
  }

  /** All running processes of the tree. */
  #lookUp(): ProcessId[] {
    if (this.#root === undefined) return [];
    return [this.#root, ...descendantsOf(this.#root, this.#mark)].filter(isAlive);
  }

  #send(processes: readonly ProcessId[], signal: NodeJS.Signals): void {
    // A process that has just been started, and was not found, is still in the group of the child.
    this.#sendToGroup(signal);
    for (const one of processes) if (isAlive(one)) sendTo(one.pid, signal);
  }

  #sendToGroup(signal: NodeJS.Signals | 0): boolean {
    const { pid } = this.child;
    return pid !== undefined && sendTo(-pid, signal);
  }
}

/**
 * A shell that ends the tree if this process dies without doing so, as after SIGKILL: then the input of
 * the shell ends without a line. It finds the processes in `/proc`; without `/proc`, only the group.
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
  // Without a shell, nothing watches the tree.
  watch.on('error', () => {});
  watch.stdin?.on('error', () => {});
  watch.unref();
  (watch.stdin as { unref?(): void } | null)?.unref?.();
  return watch;
}
