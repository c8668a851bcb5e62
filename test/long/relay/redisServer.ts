import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';

/** A redis-server of a test's own, on a free port, with its files in a folder of its own. */
export class RedisServer {
  readonly port: number;
  readonly url: string;
  readonly #folder: string;
  readonly #settings: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(port: number, settings: readonly string[]) {
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
    this.#folder = mkdtempSync(join(tmpdir(), 'claude-rx-redis-'));
    this.#settings = settings;
  }

  /** Settings as on the command line: `--appendonly yes`. */
  static async start(...settings: string[]): Promise<RedisServer> {
    const words = settings.flatMap((setting) => setting.split(' '));
    const server = new RedisServer(await freePort(), words);
    await server.begin();
    return server;
  }

  /** A sentinel: it writes its own settings, so it needs a file. */
  static async startSentinel(): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), []);
    const file = join(server.#folder, 'sentinel.conf');
    writeFileSync(file, `port ${server.port}\nbind 127.0.0.1\ndir ${server.#folder}\n`);
    await server.#run([file, '--sentinel']);
    return server;
  }

  /** Sends one command, on a connection of its own. */
  async command(...args: string[]): Promise<unknown> {
    const client = createClient({ url: this.url });
    client.on('error', () => {});
    await client.connect();
    try {
      return await client.sendCommand(args);
    } finally {
      client.destroy();
    }
  }

  /** Starts it, or starts it again with what it has on disk. */
  async begin(): Promise<void> {
    const own = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder];
    const quiet = ['--save', '', '--daemonize', 'no'];
    await this.#run([...own, ...quiet, ...this.#settings]);
  }

  async #run(args: readonly string[]): Promise<void> {
    this.#process = spawn('redis-server', args, { stdio: 'ignore' });
    const failed = once(this.#process, 'error').then(([error]) => {
      throw new Error('redis-server could not be started: apt-get install redis-server', {
        cause: error,
      });
    });
    await Promise.race([failed, this.#answers()]);
    failed.catch(() => {});
  }

  /** Ends it: `SIGTERM` in order, `SIGKILL` as when the power fails. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null) return;
    const left = once(child, 'exit');
    child.kill(signal);
    await left;
  }

  async close(): Promise<void> {
    await this.stop('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<void> {
    const client = createClient({ url: this.url, socket: { reconnectStrategy: 20 } });
    client.on('error', () => {});
    await client.connect();
    // While it loads what is on disk, it says so.
    while ((await client.ping().catch(() => '')) !== 'PONG') await pause(20);
    client.destroy();
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
