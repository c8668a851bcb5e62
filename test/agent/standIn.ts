import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { AgentMessage } from 'claude-rx/agent';
import { afterEach, expect } from 'vitest';
import { until } from '../support/server.ts';

/** What the stand-in does: see standIn.mjs. */
export type Step =
  | { line: string }
  | { raw: string }
  | { stderr: string }
  | { wait: number }
  | { exit: number }
  | { kill: NodeJS.Signals }
  | { hang: true }
  | { cut: [text: string, size: number] }
  | { flood: [line: string, count: number] }
  | { ignoreTerm: true }
  | { session: [seconds: number, ignoresTerm: boolean] }
  | { child: number };

type Entry = {
  pid?: number;
  argv?: string[];
  cwd?: string;
  mark?: string;
  received?: { type: string; message: { content: unknown } };
  flooded?: number;
};

export const path: string = fileURLToPath(new URL('standIn.mjs', import.meta.url));

export const linesOf = (messages: readonly AgentMessage[]): Step[] =>
  messages.map((message) => ({ line: JSON.stringify(message) }));

export interface StandIn {
  executable: [string, ...string[]];
  env: Record<string, string>;
  /** What it wrote down of itself. */
  readonly log: Entry[];
}

const folders: string[] = [];

/** A stand-in that takes these steps, a list for each prompt. After the test none of it is left. */
export function standIn(...turns: Step[][]): StandIn {
  const folder = mkdtempSync(join(tmpdir(), 'claude-rx-stand-in-'));
  folders.push(folder);
  const script = join(folder, 'script.json');
  const log = join(folder, 'log.ndjson');
  writeFileSync(script, JSON.stringify({ turns, log }));
  return {
    executable: [process.execPath, path],
    env: { STAND_IN: script },
    get log() {
      return readLog(log);
    },
  };
}

function readLog(file: string): Entry[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

/** Whether a process runs: one that has ended, and that nobody asked about, does not. */
export function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

afterEach(async () => {
  for (const folder of folders.splice(0)) {
    const pids = readLog(join(folder, 'log.ndjson')).flatMap(({ pid }) => pid ?? []);
    await until(() => !pids.some(isRunning));
    rmSync(folder, { recursive: true, force: true });
  }
  expect(folders).toEqual([]);
});
