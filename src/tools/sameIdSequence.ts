import { AsyncSubject, concat, type Observable, tap } from 'rxjs';
import type { ToolEvent } from '../message/StreamEvent.ts';
import type { TurnCall } from './TurnCalls.ts';

/**
 * Runs the calls of a turn that have the same id one after the other, in their order: only the order of
 * their events says which call an event is of. Calls with other ids are independent.
 */
export function sameIdSequence(): (
  call: TurnCall,
  run: Observable<ToolEvent>,
) => Observable<ToolEvent> {
  const last = new Map<string, Observable<never>>();
  return ({ block: { id } }, run) => {
    const before = last.get(id);
    const ended = new AsyncSubject<never>();
    last.set(id, ended);
    // Not `finalize`: after an unsubscribe, no further call may begin.
    const watched = run.pipe(tap({ complete: () => ended.complete() }));
    return before ? concat(before, watched) : watched;
  };
}
