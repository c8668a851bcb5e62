import type { Transport } from './Transport.ts';

/** Milliseconds after which a hanging request is aborted, and after which the next is sent. */
const PATIENCE = 5_000;
const PAUSE = 1_000;
/** The maximum that a page may send while it closes, in UTF-16 code units: browsers allow 64 KiB. */
const LAST = 20_000;

/** Sends lines in `fetch` requests, one at a time. */
export function fetchTransport(url: URL): Transport {
  const id = Math.random().toString(36).slice(2);
  url.searchParams.set('from', id);
  let isBusy = false;
  let pauseUntil = 0;
  // `text/plain` needs no preflight.
  const post = (body: string, keepalive: boolean) =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body,
      keepalive,
      credentials: 'omit',
      signal: AbortSignal.timeout(PATIENCE),
    });
  return {
    isReady: () => !isBusy && Date.now() >= pauseUntil,
    send: (lines, hello) => {
      isBusy = true;
      void post(hello + lines, false)
        .then(({ ok }) => ok)
        .catch(() => false)
        .then((isTaken) => {
          if (!isTaken) pauseUntil = Date.now() + PAUSE;
          isBusy = false;
          return isTaken;
        });
    },
    end: (lines, hello) => {
      if (lines === '') return;
      // Any part would do, but the lines must be complete.
      const last = lines.slice(-LAST).replace(/^.*\n/, '');
      post(hello + (lines.length > LAST ? last : lines), true).catch(() => {});
    },
    onEnd: (ending) => {
      const leave = () => ending(false);
      globalThis.addEventListener?.('pagehide', leave);
      return () => globalThis.removeEventListener?.('pagehide', leave);
    },
  };
}
