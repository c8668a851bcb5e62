import { Subscription } from 'rxjs';
import { attachReporter, type AttachInspectorOptions } from './attachInspector.ts';
import { fetchTransport } from './fetchTransport.ts';
import type { InspectorEntry } from './InspectorEntry.ts';
import { nodeTransport } from './nodeTransport.ts';
import { now } from './now.ts';
import { Reporter } from './Reporter.ts';
import type { Transport } from './Transport.ts';

export interface ConnectInspectorOptions extends AttachInspectorOptions {
  /** The name of this process or page in the inspector. Default: the process id, or the page's path. */
  name?: string | undefined;
}

/** At twice this number of waiting entries, the oldest are dropped and this number is kept. */
const MOST_WAITING = 10_000;
/** Milliseconds from an entry to the request that sends it. */
const EVERY = 50;
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/**
 * Reports the entries of all `inspect` operators to the inspector at `url`, the address that
 * `npx claude-rx inspect` prints. Call it in a browser page during development. A Node program that is
 * started by `npx claude-rx inspect -- node service.js` does not need it.
 *
 * - Loopback only: reports never leave this machine.
 * - Bounded: at most 20,000 entries wait for an inspector that is slow or gone. Then the oldest 10,000
 *   are dropped, and the page shows the number of dropped entries.
 * - It never throws into a pipeline, and does not keep a process alive. A program that ends by itself
 *   waits at most half a second to send its last reports.
 *
 * Unsubscribe the returned subscription to stop reporting.
 *
 * @throws TypeError when `url` is not an `http` address of this machine.
 *
 * @example
 * ```ts
 * import { connectInspector } from 'claude-rx/inspect';
 *
 * if (location.hostname === 'localhost') {
 *   connectInspector('http://127.0.0.1:4177/?token=the-token-that-was-printed');
 * }
 * ```
 */
export function connectInspector(
  url: string,
  { name = ownName(), content = false }: ConnectInspectorOptions = {},
): Subscription {
  const transport: Transport = (nodeTransport ?? fetchTransport)(reportAddress(url));
  let waiting: InspectorEntry[] = [];
  let dropped = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const hello = line({ type: 'process', at: now(), name });
  const take = (): string => {
    reporter.flush();
    const lost = dropped > 0 ? line({ type: 'dropped', at: now(), count: dropped }) : '';
    const lines = waiting.map(line);
    waiting = [];
    dropped = 0;
    return lost + lines.join('');
  };
  const flush = (): void => {
    timer = undefined;
    // Entries that were not sent stay in `waiting`, which is bounded.
    if (!transport.isReady()) return plan();
    const lines = take();
    if (lines !== '') transport.send(lines, hello);
  };
  const plan = (): void => {
    if (timer !== undefined) return;
    timer = setTimeout(flush, EVERY);
    (timer as { unref?: () => void }).unref?.();
  };
  const report = (entry: InspectorEntry): void => {
    waiting.push(entry);
    if (waiting.length >= 2 * MOST_WAITING) {
      dropped += waiting.length - MOST_WAITING;
      waiting = waiting.slice(-MOST_WAITING);
    }
    plan();
  };

  const reporter = new Reporter({ report, content, onWaiting: plan });
  const connected = new Subscription(() => {
    clearTimeout(timer);
    transport.end(take(), hello, true);
  });
  connected.add(transport.onEnd((isLast) => transport.end(take(), hello, isLast)));
  connected.add(attachReporter(reporter));
  return connected;
}

function line(entry: InspectorEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

/** The address for reports. */
function reportAddress(given: string): URL {
  let url: URL | undefined;
  try {
    url = new URL(given);
  } catch {
    // Reported below.
  }
  if (url?.protocol !== 'http:' || !LOOPBACK.test(url.hostname)) {
    throw new TypeError(
      'connectInspector: pass the address that `npx claude-rx inspect` printed, such as ' +
        `http://127.0.0.1:4177/?token=...; got ${JSON.stringify(given)}`,
    );
  }
  url.pathname = '/report';
  return url;
}

function ownName(): string {
  const { process, location } = globalThis as {
    process?: { pid: number; argv: readonly string[] };
    location?: { pathname: string };
  };
  if (process?.argv === undefined) return location?.pathname ?? 'page';
  const program = process.argv[1]?.replace(/^.*[/\\]/, '') ?? 'node';
  return `${program} (${process.pid})`;
}
