// What test/long/relay/nodeProcess.ts does, with resumable-stream: pub/sub, the log in the writer.
import { createClient } from 'redis';
import { LOOK_EACH, lookAtMemory } from '../../test/long/relay/lookAtMemory.ts';
import type { Figures, News, Order } from '../../test/long/relay/processes.ts';

/** What is used of it; it is installed in this folder alone. */
interface Context {
  createNewResumableStream(id: string, make: () => ReadableStream<string>): Promise<unknown>;
  resumeExistingStream(id: string): Promise<ReadableStream<string> | null | undefined>;
}

/** In milliseconds. */
const SETTLING = 2_000;
/** So many come at once, and then a millisecond for each. */
const AT_ONCE = 10;
const tell = (news: News) => process.send?.(news);
const now = () => performance.timeOrigin + performance.now();

async function main(url: string): Promise<void> {
  const name: string = 'resumable-stream/redis';
  const { createResumableStreamContext } = await import(name);
  const [publisher, subscriber] = [createClient({ url }), createClient({ url })];
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const waitUntil = (promise: Promise<unknown>) => void promise.catch(() => {});
  const context: Context = createResumableStreamContext({ waitUntil, publisher, subscriber });
  process.on('message', (order: Order) => {
    if (order.do === 'tick') void tick(context, order);
    else if (order.do === 'follow') void follow(context, order.ids);
  });
  tell({ is: 'ready' });
}

async function tick(context: Context, { ids, count, pace }: Extract<Order, { do: 'tick' }>) {
  for (const id of ids) {
    await context.createNewResumableStream(id, () => {
      let left = count;
      return new ReadableStream({
        start(controller) {
          const timer = setInterval(() => {
            controller.enqueue(`${now()} and some words`);
            if (--left > 0) return;
            clearInterval(timer);
            controller.close();
          }, pace);
        },
      });
    });
  }
  tell({ is: 'ticking' });
}

async function follow(context: Context, ids: readonly string[]): Promise<void> {
  const figures: Figures = { events: 0, delays: [], rss: 0, heap: 0, cpu: 0, failures: 0 };
  const from = now() + ids.length + SETTLING;
  let left = ids.length;
  const read = async (stream: ReadableStream<string>) => {
    const reader = stream.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      figures.events += value.split(' and some words').length - 1;
      const made = Number.parseFloat(value);
      if (made > from) figures.delays.push(now() - made);
    }
  };
  const one = async (id: string) => {
    try {
      const stream = await context.resumeExistingStream(id);
      if (!stream) throw new Error('there is none');
      await read(stream);
    } catch {
      figures.failures++;
    }
    if (left-- % LOOK_EACH === 0) lookAtMemory(figures);
    if (left === 0) tell({ is: 'figures', figures: lookAtMemory(figures) });
  };
  for (const [index, id] of ids.entries()) {
    if (index % AT_ONCE === 0) await new Promise((resolve) => setTimeout(resolve, AT_ONCE));
    void one(id);
  }
  tell({ is: 'following' });
}

process.on('disconnect', () => process.exit());
void main(process.argv[2]!);
