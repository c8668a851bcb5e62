// What bridges cost: the events of a reply of 20,000 deltas to frames, by `toSse` and through `toAgUi`.
// The contenders take turns in one process; compared are the lower quartiles of their CPU time. Exits
// with 1 if a bridge costs more than 1.3 of `toSse`.
import { from, last, lastValueFrom, type Observable } from 'rxjs';
import { AG_UI_SSE, toAgUi } from '../src/bridges/ag-ui/index.ts';
import { toSse } from '../src/index.ts';
import { messageEvents } from '../src/testing/index.ts';

const EVENTS = 20_000;
const WARM_UP = 10;
const ROUNDS = 60;
const MOST = 1.3;

const events = [...messageEvents.text('A word or two. '.repeat(EVENTS), { chunk: 15 })];
const input = {
  threadId: 'thread',
  runId: '4f1d7a52-6c43-4be7-9e0f-5f2f5f0f1c11',
  messages: [{ id: 'user', role: 'user' as const, content: 'Write.' }],
};
const contenders: Record<string, () => Observable<string>> = {
  toSse: () => from(events).pipe(toSse()),
  'toSse without ids and event lines': () =>
    from(events).pipe(toSse({ id: false, eventLine: false })),
  toAgUi: () => from(events).pipe(toAgUi(input), toSse(AG_UI_SSE)),
};

const times = new Map<string, number[]>(Object.keys(contenders).map((name) => [name, []]));
for (let round = 0; round < WARM_UP + ROUNDS; round++) {
  for (const [name, run] of Object.entries(contenders)) {
    const before = process.cpuUsage();
    await lastValueFrom(run().pipe(last()));
    const { user, system } = process.cpuUsage(before);
    if (round >= WARM_UP) times.get(name)!.push((user + system) / 1000);
  }
}

const quartile = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 2]!;
const base = quartile(times.get('toSse')!);
for (const [name, values] of times) {
  const time = quartile(values);
  const ratio = time / base;
  console.log(`${name.padEnd(36)} ${time.toFixed(2)} ms  ${ratio.toFixed(2)}`);
  if (ratio > MOST) process.exitCode = 1;
}
