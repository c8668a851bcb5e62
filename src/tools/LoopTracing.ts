import type { Observable } from 'rxjs';
import type { AnyStreamEvent, ToolEvent } from '../message/StreamEvent.ts';

/** The request of a turn, as it is traced. */
export interface TracedTurn {
  /** The number of the turn, from 1. */
  readonly turn: number;
  /** The parameters of the request. */
  readonly params: object;
}

/** A call that runs, as it is traced. */
export interface TracedCall {
  /** The `id` of the call. */
  readonly id: string;
  readonly name: string;
  /** The input as the tool gets it. */
  readonly input: unknown;
  readonly turn: number;
}

/** Wraps the parts of one loop, each before it is subscribed. */
export interface LoopTracing {
  /** All of the loop. */
  loop<T>(loop$: Observable<T>): Observable<T>;
  /** The reply of a turn. */
  reply<E extends AnyStreamEvent>(reply$: Observable<E>, turn: TracedTurn): Observable<E>;
  /** The run of a tool: its events, or its failure, which has a `status` and an `error`. */
  call(run$: Observable<ToolEvent>, call: TracedCall): Observable<ToolEvent>;
}
