import { concatMap, connect, filter, finalize, map, merge, mergeMap, type Observable } from 'rxjs';
import type { AnyStreamEvent, ToolEvent } from '../message/StreamEvent.ts';
import { sameIdSequence } from './sameIdSequence.ts';
import { toolsetSequence } from './toolsetSequence.ts';
import { previewCall, runCall } from './runCall.ts';
import type { Runner } from './toolRunners.ts';
import type { LoopTracing } from './LoopTracing.ts';
import type { RunToolsOptions } from './RunToolsOptions.ts';
import type { ToolUse } from './Tool.ts';
import type { TurnCalls } from './TurnCalls.ts';

/**
 * Emits the events of a reply and of its calls; a call starts after the event that allows it to run.
 * Completes when the reply is complete and all its calls have their results.
 */
export function runTurn<E extends AnyStreamEvent>(
  reply$: Observable<E>,
  calls: TurnCalls<E>,
  runnerOf: (block: ToolUse) => Runner,
  { concurrency = Infinity, ...options }: RunToolsOptions,
  tracing?: LoopTracing,
): Observable<E | ToolEvent<E>> {
  const sequence = toolsetSequence();
  const inTurn = sameIdSequence();
  return reply$.pipe(
    connect((reply) => {
      const steps = reply.pipe(
        map((event) => calls.push(event)),
        filter((made) => made.length > 0),
        concatMap((made) => made),
      );
      const work = steps.pipe(
        connect((made) =>
          merge(
            made.pipe(
              filter(({ type }) => type === 'begin'),
              mergeMap(({ call }) => previewCall(call, runnerOf(call.block))),
            ),
            made.pipe(
              filter(({ type }) => type === 'run'),
              mergeMap(({ call }) => {
                const run = runCall(call, runnerOf(call.block), options, tracing);
                return inTurn(call, sequence(call, run));
              }, concurrency),
            ),
          ),
        ),
      );
      // The event first: a subscriber gets the whole call before its `tool_start`.
      return merge(reply, work as Observable<ToolEvent<E>>);
    }),
    finalize(() => calls.abandon()),
  );
}
