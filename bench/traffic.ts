// Many requests under a limit of input tokens, through the SDK client from a server on loopback with
// the token buckets of the API: with a `RequestGate`, with `mergeMap(8)` and the SDK's retries, and
// with `p-queue` and the SDK's retries. p-queue counts requests, so it is told how many of mean size
// fit into the limit. One after the other in one process, the same requests for each. Exits with 1
// if the gate is refused, uses less than 95 % of the limit, or is unfair by more than 10 %.
import PQueue from 'p-queue';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { mergeMap, Observable, Subject, takeUntil } from 'rxjs';
import { fromMessages, RequestGate, type StreamEvent } from '../src/index.ts';
import { MEAN_INPUT, runHttpLoad, SDK_VERSION, type Sender } from '../test/support/httpLoad.ts';

const REQUESTS = Number(process.argv[2] ?? 10_000);
const PER_MINUTE = Number(process.argv[3] ?? 600_000);

const gated =
  (isEstimated: boolean): Sender =>
  (client) => {
    const gate = new RequestGate({ concurrency: 8, maxQueue: REQUESTS });
    return ({ user, params, input }) =>
      gate.run((options) => fromMessages(client, params, options), {
        key: user,
        ...(isEstimated && { tokens: { input } }),
      });
  };

const merged: Sender = (client) => {
  const requests = new Subject<Observable<unknown>>();
  requests.pipe(mergeMap((request) => request, 8)).subscribe();
  return ({ params }) =>
    new Observable<StreamEvent>((subscriber) => {
      const left = new Subject<void>();
      subscriber.add(() => left.next());
      requests.next(
        new Observable((slot) => {
          if (subscriber.closed) return slot.complete();
          fromMessages(client, params)
            .pipe(takeUntil(left))
            .subscribe({
              next: (event) => subscriber.next(event),
              error: (error) => (subscriber.error(error), slot.complete()),
              complete: () => (subscriber.complete(), slot.complete()),
            });
        }),
      );
    });
};

const queued: Sender = (client) => {
  const intervalCap = Math.floor(PER_MINUTE / 60 / MEAN_INPUT);
  const queue = new PQueue({ concurrency: 8, intervalCap, interval: 1_000 });
  return ({ params }) =>
    new Observable<StreamEvent>((subscriber) => {
      const left = new AbortController();
      subscriber.add(() => left.abort());
      const task = () =>
        new Promise<void>((resolve) => {
          const reply = fromMessages(client, params).subscribe(subscriber);
          subscriber.add(() => (reply.unsubscribe(), resolve()));
        });
      // What has left is taken out of the queue.
      queue.add(task, { signal: left.signal }).catch(() => {});
    });
};

const contenders: Record<string, Sender> = {
  'RequestGate, input given': gated(true),
  'RequestGate, nothing given': gated(false),
  'mergeMap(8), SDK retries': merged,
  'p-queue, SDK retries': queued,
};

const pQueue = JSON.parse(
  readFileSync(new URL('./node_modules/p-queue/package.json', import.meta.url), 'utf8'),
) as { version: string };
console.log(
  `${REQUESTS} requests, ${PER_MINUTE} input tokens a minute; SDK ${SDK_VERSION}, ` +
    `p-queue ${pQueue.version}, Node ${process.version}, ${cpus()[0]?.model}\n`,
);
console.log(
  '| | Limit used | 429 | Failed | Shares within | Seconds |\n|---|---:|---:|---:|---:|---:|',
);
await runHttpLoad({ requests: 200, seed: 2, inputTokensPerMinute: 60_000_000 }, merged);
for (const [name, sender] of Object.entries(contenders)) {
  const load = { requests: REQUESTS, seed: 1, inputTokensPerMinute: PER_MINUTE };
  const { used, refused, ended, spread, seconds } = await runHttpLoad(load, sender);
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  console.log(
    `| ${name} | ${percent(used)} | ${refused.all} | ${ended.error} | ${percent(spread)} | ${seconds.toFixed(1)} |`,
  );
  const isGate = name.startsWith('RequestGate');
  if (isGate && (refused.later > 0 || used < 0.95 || spread > 0.1)) process.exitCode = 1;
}
