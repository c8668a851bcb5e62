// 10,000 requests under a limit of input tokens, through the SDK client from a server on loopback with
// the token buckets of the API: with a `RequestGate`, with `mergeMap(8)` and the SDK's retries, and
// with `p-queue` and the SDK's retries. p-queue counts requests, so it is told how many of mean size
// fit into the limit. One after the other in one process, the same requests for each: about a minute for
// each with the defaults. Prints a section for RESULTS.md. Exits with 1 if the gate is refused after the
// first response, fails or loses a request, uses less than 95 % of the limit, or is unfair by more than
// 10 %.
//
//   npm run bench:traffic [-- requests [input tokens a minute]]
import PQueue from 'p-queue';
import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { mergeMap, Observable, Subject, takeUntil } from 'rxjs';
import { fromMessages, RequestGate, type StreamEvent } from '../src/index.ts';
import { MEAN_INPUT, runHttpLoad, SDK_VERSION, type Sender } from '../test/support/httpLoad.ts';
import { SECTIONS } from './report.ts';

const REQUESTS = Number(process.argv[2] ?? 10_000);
const PER_MINUTE = Number(process.argv[3] ?? 1_100_000);

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

const versionOf = (name: string) =>
  (
    JSON.parse(
      readFileSync(new URL(`./node_modules/${name}/package.json`, import.meta.url), 'utf8'),
    ) as { version: string }
  ).version;
const count = (value: number) => value.toLocaleString('en');
const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
console.log(`## ${SECTIONS.traffic}\n`);
console.log(
  `${count(REQUESTS)} requests of 50 users, one in ten cancelled, ${count(PER_MINUTE)} input tokens a minute ` +
    `(\`npm run bench:traffic\`). Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}; ` +
    `@anthropic-ai/sdk ${SDK_VERSION}, p-queue ${versionOf('p-queue')}; ` +
    `${new Date().toISOString().slice(0, 10)}, load of the machine ${loadavg()[0]!.toFixed(1)}. ` +
    '429: all refusals, and in parentheses those after the first response.\n',
);
console.log(
  '| | limit used | 429 | failed | cancelled | shares within | time, s | CPU, s |\n|---|---:|---:|---:|---:|---:|---:|---:|',
);
await runHttpLoad({ requests: 200, seed: 2, inputTokensPerMinute: 60_000_000 }, merged);
for (const [name, sender] of Object.entries(contenders)) {
  const load = { requests: REQUESTS, seed: 1, inputTokensPerMinute: PER_MINUTE };
  const { used, refused, ended, spread, seconds, cpu } = await runHttpLoad(load, sender);
  const cells = [
    percent(used),
    `${refused.all} (${refused.later})`,
    ended.error,
    ended.cancelled,
    percent(spread),
    seconds.toFixed(1),
    cpu.toFixed(1),
  ];
  console.log(`| ${name} | ${cells.join(' | ')} |`);
  const isWhole = ended.error === 0 && ended.complete + ended.cancelled === REQUESTS;
  const holds = refused.later === 0 && isWhole && used >= 0.95 && spread <= 0.1;
  if (name.startsWith('RequestGate') && !holds) process.exitCode = 1;
}
