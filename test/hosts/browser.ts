import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AxeResults } from 'axe-core';
import {
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Debian's Chromium, with a profile of its own. */
export class TestBrowser {
  readonly #profile: string;
  readonly #context: BrowserContext;

  private constructor(profile: string, context: BrowserContext) {
    this.#profile = profile;
    this.#context = context;
  }

  static async start(options: BrowserContextOptions = {}): Promise<TestBrowser> {
    const profile = mkdtempSync(join(tmpdir(), 'claude-rx-chromium-'));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: ARGUMENTS,
      viewport: { width: 1_000, height: 820 },
      ...options,
    });
    await context.addInitScript(observeFrames);
    return new TestBrowser(profile, context);
  }

  /** A page that is open, and what went wrong in it. */
  async open(url: string): Promise<{ page: Page; problems: string[] }> {
    const page = await this.#context.newPage();
    const problems: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) problems.push(message.text());
    });
    page.on('pageerror', ({ message }) => problems.push(message));
    await page.goto(url);
    return { page, problems };
  }

  async close(): Promise<void> {
    await this.#context.close();
    rmSync(this.#profile, { recursive: true, force: true });
  }
}

/** What the page is asked for afterwards. */
export interface FrameCounts {
  /** How many animation frames there were. */
  frames: number;
  /** How many change detections there were within each of them. */
  detections: number[];
}

/** Runs in the page: counts the change detections between two animation frames. */
function observeFrames(): void {
  const counts: FrameCounts = { frames: 0, detections: [] };
  Object.assign(globalThis, { frameCounts: counts });
  const mark = performance.mark.bind(performance);
  performance.mark = (name, options) => {
    if (name === 'change detection') {
      counts.detections[counts.frames] = (counts.detections[counts.frames] ?? 0) + 1;
    }
    return mark(name, options);
  };
  const next = () => {
    counts.frames++;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
}

/** Counts anew. */
export function resetFrames(page: Page): Promise<void> {
  return page.evaluate(() => {
    const { frameCounts } = globalThis as unknown as { frameCounts: FrameCounts };
    Object.assign(frameCounts, { frames: 0, detections: [] });
  });
}

export function frames(page: Page): Promise<FrameCounts> {
  return page.evaluate(() => (globalThis as unknown as { frameCounts: FrameCounts }).frameCounts);
}

const axe = readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What of the accessibility rules the page breaks as it is, a line each. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(await axe);
  const { violations: found } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`),
  );
}

interface TraceEvent {
  name: string;
  tid: number;
  args?: { name?: string };
  /** The processor time of the thread, in microseconds. */
  tdur?: number;
}

/**
 * Records the tasks of the page's main thread until the function it gives is called: that gives the
 * processor time of each in milliseconds. A task's time by the clock, which the page itself can
 * see, counts the wait for a processor too.
 */
export async function recordTasks(page: Page): Promise<() => Promise<number[]>> {
  const session = await page.context().newCDPSession(page);
  const events: TraceEvent[] = [];
  session.on('Tracing.dataCollected', ({ value }) => {
    events.push(...(value as unknown as TraceEvent[]));
  });
  await session.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: { includedCategories: ['toplevel', '__metadata'], excludedCategories: ['*'] },
  });
  return async () => {
    const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
    await session.send('Tracing.end');
    await complete;
    const main = new Set(
      events
        .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
        .map(({ tid }) => tid),
    );
    return events
      .filter(({ name, tid }) => name.endsWith('RunTask') && main.has(tid))
      .map(({ tdur = 0 }) => tdur / 1_000);
  };
}
