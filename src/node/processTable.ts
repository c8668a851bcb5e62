import { Buffer } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import process from 'node:process';

/** A process. `started`, if known, distinguishes it from a later process with the same `pid`. */
export interface ProcessId {
  readonly pid: number;
  readonly started?: number;
}

interface Entry extends ProcessId {
  parent: number;
  isZombie: boolean;
  /** The bytes of its environment, read once on demand. */
  environment?: Buffer;
}

/** All processes, read once for all trees that are ended in the same turn of the event loop. */
let table: Entry[] | undefined;

const isLinux = process.platform === 'linux';

/** The id of a running process; only on Linux with `started`. */
export function processId(pid: number): ProcessId {
  return (isLinux && entryOf(pid)) || { pid };
}

/** Whether this process is still running. */
export function isAlive({ pid, started }: ProcessId): boolean {
  if (isLinux) {
    const entry = entryOf(pid);
    if (entry === undefined || entry.isZombie) return false;
    return started === undefined || entry.started === started;
  }
  return sendTo(pid, 0);
}

/** Sends a signal to a process or, with a negative `pid`, to a group. Returns whether it exists. */
export function sendTo(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/**
 * All descendants of a process. On Linux this includes processes that have lost their parent or moved to
 * another session: they have the environment variable `mark`.
 */
export function descendantsOf(root: ProcessId, mark: string): ProcessId[] {
  if (table === undefined) {
    table = isLinux ? linuxTable() : psTable();
    setImmediate(() => (table = undefined));
  }
  const found = new Map<number, Entry>();
  const bytes = Buffer.from(mark);
  const isMarked = (entry: Entry) =>
    isLinux && (entry.started ?? 0) >= (root.started ?? 0) && environmentOf(entry).includes(bytes);
  for (const entry of table)
    if (entry.pid !== root.pid && isMarked(entry)) found.set(entry.pid, entry);
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const entry of table) {
      if (entry.pid === root.pid || entry.pid === process.pid) continue;
      if (entry.parent === root.pid || found.has(entry.parent)) found.set(entry.pid, entry);
    }
  }
  return [...found.values()].filter(({ isZombie }) => !isZombie);
}

function linuxTable(): Entry[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => entryOf(Number(name)) ?? []);
}

/** Parses `/proc/PID/stat`, see proc(5): after the name come state, parent, ..., start time. */
function entryOf(pid: number): Entry | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    const isZombie = fields[0] === 'Z' || fields[0] === 'X';
    return { pid, parent: Number(fields[1]), started: Number(fields[19]), isZombie };
  } catch {
    return undefined;
  }
}

function environmentOf(entry: Entry): Buffer {
  try {
    entry.environment ??= readFileSync(`/proc/${entry.pid}/environ`);
  } catch {
    // The process has ended, or belongs to another user.
    entry.environment = Buffer.alloc(0);
  }
  return entry.environment;
}

function psTable(): Entry[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  return (stdout ?? '').split('\n').flatMap((line) => {
    const [pid, parent] = line.trim().split(/\s+/).map(Number);
    return pid && parent !== undefined ? [{ pid, parent, isZombie: false }] : [];
  });
}
