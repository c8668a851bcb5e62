import type { ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages/messages';
import {
  catchError,
  concat,
  concatMap,
  defaultIfEmpty,
  defer,
  EMPTY,
  filter,
  from,
  isObservable,
  map,
  merge,
  type MonoTypeOperatorFunction,
  type Observable,
  type ObservableInput,
  of,
  type SchedulerLike,
  take,
  takeUntil,
  takeWhile,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { check } from '../json/check.ts';
import { describeIssues } from '../json/StandardSchema.ts';
import type {
  ToolCallRef,
  ToolEvent,
  ToolResultEvent,
  ToolResultStatus,
} from '../message/ToolEvent.ts';
import { progressThenResult } from './progressThenResult.ts';
import { type AnyTool, isDefined, isRunnable, type ToolContext, type ToolUse } from './Tool.ts';
import { errorContent, toolContent } from './toolContent.ts';
import type { TurnCall } from './TurnCalls.ts';

/** A call that may be approved or not. */
export interface ApprovableCall {
  /** The `id` of the call. */
  readonly id: string;
  readonly name: string;
  /** The input as the tool will get it, so after its schema. */
  readonly input: unknown;
}

/** Whether a call may run; the model is told of a refusal, and of its reason. */
export type Approval =
  | boolean
  | { readonly approved: boolean; readonly reason?: string | undefined };

export interface RunCallOptions {
  tools: readonly AnyTool[];
  approve?:
    | ((call: ApprovableCall, context: ToolContext) => Approval | ObservableInput<Approval>)
    | undefined;
  timeout?: number | undefined;
  onUnknownTool?: ((call: ToolUse, context: ToolContext) => unknown) | undefined;
  scheduler?: SchedulerLike | undefined;
}

/** A longer timer would fire at once: https://developer.mozilla.org/docs/Web/API/setTimeout. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Why a call has no result of its tool. */
class CallFailure {
  readonly status: ToolResultStatus;
  readonly error: unknown;

  constructor(status: ToolResultStatus, error: unknown) {
    this.status = status;
    this.error = error;
  }
}

/** Runs one call: its start, its progress and its result, which is always the last. */
export function runCall(call: TurnCall, options: RunCallOptions): Observable<ToolEvent> {
  return defer(() => {
    const { block, context } = call;
    const ref = refOf(call);
    let hasStarted = false;
    const start = (input: unknown): ToolEvent => {
      hasStarted = true;
      return { type: 'tool_start', ...ref, input };
    };
    const tool = options.tools.find(
      (candidate) => isRunnable(candidate) && candidate.name === block.name,
    );
    const ran = defer(() => checkedInput(call, tool, options)).pipe(
      failing('invalid_input'),
      concatMap((input) => approved(input, block, context, options)),
      concatMap((input) =>
        concat(
          of(input).pipe(map(start)),
          defer(() => outputOf(call, tool, input, options)).pipe(
            progressThenResult(),
            within(timeoutOf(tool, options), call, options.scheduler),
            map((output): ToolEvent => {
              if ('progress' in output) {
                return { type: 'tool_progress', ...ref, progress: output.progress };
              }
              const { result } = output;
              return resultEvent(call, 'done', toolContent(result), { value: result });
            }),
            failing('failed'),
          ),
        ),
      ),
      catchError(({ status, error }: CallFailure) =>
        of(resultEvent(call, status, errorContent(error), { error })),
      ),
      tap((event) => {
        if (event.type === 'tool_result') call.result = event.result;
      }),
    );
    const withdrawal = call.withdrawn$.pipe(
      filter(() => hasStarted),
      map(() => resultEvent(call, 'withdrawn', 'The call was taken back.')),
    );
    return merge(ran.pipe(takeUntil(call.withdrawn$)), withdrawal).pipe(
      takeWhile(({ type }) => type !== 'tool_result', true),
    );
  });
}

/** What a tool shows while its input is still written. */
export function previewCall(call: TurnCall, { tools }: RunCallOptions): Observable<ToolEvent> {
  const { block, context } = call;
  const tool = tools.find((candidate) => isRunnable(candidate) && candidate.name === block.name);
  if (tool === undefined || !isDefined(tool) || tool.preview === undefined) return EMPTY;
  return defer(() => tool.preview!(context)).pipe(
    takeUntil(call.due$),
    map((progress): ToolEvent => ({ type: 'tool_progress', ...refOf(call), progress })),
    catchError((error: unknown) => {
      call.thrown = { error };
      return EMPTY;
    }),
  );
}

function refOf({ block, context }: TurnCall): ToolCallRef {
  return { turn: context.turn, tool_use_id: block.id, name: block.name };
}

function resultEvent(
  call: TurnCall,
  status: ToolResultStatus,
  content: ToolResultBlockParam['content'],
  { value, error }: { value?: unknown; error?: unknown } = {},
): ToolResultEvent {
  const result: ToolResultBlockParam = {
    type: 'tool_result',
    tool_use_id: call.block.id,
    ...(content !== undefined && { content }),
    ...(status !== 'done' && { is_error: true }),
  };
  const event: ToolResultEvent = {
    type: 'tool_result',
    ...refOf(call),
    status,
    result,
    ...(value !== undefined && { value }),
  };
  if (error !== undefined) Object.defineProperty(event, 'error', { value: error });
  return event;
}

function failing<T>(status: ToolResultStatus): MonoTypeOperatorFunction<T> {
  return catchError((error: unknown) =>
    throwError(() => (error instanceof CallFailure ? error : new CallFailure(status, error))),
  );
}

/** The input as the tool takes it. */
function checkedInput(
  { block, error, thrown }: TurnCall,
  tool: AnyTool | undefined,
  { tools, onUnknownTool }: RunCallOptions,
): ObservableInput<unknown> {
  if (error) throw error;
  if (thrown) throw new CallFailure('failed', thrown.error);
  if (tool === undefined) {
    if (onUnknownTool) return [block.input];
    const names = tools.filter(isRunnable).map(({ name }) => name);
    const known = names.length > 0 ? `the tools are: ${names.join(', ')}` : 'there are no tools';
    throw new CallFailure('unknown_tool', new Error(`There is no tool '${block.name}'; ${known}`));
  }
  if (isDefined(tool)) {
    return check(
      tool.input,
      block.input,
      (issues) =>
        new Error(`The input is not what '${block.name}' takes: ${describeIssues(issues)}`),
    );
  }
  return [isRunnable(tool) && tool.parse ? tool.parse(block.input) : block.input];
}

/** The input, once the call is approved. */
function approved(
  input: unknown,
  { id, name }: ToolUse,
  context: ToolContext,
  { approve }: RunCallOptions,
): Observable<unknown> {
  if (approve === undefined) return of(input);
  return defer(() => {
    const approval = approve({ id, name, input }, context);
    return isApproval(approval) ? of(approval) : from(approval);
  }).pipe(
    take(1),
    defaultIfEmpty(false),
    map((approval) => {
      const { approved: isApproved, reason } =
        typeof approval === 'object' ? approval : { approved: approval };
      if (isApproved === true) return input;
      const because = reason ? `: ${reason}` : '';
      throw new Error(`This call was not approved, and did not run${because}`);
    }),
    failing('denied'),
  );
}

function isApproval(value: Approval | ObservableInput<Approval>): value is Approval {
  return typeof value === 'boolean' || 'approved' in value;
}

/** What the tool gives, as an Observable. */
function outputOf(
  { block, context }: TurnCall,
  tool: AnyTool | undefined,
  input: unknown,
  { onUnknownTool }: RunCallOptions,
): Observable<unknown> {
  if (tool === undefined) return toOutput(onUnknownTool!(block, context));
  if (isDefined(tool)) return toOutput(tool.run(input, context));
  if (!isRunnable(tool)) throw new TypeError('not runnable');
  const { signal } = context;
  return toOutput(tool.run(input, { toolUse: block, toolUseBlock: block, signal }));
}

function toOutput(given: unknown): Observable<unknown> {
  if (isObservable(given)) return given;
  if (typeof given !== 'object' || given === null) return of(given);
  if ('then' in given && typeof given.then === 'function') {
    return from(given as PromiseLike<unknown>).pipe(concatMap(toOutput));
  }
  if (Symbol.asyncIterator in given) {
    throw new TypeError('a tool gives a value, a promise or an Observable: make one with from()');
  }
  return of(given);
}

function timeoutOf(tool: AnyTool | undefined, { timeout }: RunCallOptions): number {
  return (tool && isDefined(tool) ? tool.timeout : undefined) ?? timeout ?? Infinity;
}

/** Fails, and tells the tool, when the time is up. */
function within<T>(
  milliseconds: number,
  { block, controller }: TurnCall,
  scheduler: SchedulerLike | undefined,
): MonoTypeOperatorFunction<T> {
  if (milliseconds > LONGEST_TIMER) return (source) => source;
  const timeUp = timer(milliseconds, scheduler).pipe(
    map(() => {
      const message = `'${block.name}' did not finish within ${milliseconds} ms`;
      controller.abort(new DOMException(message, 'TimeoutError'));
      throw new CallFailure('timeout', new Error(message));
    }),
  );
  return takeUntil(timeUp);
}
