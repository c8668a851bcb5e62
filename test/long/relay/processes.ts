import { build } from 'esbuild';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a node is told to do. */
export type Order =
  | { do: 'publish'; id: string; pace: number }
  | { do: 'tick'; ids: string[]; count: number; pace: number }
  | { do: 'follow'; ids: string[] };

/** What it says. */
export type News =
  | { is: 'ready' | 'ticking' | 'following' }
  | { is: 'published'; id: string }
  | { is: 'concluded'; id: string; state: string }
  | { is: 'figures'; figures: Figures };

export interface Figures {
  events: number;
  /** From when an event was made to when it was received, in milliseconds. */
  delays: number[];
  /** In bytes, when its replies ended. */
  rss: number;
  heap: number;
  /** Seconds. */
  cpu: number;
  failures: number;
}

/** Makes processes of one module, which is bundled once, so that they start quickly. */
export class Processes {
  readonly #folder = mkdtempSync(join(tmpdir(), 'claude-rx-nodes-'));
  readonly #children = new Set<NodeProcess>();
  #bundled: Promise<string> | undefined;

  /** With a relay of these options; or another program, that is no relay. */
  async start(url: string, config: object = {}, program?: URL): Promise<NodeProcess> {
    this.#bundled ??= this.#bundle();
    const args = [url, JSON.stringify(config)];
    const child = program
      ? fork(program, args, { execArgv: ['--import', 'tsx'] })
      : fork(await this.#bundled, args, { execArgv: [] });
    const node = new NodeProcess(child);
    this.#children.add(node);
    child.once('exit', () => this.#children.delete(node));
    await node.next('ready');
    return node;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#children].map((node) => node.kill()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #bundle(): Promise<string> {
    const outfile = join(this.#folder, 'node.cjs');
    const entry = fileURLToPath(new URL('nodeProcess.ts', import.meta.url));
    const options = { bundle: true, platform: 'node', format: 'cjs', logLevel: 'silent' } as const;
    await build({ entryPoints: [entry], outfile, ...options });
    return outfile;
  }
}

export class NodeProcess {
  readonly #child: ChildProcess;
  readonly #news: News[] = [];
  #wake: () => void = () => {};

  constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (news: News) => {
      this.#news.push(news);
      this.#wake();
    });
    child.on('exit', () => this.#wake());
  }

  tell(order: Order): void {
    this.#child.send(order);
  }

  /** The first thing of a kind that it has said. */
  async next<Is extends News['is']>(is: Is): Promise<Extract<News, { is: Is }>> {
    for (;;) {
      const news = this.#news.find((one) => one.is === is);
      if (news) return news as Extract<News, { is: Is }>;
      if (this.#child.exitCode !== null) throw new Error(`the node has ended before it was ${is}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** As the kernel ends a process that has no say in it. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const left = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await left;
  }
}
