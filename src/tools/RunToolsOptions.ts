import type { SchedulerLike } from 'rxjs';
import { type AnsweredStopReason, requireStopReasons } from '../history/stopReasons.ts';
import type { Around } from './around.ts';
import type { LoopTracing } from './LoopTracing.ts';
import type { Prices } from '../message/tokenCost.ts';
import type { Approve } from './requireApproval.ts';
import type { StopWhen } from './stopWhen.ts';
import type { ToolAnswer } from './ToolAnswer.ts';
import type { AnyTool, ToolContext, ToolSource, ToolUse } from './Tool.ts';
import { requireFunction, requireNumbers } from '../flow/require.ts';

/** How many requests a loop makes at most, if nothing else is said. */
export const MAX_TURNS = 100;

export interface RunToolsOptions {
  /**
   * Tools of `defineTool`, runnable tools of the SDK, and plain definitions of server tools. A function,
   * such as `mcpTools(client)`, gives tools that may change: it is called before each turn.
   */
  tools: readonly (AnyTool | ToolSource)[];
  /** How many requests there are at most. Default: 100. `Infinity` for no limit. */
  maxTurns?: number | undefined;
  /**
   * Asked after each turn that another would follow, when its calls have their results: whether the loop
   * stops, with the outcome `stopped`. An Observable that completes without a value is a no; what it
   * throws is the error of the loop. `turnCount`, `calls` and `spent` are ready-made. Default: it never stops.
   */
  stopWhen?: StopWhen | undefined;
  /** What tokens cost, or what they cost with a model, for the `cost` of `stopWhen`. */
  prices?: Prices | undefined;
  /** How many calls of a turn are at work at the same time. Default: `Infinity`. */
  concurrency?: number | undefined;
  /**
   * Starts a call as soon as it is proven complete, while the reply still streams. Where a reply
   * breaks and is carried on, the model may make a call again that has run: a tool that must not
   * run twice is defined with `eager: false`. Default: `false`.
   */
  eager?: boolean | undefined;
  /**
   * Asked before a call runs, and not for one whose input is invalid. No answer, and one that fails,
   * is a no. `'defer'` ends the turn with the outcome `interrupted`: see `answers`. Default: all calls run.
   */
  approve?: Approve | undefined;
  /**
   * The answers to the calls that an earlier loop has left pending, in this process or another: `messages`
   * then ends with what that loop has `appended`. Each pending call needs one. Approved calls run, their
   * inputs checked again; then the loop goes on. Default: no call is pending.
   */
  answers?: readonly ToolAnswer[] | undefined;
  /**
   * Wraps the run of each tool, after its input was checked and approved: for spans, transactions,
   * mocks. It gives an Observable of what the tool emits, usually `run$` with operators; each
   * subscription to `run$` runs the tool, in the context in which it is made. What it throws is a failure
   * of the tool, and its time counts for `timeout`. Default: the tool runs as it is.
   */
  around?: Around | undefined;
  /**
   * How long a tool may take, in milliseconds: the check of its input and its run together. Waiting for
   * `approve` does not count. Default: `Infinity`.
   */
  timeout?: number | undefined;
  /**
   * Runs a call of a tool that there is not, as its tool would. Default: the model is told which
   * tools there are.
   */
  onUnknownTool?: ((call: ToolUse, context: ToolContext) => unknown) | undefined;
  /**
   * Called for each loop: what it returns wraps the loop, the reply of each turn and each call that
   * runs. `traceTools` of `claude-rx/telemetry` gives it. Default: nothing is traced.
   */
  tracing?: (() => LoopTracing) | undefined;
  /**
   * Stop reasons after which calls run, besides `tool_use`: for a gateway that says `end_turn` where it
   * waits for tools. `null` stands for a reply without one. Default: none.
   */
  stopReasons?: readonly AnsweredStopReason[] | undefined;
  /** Where timeouts are timed. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike | undefined;
}

/** Throws a TypeError for invalid options. */
export function checkOptions(options: RunToolsOptions): void {
  const {
    tools,
    maxTurns = 1,
    concurrency = 1,
    timeout = 1,
    approve,
    around,
    onUnknownTool,
    stopWhen,
    tracing,
  } = options;
  if (!Array.isArray(tools)) throw new TypeError('runTools: `tools` must be an array of tools');
  const wrong = tools.find((tool) => {
    return typeof tool !== 'function' && (typeof tool !== 'object' || tool === null);
  });
  if (wrong !== undefined) {
    throw new TypeError(`runTools: a tool is what defineTool gives, not ${String(wrong)}`);
  }
  requireNumbers('runTools', { maxTurns, concurrency }, { min: 1, whole: true });
  requireStopReasons('runTools', options.stopReasons ?? []);
  requireNumbers('runTools', { timeout }, { above: 0, what: 'milliseconds' });
  for (const [name, given] of Object.entries({
    approve,
    around,
    onUnknownTool,
    stopWhen,
    tracing,
  })) {
    if (given !== undefined) requireFunction('runTools', name, given);
  }
}
