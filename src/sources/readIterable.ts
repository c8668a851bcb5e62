import type { Subscriber } from 'rxjs';
import { StreamEnd } from '../message/eventKinds.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import { fromApiError, fromAbort, toMessageStreamError } from '../message/toMessageStreamError.ts';
import { drain } from './drain.ts';
import { readToEnd } from './readToEnd.ts';
import type { SourceOptions } from './SourceOptions.ts';
import { whenOpen } from '../flow/whenOpen.ts';
import type { Valve } from '../flow/Valve.ts';

/** An async iterable that may, like the SDK's `Stream`, be aborted through its controller. */
export interface EventIterable<E> extends AsyncIterable<E> {
  readonly controller?: AbortController;
}

/**
 * Pulls the events of `stream` into `subscriber`. A leaving subscriber aborts the stream's
 * controller at once; `iterator.return()` alone would wait for the next value.
 */
export function readIterable<E extends AnyStreamEvent>(
  stream: EventIterable<E>,
  subscriber: Subscriber<E>,
  abort: () => void,
  { valve }: SourceOptions = {},
): void {
  const { controller } = stream;
  const iterator = stream[Symbol.asyncIterator]();
  const end = new StreamEnd();
  let finished = false;

  subscriber.add(() => {
    // Only a stream with a connection behind it has something to gain from being read to its end.
    if (finished && controller) {
      return drain(
        readToEnd(() => iterator.next()),
        () => {
          controller.abort();
          abort();
        },
      );
    }
    controller?.abort();
    abort();
    quietly(() => iterator.return?.());
  });

  const onResult = ({ done, value }: IteratorResult<E, unknown>): void => {
    if (subscriber.closed) return;
    if (done) {
      // The SDK's stream ends silently when its controller aborts: SDK src/core/streaming.ts.
      if (controller?.signal.aborted) return subscriber.error(fromAbort(controller.signal));
      return subscriber.complete();
    }
    if ((value.type as string) === 'error') return subscriber.error(fromApiError({ body: value }));
    finished = end.push(value);
    subscriber.next(value);
    if (finished) subscriber.complete();
    else if (!subscriber.closed) whenOpen(valve, subscriber, askNext);
  };
  const onError = (error: unknown) => {
    // That is how the SDK's stream reports a frame that is no JSON: SDK src/core/streaming.ts.
    const otherwise = controller && error instanceof SyntaxError ? 'protocol' : 'unknown';
    subscriber.error(toMessageStreamError(error, { otherwise }));
  };
  const take = guarded(onResult, onError);
  const askNext = () => void iterator.next().then(take, onError);
  if (!subscriber.closed) whenOpen(valve, subscriber, askNext);
}

export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof (value as Partial<AsyncIterable<unknown>>)?.[Symbol.asyncIterator] === 'function';
}

/** Pulls the values of `iterator` into `subscriber`, one after the other, while the valve is open. */
export function pull<T>(
  iterator: AsyncIterator<T>,
  subscriber: Subscriber<T>,
  fail: (error: unknown) => void,
  valve: Valve | undefined,
): void {
  const onResult = ({ done, value }: IteratorResult<T, unknown>): void => {
    if (subscriber.closed) return;
    if (done) return subscriber.complete();
    subscriber.next(value);
    if (!subscriber.closed) whenOpen(valve, subscriber, next);
  };
  const take = guarded(onResult, fail);
  const next = () => void iterator.next().then(take, fail);
  if (!subscriber.closed) whenOpen(valve, subscriber, next);
}

/** The step, which fails by `fail` for a result that is no result, or a value that is no event. */
function guarded<T>(
  step: (result: T) => void,
  fail: (error: unknown) => void,
): (result: T) => void {
  return (result) => {
    try {
      step(result);
    } catch (error) {
      fail(error);
    }
  };
}

/** Takes a step whose failure, also a later one, does not matter. */
export function quietly(step: () => unknown): void {
  new Promise((resolve) => resolve(step())).catch(() => {});
}
