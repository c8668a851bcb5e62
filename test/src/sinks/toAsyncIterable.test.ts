import { fromMessages, MessageStreamError, toAsyncIterable, Valve } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import fc from 'fast-check';
import { concat, finalize, from, NEVER, Observable, of, Subject, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { params, useServer } from '../../support/server.ts';

const connection = new MessageStreamError('The connection was lost', { code: 'connection' });
const done = { done: true, value: undefined };
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function collected<T>(iterable: AsyncIterable<T>, step = async () => {}): Promise<T[]> {
  const values: T[] = [];
  for await (const value of iterable) {
    values.push(value);
    await step();
  }
  return values;
}

describe('toAsyncIterable', () => {
  it('returns all values in order, whatever the timing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(), { maxLength: 5 }), { maxLength: 5 }),
        fc.boolean(),
        fc.option(fc.integer({ min: 1, max: 4 })),
        async (runs, isSlow, highWaterMark) => {
          const valve = highWaterMark === null ? undefined : new Valve({ highWaterMark });
          const source = new Observable<number>((subscriber) => {
            void (async () => {
              for (const run of runs) {
                for (const value of run) subscriber.next(value);
                await turn();
              }
              subscriber.complete();
            })();
          });
          const iterable = toAsyncIterable(source, { valve });
          expect(
            await collected(iterable, isSlow ? async () => void (await turn()) : undefined),
          ).toEqual(runs.flat());
          expect(valve?.depth ?? 0).toBe(0);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('throws the error after all values before it', async () => {
    for (const valve of [undefined, new Valve()]) {
      const iterator = toAsyncIterable(
        concat(
          of(1, 2),
          throwError(() => connection),
        ),
        { valve },
      )[Symbol.asyncIterator]();
      expect(await iterator.next()).toEqual({ done: false, value: 1 });
      await turn();
      expect(await iterator.next()).toEqual({ done: false, value: 2 });
      await expect(iterator.next()).rejects.toBe(connection);
      expect(await iterator.next()).toEqual(done);
    }
  });

  it('subscribes for each iterator, at the first next()', async () => {
    let subscriptions = 0;
    const source = new Observable<number>((subscriber) => {
      subscriptions++;
      return of(1, 2).subscribe(subscriber);
    });
    const iterable = toAsyncIterable(source);
    const iterator = iterable[Symbol.asyncIterator]();
    expect(subscriptions).toBe(0);
    await iterator.next();
    expect(subscriptions).toBe(1);
    expect(await collected(iterable)).toEqual([1, 2]);
    expect(subscriptions).toBe(2);
    expect(await iterable[Symbol.asyncIterator]().return!()).toEqual(done);
    expect(subscriptions).toBe(2);
  });

  it('unsubscribes at once on break, and on a throw in the loop', async () => {
    for (const leave of ['break', 'throw']) {
      let isLeft = false;
      const source = concat(of(1), NEVER).pipe(finalize(() => (isLeft = true)));
      const loop = async () => {
        for await (const _ of toAsyncIterable(source)) {
          if (leave === 'throw') throw connection;
          break;
        }
      };
      await loop().catch((error) => expect(error).toBe(connection));
      expect(isLeft).toBe(true);
    }
  });

  it('ends a pending next() on return(), and is done from then on', async () => {
    const source = new Subject<number>();
    const iterator = toAsyncIterable(source)[Symbol.asyncIterator]();
    const pending = [iterator.next(), iterator.next()];
    await turn();
    expect(source.observed).toBe(true);
    const returned = iterator.return!();
    expect(source.observed).toBe(false);
    expect(await Promise.all([...pending, returned, iterator.next()])).toEqual([
      done,
      done,
      done,
      done,
    ]);
    await expect(iterator.throw!(connection)).rejects.toBe(connection);
  });

  it('resolves calls in order that are made ahead', async () => {
    const source = new Subject<number>();
    const iterator = toAsyncIterable(source)[Symbol.asyncIterator]();
    const calls = [iterator.next(), iterator.next(), iterator.next()];
    await turn();
    for (const value of [1, 2]) source.next(value);
    source.complete();
    expect(await Promise.all(calls)).toEqual([
      { done: false, value: 1 },
      { done: false, value: 2 },
      done,
    ]);
  });

  it('counts waiting values and values in the loop, with a valve', async () => {
    const valve = new Valve({ highWaterMark: 2, lowWaterMark: 0 });
    const source = new Subject<number>();
    const iterator = toAsyncIterable(source, { valve })[Symbol.asyncIterator]();
    const first = iterator.next();
    await turn();
    source.next(1);
    await first;
    expect([valve.depth, valve.isOpen]).toEqual([1, true]);
    source.next(2);
    expect([valve.depth, valve.isOpen]).toEqual([2, false]);
    await iterator.next();
    expect([valve.depth, valve.isOpen]).toEqual([1, false]);
    const third = iterator.next();
    await turn();
    expect([valve.depth, valve.isOpen]).toEqual([0, true]);
    await iterator.return!();
    expect(await third).toEqual(done);
  });

  it('takes a long queue in time that grows with its length', async () => {
    const values = Array.from({ length: 200_000 }, (_, index) => index);
    expect(await collected(toAsyncIterable(from(values)))).toEqual(values);
  });

  it('throws for an argument that is not an Observable, when called', () => {
    expect(() => toAsyncIterable([1] as never)).toThrow(/toAsyncIterable: pass an Observable/);
  });
});

describe('toAsyncIterable over HTTP', () => {
  const context = useServer();

  it('aborts the request when the loop is left', async () => {
    const events = [...messageEvents.text('Hello wide world')];
    context.server.reply({ events, fault: { kind: 'stall', beforeEvent: 3 } });
    for await (const event of toAsyncIterable(fromMessages(context.client, params))) {
      if (event.type === 'content_block_delta') break;
    }
    expect(await context.server.requests[0]!.finished).toBe('client-left');
  });
});
