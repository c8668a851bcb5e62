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
  /** The valve closes when so many values wait or are worked on. Default: 64. */
  highWaterMark?: number;
  /** It opens again when there are no more than so many. Default: half of `highWaterMark`. */
  lowWaterMark?: number;
}

/** What a slow step tells its valve; see `Valve.step`. */
export interface ValveStep {
  /** So many values have come into the step. Default: 1. */
  enter(count?: number): void;
  /** So many values have left it. */
  leave(count: number): void;
  /** All values that are in it leave: the step has ended. */
  end(): void;
}

/**
 * Backpressure: makes the source of a pipeline wait for its slow step.
 *
 * ```text
 * source  -a-b-c---------d-e-----   reads nothing while the valve is closed
 *         valve.concatMap(work)     work takes 6, highWaterMark 3, lowWaterMark 1
 * depth$  01-2-3-2-----1-2-3-2---
 * open$   y----n-------y---n-----
 * result  -------A-----B-----C---
 * ```
 *
 * RxJS pushes, and `concatMap` queues without bound what it cannot take yet. A source that is given
 * the valve as its option `valve` stops reading the body while the valve is closed, so that TCP slows
 * the sender. In memory are then at most `highWaterMark` values and the events of one network chunk.
 *
 * - Several slow steps may share one valve; what is in any of them counts.
 * - An error, a completion or an unsubscribe of a step gives back what was in it: a valve that has
 *   closed never stays closed for a pipeline that is gone.
 * - Lossless: nothing is dropped, and `concatMap` keeps the order. An error of the source, that of an
 *   aborted `signal` too, waits until what came before it has been worked on (RxJS's own operators
 *   drop what waits); one of the step itself ends everything at once.
 *
 * The source keeps the content for the `partial` of its errors; for a reply of any length in bounded
 * memory give it `keepContent: false` as well.
 *
 * @throws TypeError when a mark is no whole number, `highWaterMark` is below 1, or `lowWaterMark` is
 * not below it.
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
  // Listeners are told how it is when they are called: one of them may have changed it meanwhile.
  /** How many values are in the steps: at once, and on each change. It never ends. */
  readonly depth$: Observable<number> = this.#changes.pipe(
    map(() => this.#depth),
    distinctUntilChanged(),
  );
  /** Whether a source may go on: at once, and on each change. It never ends. */
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

  /** How many values are in the steps. */
  get depth(): number {
    return this.#depth;
  }

  /** Whether a source may go on. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * RxJS's `concatMap`, one value at a time and in order, as a slow step of this valve.
   *
   * @throws TypeError when `project` is no function.
   */
  concatMap<T, O extends ObservableInput<unknown>>(
    project: (value: T, index: number) => O,
  ): OperatorFunction<T, ObservedValueOf<O>> {
    return this.#step('concatMap', project, 1);
  }

  /**
   * RxJS's `mergeMap`, up to `concurrent` values at a time, as a slow step of this valve.
   *
   * @throws TypeError when `project` is no function, or `concurrent` no whole number from 1 on.
   */
  mergeMap<T, O extends ObservableInput<unknown>>(
    project: (value: T, index: number) => O,
    concurrent: number = Infinity,
  ): OperatorFunction<T, ObservedValueOf<O>> {
    return this.#step('mergeMap', project, concurrent);
  }

  /**
   * A slow step that is no operator, such as a queue that somebody else reads: it says itself how many
   * values are in it.
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
        // One whose work ends the step leaves after the step has given everything back.
        const leave = () => step.leave(1);
        return source.pipe(
          tap(() => step.enter()),
          mergeMap((value, index) => from(project(value, index)).pipe(finalize(leave)), concurrent),
          // What was waiting, when the step ends before its time.
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
    // Most of the time nobody looks, and the way through a subject costs as much as an event.
    if (this.#changes.observed) this.#changes.next();
  }
}
