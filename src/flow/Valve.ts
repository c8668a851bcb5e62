import {
  BehaviorSubject,
  defer,
  distinctUntilChanged,
  finalize,
  from,
  map,
  mergeMap,
  type Observable,
  type ObservableInput,
  type ObservedValueOf,
  type OperatorFunction,
  tap,
} from 'rxjs';
import { errorLast } from './errorLast.ts';
import { requireFunction, requireNumbers } from './require.ts';

export interface ValveConfig {
  /** The number of values, waiting or in progress, at which the valve closes. Default: 64. */
  highWaterMark?: number;
  /** The number of values at which it opens again. Default: half of `highWaterMark`, rounded down. */
  lowWaterMark?: number;
}

/** Reports the values in a slow step to its valve; see `Valve.step`. */
export interface ValveStep {
  /** `count` values have entered the step. Default: 1. */
  enter(count?: number): void;
  /** `count` values have left the step. */
  leave(count: number): void;
  /** The step has ended: all its values leave. */
  end(): void;
}

/**
 * Backpressure: pauses the source of a pipeline while a slow step is behind.
 *
 * ```text
 * source  -a-b-c---------d-e-----   reads nothing while the valve is closed
 *         valve.concatMap(work)     work takes 6, highWaterMark 3, lowWaterMark 1
 * depth$  01-2-3-2-----1-2-3-2---
 * open$   y----n-------y---n-----
 * result  -------A-----B-----C---
 * ```
 *
 * RxJS pushes values, and the queue of `concatMap` grows without limit. Pass the valve to the source as
 * its option `valve`, and use `valve.concatMap` for the slow step: the source then stops reading the
 * body while the valve is closed, and TCP slows down the sender. Memory holds at most `highWaterMark`
 * values and the events of one network chunk.
 *
 * - Several slow steps may share one valve; the values of all steps count.
 * - When a step errors, completes or is unsubscribed, its values no longer count. So a valve never
 *   stays closed because of a pipeline that has ended.
 * - Lossless: no value is dropped, and `concatMap` keeps the order. An error of the source, including
 *   that of an aborted `signal`, is passed on after all values before it have been handled (RxJS's own
 *   operators drop waiting values). An error of the step itself is passed on at once.
 *
 * The source also keeps the content for the `partial` of its errors. If memory must not grow with the
 * reply, pass `keepContent: false` to the source as well.
 *
 * @throws TypeError when a mark is not a whole number, `highWaterMark` is below 1, or `lowWaterMark` is
 * not below `highWaterMark`.
 *
 * @example
 * ```ts
 * import type Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, textOnly, Valve } from 'claude-rx';
 *
 * declare const save: (text: string) => Promise<void>;
 *
 * function saveReply(client: Anthropic, params: Anthropic.MessageCreateParamsNonStreaming) {
 *   const valve = new Valve({ highWaterMark: 16 });
 *   return fromMessages(client, params, { valve }).pipe(textOnly(), valve.concatMap(save));
 * }
 * ```
 */
export class Valve {
  readonly highWaterMark: number;
  readonly lowWaterMark: number;
  #depth = 0;
  #isOpen = true;
  readonly #changes: BehaviorSubject<void> = new BehaviorSubject<void>(undefined);
  // Reads the current value when a listener is called, because another listener may have changed it.
  /** The number of values in the steps: the current one, then each change. Never completes. */
  readonly depth$: Observable<number> = this.#changes.pipe(
    map(() => this.#depth),
    distinctUntilChanged(),
  );
  /** Whether a source may read: the current state, then each change. Never completes. */
  readonly open$: Observable<boolean> = this.#changes.pipe(
    map(() => this.#isOpen),
    distinctUntilChanged(),
  );

  constructor({ highWaterMark = 64, lowWaterMark }: ValveConfig = {}) {
    const low = lowWaterMark ?? Math.floor(highWaterMark / 2);
    const max = Number.MAX_SAFE_INTEGER;
    requireNumbers('Valve', { highWaterMark }, { min: 1, max, whole: true });
    requireNumbers('Valve', { lowWaterMark: low }, { min: 0, max: highWaterMark - 1, whole: true });
    this.highWaterMark = highWaterMark;
    this.lowWaterMark = low;
  }

  /** The number of values in the steps. */
  get depth(): number {
    return this.#depth;
  }

  /** Whether a source may read. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * RxJS's `concatMap`, one value at a time and in order, as a slow step of this valve.
   *
   * @throws TypeError when `project` is not a function.
   */
  concatMap<T, O extends ObservableInput<unknown>>(
    project: (value: T, index: number) => O,
  ): OperatorFunction<T, ObservedValueOf<O>> {
    return this.#step('concatMap', project, 1);
  }

  /**
   * RxJS's `mergeMap`, up to `concurrent` values at a time (default: `Infinity`), as a slow step of this
   * valve.
   *
   * @throws TypeError when `project` is not a function, or `concurrent` is not a whole number from 1 on.
   */
  mergeMap<T, O extends ObservableInput<unknown>>(
    project: (value: T, index: number) => O,
    concurrent: number = Infinity,
  ): OperatorFunction<T, ObservedValueOf<O>> {
    return this.#step('mergeMap', project, concurrent);
  }

  /**
   * A slow step that is not an operator, such as a queue with another consumer. Your code reports how
   * many values are in it.
   *
   * @example
   * ```ts
   * import { Valve } from 'claude-rx';
   *
   * const valve = new Valve({ highWaterMark: 2 });
   * const step = valve.step();
   * step.enter();
   * step.enter();
   * console.log(valve.isOpen); // false
   * step.end();
   * console.log(valve.isOpen); // true
   * ```
   */
  step(): ValveStep {
    let inside = 0;
    const change = (by: number): void => {
      inside += by;
      this.#change(by);
    };
    return {
      enter: (count = 1) => change(count),
      leave: (count) => change(-Math.min(count, inside)),
      end: () => change(-inside),
    };
  }

  #step<T, O extends ObservableInput<unknown>>(
    name: string,
    project: (value: T, index: number) => O,
    concurrent: number,
  ): OperatorFunction<T, ObservedValueOf<O>> {
    const caller = `Valve.${name}`;
    requireFunction(caller, 'project', project, 'a function, such as (text) => save(text)');
    requireNumbers(caller, { concurrent }, { min: 1, whole: true });
    return errorLast((source) =>
      defer(() => {
        const step = this.step();
        // A value whose work ends the step leaves after `step.end()`.
        const leave = () => step.leave(1);
        return source.pipe(
          tap(() => step.enter()),
          mergeMap((value, index) => from(project(value, index)).pipe(finalize(leave)), concurrent),
          // Values that are still waiting when the step ends early.
          finalize(() => step.end()),
        ) as Observable<ObservedValueOf<O>>;
      }),
    );
  }

  #change(by: number): void {
    if (by === 0) return;
    this.#depth += by;
    if (this.#depth >= this.highWaterMark) this.#isOpen = false;
    else if (this.#depth <= this.lowWaterMark) this.#isOpen = true;
    // Usually there is no subscriber, and `next` of a subject costs as much as an event.
    if (this.#changes.observed) this.#changes.next();
  }
}
