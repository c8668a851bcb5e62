import { AsyncSubject, concatMap, EMPTY, finalize, type Observable, tap } from 'rxjs';
import type { ToolEvent } from '../message/StreamEvent.ts';
import { CallFailure } from './CallFailure.ts';
import type { TurnCall } from './TurnCalls.ts';

/**
 * Runs the calls of one toolset in a turn one after the other, since the model has planned them as a
 * sequence: SDK src/lib/internal/toolsets/run.ts. After a call that failed, no further call of the toolset
 * runs; after a deferred call, all further calls are deferred. Calls of other tools are independent.
 */
export function toolsetSequence(): (
  call: TurnCall,
  run: Observable<ToolEvent>,
) => Observable<ToolEvent> {
  const last = new Map<string, Observable<Ending>>();
  return (call, run) => {
    const { toolset_name: family } = call.block;
    if (!family) return run;
    const before = last.get(family);
    const ending = new AsyncSubject<Ending>();
    last.set(family, ending);
    let isDone = false;
    const watched = run.pipe(
      tap((event) => {
        if (event.type === 'tool_result') isDone = event.status === 'done';
      }),
      finalize(() => {
        ending.next(call.deferred ? 'deferred' : isDone ? 'done' : 'failed');
        ending.complete();
      }),
    );
    if (before === undefined) return watched;
    return before.pipe(
      concatMap((ended) => {
        if (ended === 'failed') call.failure ??= new CallFailure('failed', new Error(NOT_RUN));
        if (ended !== 'deferred') return watched;
        call.deferred = { awaits: 'approval' };
        ending.next('deferred');
        ending.complete();
        return EMPTY;
      }),
    );
  };
}

/** How a call of a toolset ended. */
type Ending = 'done' | 'failed' | 'deferred';

const NOT_RUN = 'Not executed: an earlier action in this turn failed.';
