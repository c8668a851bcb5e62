import { Subscription } from 'rxjs';
import { attachReporter, type AttachInspectorOptions } from './attachInspector.ts';
import { fetchTransport } from './fetchTransport.ts';
import type { InspectorEntry } from './InspectorEntry.ts';
import { nodeTransport } from './nodeTransport.ts';
import { now } from './now.ts';
import { Reporter } from './Reporter.ts';
import type { Transport } from './Transport.ts';

export interface ConnectInspectorOptions extends AttachInspectorOptions {
  /** Names this process or page in the inspector. Default: its process id, or the page's path. */
  name?: string | undefined;
}

/** Entries that wait for the inspector at most; the oldest are dropped. */
const MOST_WAITING = 10_000;
/** Milliseconds from an entry to the request that carries it. */
const EVERY = 50;
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/**
 * Reports what `inspect` sees to the inspector at `url`, which `npx claude-rx inspect` prints. Node
 * programs that are started by it, `npx claude-rx inspect -- node service.js`, need no call of this;
 * a page in development does.
 *
 * - Loopback only: reports go to this machine, whatever is passed.
 * - Bounded: at most 10,000 entries wait for an inspector that is slow or gone; then the oldest are
 *   dropped, and the page shows how many.
 * - It never throws into a pipeline, and keeps no process alive. When a program ends by itself, it
 *   waits at most half a second until what it has reported has arrived.
 *
 * Unsubscribing what it returns stops the reports.
 *
 * @throws TypeError when `url` is no `http` address of this machine.
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
    // What is not taken stays here, where it is bounded.
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

/** Where reports go to. */
function reportAddress(given: string): URL {
  let url: URL | undefined;
  try {
    url = new URL(given);
  } catch {
    // Said below.
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
