import type { Observable } from 'rxjs';
import type { AnyStreamEvent, ToolEvent } from '../message/StreamEvent.ts';

/** The request of a turn, for a trace. */
export interface TracedTurn {
  /** The number of the turn, from 1. */
  readonly turn: number;
  /** The parameters of the request. */
  readonly params: object;
}

/** A running call, for a trace. */
export interface TracedCall {
  /** The `id` of the call. */
  readonly id: string;
  readonly name: string;
  /** The input after the schema, as the tool gets it. */
  readonly input: unknown;
  readonly turn: number;
}

/** Wraps the Observables of one loop before they are subscribed. */
export interface LoopTracing {
  /** The whole loop. */
  loop<T>(loop$: Observable<T>): Observable<T>;
  /** The reply of a turn. */
  reply<E extends AnyStreamEvent>(reply$: Observable<E>, turn: TracedTurn): Observable<E>;
  /** The run of a tool: emits its events, or errors with a failure that has `status` and `error`. */
  call(run$: Observable<ToolEvent>, call: TracedCall): Observable<ToolEvent>;
}
