import {
  AsyncSubject,
  concatMap,
  defaultIfEmpty,
  defer,
  finalize,
  type Observable,
  tap,
} from 'rxjs';
import type { ToolEvent } from '../message/StreamEvent.ts';
import { CallFailure } from './CallFailure.ts';
import type { TurnCall } from './TurnCalls.ts';

/**
 * Lets the calls of one toolset of a turn run one after the other, and none after one that failed,
 * since the model has planned them as a sequence: SDK src/lib/internal/toolsets/run.ts. Other calls
 * neither wait nor stop them.
 */
export function toolsetSequence(): (
  call: TurnCall,
  run: Observable<ToolEvent>,
) => Observable<ToolEvent> {
  const last = new Map<string, Observable<boolean>>();
  return (call, run) => {
    const { toolset_name: family } = call.block;
    if (!family) return run;
    const before = last.get(family);
    const wentWell = new AsyncSubject<boolean>();
    last.set(family, wentWell.pipe(defaultIfEmpty(false)));
    const watched = run.pipe(
      tap((event) => {
        if (event.type === 'tool_result') wentWell.next(event.status === 'done');
      }),
      finalize(() => wentWell.complete()),
    );
    if (before === undefined) return watched;
    return before.pipe(
      concatMap((goesOn) =>
        defer(() => {
          if (!goesOn) call.failure ??= new CallFailure('failed', new Error(NOT_RUN));
          return watched;
        }),
      ),
    );
  };
}

const NOT_RUN = 'Not executed: an earlier action in this turn failed.';
