import type { ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages/messages';
import {
  catchError,
  concatMap,
  concatWith,
  defer,
  EMPTY,
  filter,
  map,
  merge,
  type Observable,
  of,
  startWith,
  Subject,
  takeUntil,
  takeWhile,
  tap,
} from 'rxjs';
import type { ToolEvent } from '../message/StreamEvent.ts';
import type { ToolCallRef, ToolResultEvent, ToolResultStatus } from '../message/ToolCallEvent.ts';
import { runAround } from './around.ts';
import { requireApproval } from './requireApproval.ts';
import { type CallFailure, failing } from './CallFailure.ts';
import { progressThenResult } from './progressThenResult.ts';
import { Subagent, SubagentInterruption } from './Subagent.ts';
import { timeLimit } from './timeLimit.ts';
import type { Runner } from './toolRunners.ts';
import type { LoopTracing } from './LoopTracing.ts';
import type { RunToolsOptions } from './RunToolsOptions.ts';
import { errorContent, toolContent } from './toolContent.ts';
import type { TurnCall } from './TurnCalls.ts';

type CallOptions = Pick<RunToolsOptions, 'approve' | 'around' | 'timeout' | 'scheduler'>;

/**
 * Runs one call: checks its input, asks for approval, and runs the tool. It never errors: the last event is
 * the result, also of a failure. A call that is withdrawn before its start has no events, and neither has a
 * deferred call (by `approve`, or because its tool has no `run`). A call whose subagent waits for answers
 * has no result.
 */
export function runCall(
  call: TurnCall,
  runner: Runner,
  { approve, around, timeout = Infinity, scheduler }: CallOptions,
  tracing?: LoopTracing,
): Observable<ToolEvent> {
  return defer(() => {
    const { block, context, controller, withdrawn$, refused$ } = call;
    const ref = refOf(call);
    // One limit for the check of the input and the run together. Waiting for approval does not count.
    const inTime = timeLimit(runner.timeout ?? timeout, call, scheduler);
    let hasStarted = false;
    const deferred$ = new Subject<void>();
    const defers = (): Observable<never> => {
      deferred$.next();
      return EMPTY;
    };
    const canResume = runner.resume !== undefined;
    const subagent = new Subagent(block.id, { canResume, appended: call.resumed?.appended });
    call.subagent = subagent;

    const output = (input: unknown, run: NonNullable<Runner['run']>): Observable<ToolEvent> =>
      runAround(() => run(input, block, context), input, block, context, around).pipe(
        subagent.follow(),
        progressThenResult(),
        inTime(),
        map((given): ToolEvent => {
          if ('progress' in given) {
            const shown = subagent.progressOf(given.progress);
            return { type: 'tool_progress', ...ref, ...shown } as ToolEvent;
          }
          const { result: value } = given;
          return resultEvent(call, 'done', (runner.toContent ?? toolContent)(value), { value });
        }),
        catchError((thrown: unknown) => {
          const interrupted = SubagentInterruption.in(thrown);
          if (interrupted === undefined) throw thrown;
          call.deferred = { awaits: 'subagent', subagent: interrupted };
          return EMPTY;
        }),
        failing('failed'),
        startWith<ToolEvent>({ type: 'tool_start', ...ref, input }),
        tap(() => (hasStarted = true)),
      );
    const run = defer(() => {
      if (call.failure) throw call.failure;
      return runner.inputOf(block);
    }).pipe(
      inTime(),
      failing('invalid_input'),
      concatMap((input) =>
        requireApproval(input, block, context, approve).pipe(
          concatMap((mayRun) => {
            if (runner.run === undefined || !mayRun) {
              call.deferred = { awaits: runner.run ? 'approval' : 'result' };
              return defers();
            }
            const { tool_use_id: id, name, turn } = ref;
            const output$ = output(input, runner.run);
            const traced$ = tracing?.call(output$, { id, name, input, turn }) ?? output$;
            // Only here, after tracing has seen the run complete.
            return traced$.pipe(concatWith(defer(() => (call.deferred ? defers() : EMPTY))));
          }),
        ),
      ),
      catchError((failure: CallFailure) => of(failureEvent(call, failure))),
    );
    const refusal = refused$.pipe(
      map((failure) => failureEvent(call, failure)),
      tap(() => controller.abort()),
    );
    const withdrawal = withdrawn$.pipe(
      filter(() => hasStarted),
      map(() => resultEvent(call, 'withdrawn', 'The call was taken back')),
    );
    const stopped$ = merge(withdrawn$, refused$);
    return merge(
      refusal.pipe(takeUntil(withdrawn$)),
      run.pipe(takeUntil(stopped$)),
      withdrawal,
    ).pipe(
      tap((event) => {
        if (event.type === 'tool_result' && event.status !== 'withdrawn')
          call.result = event.result;
      }),
      takeWhile(({ type }) => type !== 'tool_result', true),
      takeUntil(deferred$),
    );
  });
}

/** The `preview` of a call while its input is written. An error of `preview` is the failure of the call. */
export function previewCall(call: TurnCall, { preview }: Runner): Observable<ToolEvent> {
  if (preview === undefined) return EMPTY;
  return defer(() => preview(call.context)).pipe(
    map((progress): ToolEvent => ({ type: 'tool_progress', ...refOf(call), progress })),
    failing('failed'),
    catchError((failure: CallFailure) => {
      call.failure = failure;
      return EMPTY;
    }),
    takeUntil(call.due$),
  );
}

function refOf({ block, context }: TurnCall): ToolCallRef {
  return { turn: context.turn, tool_use_id: block.id, name: block.name };
}

/** The result event of a failed call. */
export function failureEvent(call: TurnCall, { status, error }: CallFailure): ToolResultEvent {
  return resultEvent(call, status, errorContent(error), { error });
}

/** The result event of a call. */
export function resultEvent(
  call: TurnCall,
  status: ToolResultStatus,
  content: ToolResultBlockParam['content'],
  { value, error }: { value?: unknown; error?: unknown } = {},
): ToolResultEvent {
  const { id, toolset_name } = call.block;
  const result: ToolResultBlockParam = {
    type: 'tool_result',
    tool_use_id: id,
    // The API wants it back: SDK src/lib/internal/toolsets/run.ts.
    ...(toolset_name && { toolset_name }),
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
