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
import type { SubagentUsage, ToolEvent } from '../message/StreamEvent.ts';
import { CallFailure } from './CallFailure.ts';
import type { LoopTracing } from './LoopTracing.ts';
import { notApproved } from './requireApproval.ts';
import { failureEvent, resultEvent, runCall } from './runCall.ts';
import type { RunToolsOptions } from './RunToolsOptions.ts';
import type { AnsweredCall, CheckedAnswer } from './ToolAnswer.ts';
import type { ToolUse } from './Tool.ts';
import type { Runner } from './toolRunners.ts';
import { toolsetSequence } from './toolsetSequence.ts';
import type { TurnCall } from './TurnCalls.ts';

/**
 * The events of calls that were pending and are answered: those that are approved run, with their input
 * checked again. `results` takes their results, in the order of the calls, `subagents` what subagents have used.
 */
export function runAnswers(
  answered: readonly AnsweredCall[],
  runnerOf: (block: ToolUse) => Runner,
  { concurrency = Infinity, approve: _, ...options }: RunToolsOptions,
  results: ToolResultBlockParam[],
  subagents: SubagentUsage[],
  tracing?: LoopTracing,
): Observable<ToolEvent> {
  return defer(() => {
    const sequence = toolsetSequence();
    const calls = answered.map(({ block, answer }) => ({
      block,
      answer,
      call: callOf(block, answer),
    }));
    return from(calls).pipe(
      mergeMap(
        ({ block, answer, call }) =>
          sequence(
            call,
            answer.kind === 'run'
              ? runCall(call, runnerOf(block), options, tracing)
              : of(eventOf(call, answer)),
          ),
        concurrency,
      ),
      tap({
        next: (event) => {
          if (event.type !== 'tool_result') return;
          const one = calls.find(({ call }) => call.block.id === event.tool_use_id);
          if (one) one.call.result = event.result;
        },
        complete: () => {
          for (const { block, call } of calls) {
            subagents.push(...(call.subagent?.usage ?? []));
            // The history may have it under another id.
            results.push({ ...call.result!, tool_use_id: block.id });
          }
        },
      }),
      finalize(() => {
        for (const { call } of calls) if (call.result === undefined) call.controller.abort();
      }),
    );
  });
}

/** The call under the id of its answer: as it came, where the history has it under another one. */
function callOf(block: ToolUse, { id }: CheckedAnswer): TurnCall {
  const controller = new AbortController();
  const { signal } = controller;
  return {
    block: { ...block, id },
    context: { signal, toolUseId: id, turn: 0, partial$: of(block.input as never) },
    controller,
    due$: new AsyncSubject(),
    withdrawn$: new AsyncSubject(),
    refused$: new Subject(),
  };
}

function eventOf(call: TurnCall, answer: Exclude<CheckedAnswer, { kind: 'run' }>): ToolEvent {
  switch (answer.kind) {
    case 'denied':
      return failureEvent(call, notApproved(answer.reason));
    case 'error':
      return failureEvent(call, new CallFailure('failed', answer.error));
    case 'result':
      return resultEvent(call, 'done', answer.content, { value: answer.value });
  }
}
