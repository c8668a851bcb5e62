import type { ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages/messages';
import {
  AsyncSubject,
  defer,
  finalize,
  from,
  mergeMap,
  type Observable,
  of,
  Subject,
  tap,
} from 'rxjs';
import type { PendingCall, SubagentUsage, ToolEvent } from '../message/StreamEvent.ts';
import { CallFailure } from './CallFailure.ts';
import type { LoopTracing } from './LoopTracing.ts';
import { notApproved } from './requireApproval.ts';
import { failureEvent, resultEvent, runCall } from './runCall.ts';
import type { RunToolsOptions } from './RunToolsOptions.ts';
import type { AnsweredCall, CheckedAnswer } from './answeredCalls.ts';
import type { ToolUse } from './Tool.ts';
import type { ResumedSubagent } from './ToolAnswer.ts';
import type { Runner } from './toolRunners.ts';
import { sameIdSequence } from './sameIdSequence.ts';
import { toolsetSequence } from './toolsetSequence.ts';
import { plainCall } from './turnEnd.ts';
import type { TurnCall } from './TurnCalls.ts';

/** The outcome of the answered calls. */
export interface Answered {
  /** The results, in the order of the calls. */
  readonly results: ToolResultBlockParam[];
  /** The calls that wait for another answer. */
  readonly pending: PendingCall[];
  /** The usage of subagents. */
  readonly subagents: SubagentUsage[];
}

/**
 * The events of pending calls that are answered: approved calls run and subagents continue, with their
 * input checked again. Results, calls that wait again and usage are added to `answered`.
 */
export function runAnswers(
  answers: readonly AnsweredCall[],
  runnerOf: (block: ToolUse) => Runner,
  { concurrency = Infinity, approve: _, ...options }: RunToolsOptions,
  answered: Answered,
  tracing?: LoopTracing,
): Observable<ToolEvent> {
  return defer(() => {
    const sequence = toolsetSequence();
    const inTurn = sameIdSequence();
    const calls = answers.map(({ block, answer }) => ({
      block,
      answer,
      call: callOf(block, answer),
    }));
    return from(calls).pipe(
      mergeMap(({ block, answer, call }) => {
        const run =
          answer.kind === 'run' || answer.kind === 'resume'
            ? runCall(call, runnerFor(runnerOf(block), call), options, tracing)
            : of(eventOf(call, answer));
        return inTurn(call, sequence(call, run)).pipe(
          tap((event) => {
            if (event.type === 'tool_result') call.result = event.result;
          }),
        );
      }, concurrency),
      tap({
        complete: () => {
          for (const { block, call } of calls) {
            answered.subagents.push(...(call.subagent?.usage ?? []));
            // The history may have the call under another id.
            if (call.result) answered.results.push({ ...call.result, tool_use_id: block.id });
            if (call.deferred)
              answered.pending.push({ ...plainCall(call.block), ...call.deferred });
          }
        },
      }),
      finalize(() => {
        for (const { call } of calls) if (call.result === undefined) call.controller.abort();
      }),
    );
  });
}

/** The call under the id of its answer: the original id, if the history has another one. */
function callOf(block: ToolUse, answer: CheckedAnswer): TurnCall {
  const { id } = answer;
  const controller = new AbortController();
  const { signal } = controller;
  return {
    block: { ...block, id },
    context: { signal, toolUseId: id, turn: 0, partial$: of(block.input as never) },
    controller,
    due$: new AsyncSubject(),
    withdrawn$: new AsyncSubject(),
    refused$: new Subject(),
    ...(answer.kind === 'resume' && { resumed: answer.resumed }),
  };
}

/** The runner of a call that was approved, or of one whose subagent continues. */
function runnerFor(runner: Runner, { resumed }: TurnCall): Runner {
  return resumed ? { ...runner, run: resuming(runner, resumed) } : runner;
}

function resuming({ resume }: Runner, resumed: ResumedSubagent): NonNullable<Runner['run']> {
  return (input, { name }, context) => {
    if (resume) return resume(input, resumed, context);
    throw new Error(`The subagent of '${name}' cannot go on: its tool has no \`resume\``);
  };
}

function eventOf(
  call: TurnCall,
  answer: Exclude<CheckedAnswer, { kind: 'run' | 'resume' }>,
): ToolEvent {
  switch (answer.kind) {
    case 'denied':
      return failureEvent(call, notApproved(answer.reason));
    case 'error':
      return failureEvent(call, new CallFailure('failed', answer.error));
    case 'result':
      return resultEvent(call, 'done', answer.content, { value: answer.value });
  }
}
