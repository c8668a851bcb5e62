// A node of a service, as a process of its own: what it is to do comes as messages.
import { continueFrom, type StreamEvent } from 'claude-rx';
import { createRelay, type Relay } from 'claude-rx/relay';
import { RedisStore } from 'claude-rx/relay/redis';
import { createClient } from 'redis';
import { concatMap, delay, from, interval, map, of, take } from 'rxjs';
import { ContinuingModel, trickyReply } from '../../support/continuingModel.ts';
import { LOOK_EACH, lookAtMemory } from './lookAtMemory.ts';
import type { Figures, News, Order } from './processes.ts';

const REQUEST = {
  model: 'claude-opus-5-5',
  max_tokens: 1024,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};
/** In milliseconds. */
const SETTLING = 2_000;
/** So many come at once, and then a millisecond for each. */
const AT_ONCE = 10;
const tell = (news: News) => process.send?.(news);
const now = () => performance.timeOrigin + performance.now();

async function main(url: string, given: string): Promise<void> {
  const { clock = 0, ...config } = JSON.parse(given) as { clock?: number };
  setClock(clock);
  const client = createClient({ url });
  client.on('error', () => {});
  await client.connect();
  const relay = createRelay({
    ...config,
    store: new RedisStore(client),
    resume: ({ request, partial }) =>
      from(new ContinuingModel(trickyReply(300)).answer(continueFrom(request, partial))),
  });
  process.on('message', (order: Order) => {
    if (order.do === 'publish') void publish(relay, order);
    else if (order.do === 'tick') void tick(relay, order);
    else void follow(relay, order.ids);
  });
  tell({ is: 'ready' });
}

/** Lets the clock of this process differ, by so many milliseconds. */
function setClock(ahead: number): void {
  const { now } = Date;
  class SkewedDate extends Date {
    constructor(...args: [] | [number]) {
      super(...((args.length === 0 ? [now() + ahead] : args) as [number]));
    }
    static override now(): number {
      return now() + ahead;
    }
  }
  globalThis.Date = SkewedDate as DateConstructor;
}

/** A reply that can be carried on: five events at a time. */
async function publish(relay: Relay, { id, pace }: Extract<Order, { do: 'publish' }>) {
  const source = from(trickyReply(300)).pipe(
    concatMap((event, index) => (index % 5 === 0 ? of(event).pipe(delay(pace)) : of(event))),
  );
  const { concluded } = await relay.publish(id, source, { request: REQUEST });
  tell({ is: 'published', id });
  tell({ is: 'concluded', id, state: (await concluded).state });
}

/** Replies of events that say when they were made. */
async function tick(relay: Relay, { ids, count, pace }: Extract<Order, { do: 'tick' }>) {
  for (const id of ids) {
    await relay.publish(id, interval(pace).pipe(map(stamped), take(count)));
  }
  tell({ is: 'ticking' });
}

function stamped(): StreamEvent {
  const text = `${now()} and some words`;
  return { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } };
}

async function follow(relay: Relay, ids: readonly string[]): Promise<void> {
  const figures: Figures = { events: 0, delays: [], rss: 0, heap: 0, cpu: 0, failures: 0 };
  // Not while all of them come at once.
  const from = now() + ids.length + SETTLING;
  let left = ids.length;
  const done = () => {
    if (left-- % LOOK_EACH === 0) lookAtMemory(figures);
    if (left === 0) tell({ is: 'figures', figures: lookAtMemory(figures) });
  };
  for (const [index, id] of ids.entries()) {
    if (index % AT_ONCE === 0) await new Promise((resolve) => setTimeout(resolve, AT_ONCE));
    relay.follow(id, { keepContent: false }).subscribe({
      next: ({ event }) => {
        if (event.type !== 'content_block_delta' || event.delta.type !== 'text_delta') return;
        const { text } = event.delta;
        figures.events += text.split(' and some words').length - 1;
        const made = Number.parseFloat(text);
        if (made > from) figures.delays.push(now() - made);
      },
      error: () => {
        figures.failures++;
        done();
      },
      complete: done,
    });
  }
  tell({ is: 'following' });
}

process.on('disconnect', () => process.exit());
void main(process.argv[2]!, process.argv[3]!);
