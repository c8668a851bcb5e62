import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ReceivedRequest, Reply } from 'claude-rx/testing';
import { playReply } from '../../examples/nest-service/src/demo/play-reply.ts';

const main = fileURLToPath(new URL('../../examples/nest-service/dist/main.js', import.meta.url));

/** What the demo's model says, faster than a model does. */
export function quickReply(request: ReceivedRequest): Reply {
  const reply = playReply(request);
  return 'pace' in reply && reply.pace ? { ...reply, pace: 8 } : reply;
}

/** A connection that is kept may be closed by the service just when it is used again. */
const UNSHARED = { headers: { connection: 'close' } };

/** The example's service, as a process of its own on a port that is free. */
export class NestService {
  /** All that it has printed. */
  log = '';
  readonly #process: ChildProcess;
  #url = '';

  private constructor(child: ChildProcess) {
    this.#process = child;
  }

  static async start(settings: Record<string, string>): Promise<NestService> {
    const { PATH = '' } = process.env;
    const child = spawn(process.execPath, [main], {
      env: { PATH, NO_COLOR: '1', PORT: '0', ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const service = new NestService(child);
    child.stderr.on('data', (data: Buffer) => (service.log += String(data)));
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`The service ended with ${String(code)}:\n${service.log}`);
    });
    ended.catch(() => {});
    const listening = new Promise<void>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        service.log += `${line}\n`;
        const port = /Listening on http:\/\/localhost:(\d+)/.exec(line)?.[1];
        if (port === undefined) return;
        service.#url = `http://127.0.0.1:${port}`;
        resolve();
      });
    });
    await Promise.race([listening, ended]);
    return service;
  }

  get url(): string {
    return this.#url;
  }

  post(body: object, signal?: AbortSignal): Promise<Response> {
    return fetch(`${this.#url}/api/chat`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: signal ?? null,
    });
  }

  async openReplies(): Promise<number> {
    const response = await fetch(`${this.#url}/health`, UNSHARED);
    return ((await response.json()) as { openReplies: number }).openReplies;
  }

  /** The value of a metric, such as `replies_total{outcome="complete",code="none"}`. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.#url}/metrics`, UNSHARED)).text();
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
    return Number(line?.split(' ')[1] ?? Number.NaN);
  }

  /** Asks it to end, as an orchestrator does, and says with which signal or code it did. */
  async stop(): Promise<unknown> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return exitCode ?? signalCode;
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    const [code, signal] = (await exit) as [number | null, string | null];
    return code ?? signal;
  }
}

/** Until `condition` holds; the test's own time limit ends the wait. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}
