import {
  defaultIfEmpty,
  defer,
  from,
  map,
  type Observable,
  type ObservableInput,
  of,
  take,
} from 'rxjs';
import { requireNumbers } from '../flow/require.ts';
import type {
  AnyStreamEvent,
  BetaStreamEvent,
  MessageOf,
  StreamEvent,
  TurnEndEvent,
  UsageOf,
} from '../message/StreamEvent.ts';
import { costIn, countOf, type Prices, promptTokens } from '../message/tokenCost.ts';

/** The argument of a stop condition. */
export interface StopContext<E extends AnyStreamEvent = StreamEvent | BetaStreamEvent> {
  /** The number of the turn that has ended, from 1. */
  readonly turn: number;
  /** All turns so far, this one included. */
  readonly turns: readonly TurnEndEvent<E>[];
  /** The usage of all turns so far, with that of subagents. */
  readonly total: UsageOf<E>;
  /** The cost of all turns so far, in the currency of the option `prices`; `undefined` without prices. */
  readonly cost: number | undefined;
  /** The reply of this turn. */
  readonly message: MessageOf<E>;
}

/**
 * Returns whether the loop stops now. Of an Observable, the first value counts.
 *
 * ```text
 * turn1     maxS
 * turn2        maxS
 *           stopWhen: turnCount(2)
 * stopWhen  ---n--y--         called when the calls have their results; n: false, y: true
 * ends      ---C--(X|)        turn_end; C: outcome 'continue', X: outcome 'stopped'
 * ```
 */
export type StopWhen = (context: StopContext) => boolean | ObservableInput<boolean>;

/**
 * Calls `stopWhen` after each turn that another would follow, and emits whether the loop stops. The context
 * also has the turns after which it was not called.
 */
export function stopDecisions<E extends AnyStreamEvent>(
  stopWhen: StopWhen | undefined,
  prices: Prices | undefined,
): (turn: TurnEndEvent<E>) => Observable<boolean> {
  const turns: TurnEndEvent<E>[] = [];
  let sum = 0;
  return (event) => {
    if (stopWhen === undefined) return of(false);
    const { turn, total, message, outcome, subagents = [] } = event;
    turns.push(event);
    for (const { model, usage } of [message, ...subagents]) sum += costIn(prices, model, usage);
    if (outcome !== 'continue') return of(false);
    const cost = prices && sum;
    const context = { turn, turns: [...turns], total, cost, message } as unknown as StopContext;
    return defer(() => {
      const answer = stopWhen(context);
      return typeof answer === 'object' && answer !== null ? from(answer) : of(answer);
    }).pipe(
      take(1),
      defaultIfEmpty(false),
      map((stops) => stops === true),
    );
  };
}

/**
 * A stop condition: stops after `count` turns. Unlike `maxTurns`, its outcome is `stopped`, and it can be
 * combined with other conditions.
 *
 * @throws TypeError when `count` is not a whole number of at least 1
 *
 * @example
 * ```ts
 * import { calls, spent, turnCount, type StopWhen } from 'claude-rx/tools';
 *
 * const conditions = [turnCount(20), calls('finish'), spent({ tokens: 200_000 })];
 * export const stopWhen: StopWhen = (context) => conditions.some((stops) => stops(context));
 * ```
 */
export function turnCount(count: number): (context: Pick<StopContext, 'turn'>) => boolean {
  requireNumbers('turnCount', { count: count ?? 0 }, { min: 1, whole: true });
  return ({ turn }) => turn >= count;
}

/**
 * A stop condition: stops when the model has called one of these tools, after the call has its result.
 *
 * @throws TypeError when there is no name, or a name is not a text
 *
 * @example
 * ```ts
 * import { calls, type RunToolsOptions } from 'claude-rx/tools';
 *
 * export const options: Partial<RunToolsOptions> = { stopWhen: calls('hand_over') };
 * ```
 */
export function calls(
  ...names: [string, ...string[]]
): (context: Pick<StopContext, 'message'>) => boolean {
  const wrong = names.find((name) => typeof name !== 'string' || name === '');
  if (names.length === 0 || wrong !== undefined) {
    throw new TypeError(`calls: give the names of tools, such as 'search', not ${String(wrong)}`);
  }
  const called = new Set<string>(names);
  return ({ message }) =>
    (message.content as { type: string; name?: string }[]).some(
      ({ type, name = '' }) => type === 'tool_use' && called.has(name),
    );
}

export interface SpentOptions {
  /** The limit of tokens over all requests and replies, with those of the prompt cache. Default: no limit. */
  tokens?: number | undefined;
  /** The limit of the cost, in the currency of the option `prices`, which is required. Default: no limit. */
  cost?: number | undefined;
}

/**
 * A stop condition: stops when this many tokens, or this much money, were spent. A turn is never cut, so the
 * sum may exceed the limit by one turn.
 *
 * @throws TypeError when no limit is given, or a limit is not a number above 0. The loop errors with a
 * TypeError if there is a limit for the cost but no `prices`.
 *
 * @example
 * ```ts
 * import { spent, type RunToolsOptions } from 'claude-rx/tools';
 *
 * export const options: Partial<RunToolsOptions> = {
 *   prices: { input: 5, output: 25 },
 *   stopWhen: spent({ tokens: 200_000, cost: 2.5 }),
 * };
 * ```
 */
export function spent({
  tokens = Infinity,
  cost = Infinity,
}: SpentOptions): (context: Pick<StopContext, 'total' | 'cost'>) => boolean {
  requireNumbers('spent', { tokens, cost }, { above: 0 });
  if (tokens === Infinity && cost === Infinity) {
    throw new TypeError('spent: give a limit for `tokens`, for `cost`, or for both');
  }
  return ({ total, cost: sum }) => {
    if (cost < Infinity && sum === undefined) {
      throw new TypeError('spent: a limit for `cost` needs the option `prices` of runTools');
    }
    return promptTokens(total) + countOf(total.output_tokens) >= tokens || (sum ?? 0) >= cost;
  };
}
