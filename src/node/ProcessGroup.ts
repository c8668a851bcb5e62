import { type ChildProcessWithoutNullStreams, spawn, type SpawnOptions } from 'node:child_process';
import process from 'node:process';

/** How often it is looked whether a group that was told to end is gone, in milliseconds. */
const LOOK_EVERY = 25;

const isWindows = process.platform === 'win32';

/** The groups that live: when this process ends, so do they. */
const groups = new Set<ProcessGroup>();
const endAll = () => groups.forEach((group) => group.kill(group.isEnding ? 'SIGKILL' : 'SIGTERM'));

/**
 * A child process with all that it starts, as one process group, so that nothing outlives it. (Windows
 * has no such groups: there it is the child alone.)
 */
export class ProcessGroup {
  readonly child: ChildProcessWithoutNullStreams;
  #isEnding = false;
  #timer: NodeJS.Timeout | undefined;

  /** @throws what `spawn` throws; that a command is not there comes as the child's event `error`. */
  constructor(command: string, args: readonly string[], options: SpawnOptions) {
    this.child = spawn(command, args, {
      ...options,
      stdio: 'pipe',
      detached: !isWindows,
      windowsHide: true,
    }) as ChildProcessWithoutNullStreams;
    if (this.child.pid === undefined) return;
    if (groups.size === 0) process.on('exit', endAll);
    groups.add(this);
  }

  /** Whether it has been asked to end. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Asks all of it to end, and after `killAfter` milliseconds makes it. */
  end(killAfter: number): void {
    this.#isEnding = true;
    if (!this.kill('SIGTERM')) return this.forget();
    const deadline = Date.now() + killAfter;
    const look = () => {
      if (!this.kill(0)) return this.forget();
      const left = deadline - Date.now();
      if (left > 0) return void (this.#timer = setTimeout(look, Math.min(left, LOOK_EVERY)));
      this.kill('SIGKILL');
      this.forget();
    };
    look();
  }

  /** Leaves it to itself: it has ended, and what it may have started in the background may stay. */
  forget(): void {
    clearTimeout(this.#timer);
    groups.delete(this);
    if (groups.size === 0) process.off('exit', endAll);
  }

  /** Whether there was anything to send the signal to. */
  kill(signal: NodeJS.Signals | 0): boolean {
    const { pid, exitCode, signalCode } = this.child;
    if (pid === undefined) return false;
    try {
      if (isWindows) return exitCode === null && signalCode === null && process.kill(pid, signal);
      return process.kill(-pid, signal);
    } catch {
      return false;
    }
  }
}
