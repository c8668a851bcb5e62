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

/** The default of `maxTurns`. */
export const MAX_TURNS = 100;

export interface RunToolsOptions {
  /**
   * Tools of `defineTool`, runnable tools of the SDK, and plain definitions of server tools. A function,
   * such as `mcpTools(client)`, returns tools that may change: it is called before each turn.
   */
  tools: readonly (AnyTool | ToolSource)[];
  /** The maximum number of turns, with one request each. Default: 100. `Infinity` for no limit. */
  maxTurns?: number | undefined;
  /**
   * Called when all calls of a turn have their results and another turn would follow: returns whether the
   * loop stops, with the outcome `stopped`. An Observable that completes without a value does not stop it;
   * an error that `stopWhen` throws is the error of the loop. Ready-made: `turnCount`, `calls` and `spent`.
   * Default: only `maxTurns` stops the loop.
   */
  stopWhen?: StopWhen | undefined;
  /** The prices per million tokens, for all models or by model, for the `cost` of `stopWhen`. Default: none. */
  prices?: Prices | undefined;
  /** How many calls of a turn run at the same time. Default: `Infinity`. */
  concurrency?: number | undefined;
  /**
   * Whether a call runs as soon as it is proven complete, while the reply still streams. If a reply
   * breaks and is continued, the model may repeat a call that has run: define a tool that must not run
   * twice with `eager: false`. Default: `false`.
   */
  eager?: boolean | undefined;
  /**
   * Called before a call runs, unless its input is invalid: returns whether the call runs. An approval
   * without a value, or one that fails, refuses the call. `'defer'` ends the turn with the outcome
   * `interrupted`: see `answers`. Default: all calls run.
   */
  approve?: Approve | undefined;
  /**
   * The answers to the pending calls of an earlier loop, in this process or another; `messages` must then
   * end with the messages that the earlier loop has `appended`. Each pending call needs one answer.
   * Approved calls run, with their input checked again; then the loop continues. Default: no call is pending.
   */
  answers?: readonly ToolAnswer[] | undefined;
  /**
   * Wraps the run of each tool, after its input was checked and approved: for spans, transactions,
   * mocks. It returns an Observable of the values of the tool, usually `run$` with operators; each
   * subscription to `run$` runs the tool, in the context of that subscription. An error of `around` is a
   * failure of the tool, and its time counts for `timeout`. Default: the tool runs directly.
   */
  around?: Around | undefined;
  /**
   * How long a call may take, in milliseconds: the check of its input and the run of its tool together.
   * Waiting for `approve` does not count. Default: `Infinity`.
   */
  timeout?: number | undefined;
  /**
   * Runs a call of a tool that does not exist, like the `run` of a tool. Default: the model gets an error
   * that lists the existing tools.
   */
  onUnknownTool?: ((call: ToolUse, context: ToolContext) => unknown) | undefined;
  /**
   * Called once per loop: its result wraps the loop, the reply of each turn and each running call. Pass
   * `traceTools(...)` of `claude-rx/telemetry`. Default: no traces.
   */
  tracing?: (() => LoopTracing) | undefined;
  /**
   * Stop reasons besides `tool_use` after which calls run, for a gateway that sends `end_turn` when it
   * waits for tools. `null` stands for a reply without a stop reason. Default: none.
   */
  stopReasons?: readonly AnsweredStopReason[] | undefined;
  /** The scheduler of timeouts. Default: `asyncScheduler`. */
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
    throw new TypeError(
      `runTools: \`tools\` must contain tools of defineTool, SDK tools, plain definitions or functions, not ${String(wrong)}`,
    );
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
