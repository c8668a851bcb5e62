import { ERROR_SENTENCES } from '../../message/errorEvent.ts';

/** How the sinks send events of AG-UI: see `AG_UI_SSE`. */
export interface AgUiSse {
  readonly id: false;
  readonly eventLine: false;
  readonly cut: { readonly type: 'RUN_ERROR'; readonly message: string; readonly code: 'aborted' };
}

/**
 * The options with which the sinks send the events of `toAgUi`: frames of `data:` lines alone. If you
 * unsubscribe while the client is there, `pipeToResponse` sends a `RUN_ERROR` last, because clients of
 * AG-UI take a stream that just ends for complete.
 *
 * ```text
 * toSseResponse(events$, AG_UI_SSE)                data: {"type":"RUN_STARTED",...}
 * pipeToResponse(events$, response, AG_UI_SSE)     data: {"type":"TEXT_MESSAGE_START",...}
 * ```
 *
 * @example
 * ```ts
 * import { pipeToResponse } from 'claude-rx';
 * import { AG_UI_SSE, type AgUiEvent } from 'claude-rx/ag-ui';
 * import type { ServerResponse } from 'node:http';
 * import type { Observable } from 'rxjs';
 *
 * const send = (events$: Observable<AgUiEvent>, response: ServerResponse) =>
 *   pipeToResponse(events$, response, { ...AG_UI_SSE, heartbeat: 10_000 });
 * ```
 */
export const AG_UI_SSE: AgUiSse = {
  id: false,
  eventLine: false,
  cut: { type: 'RUN_ERROR', message: ERROR_SENTENCES.aborted, code: 'aborted' },
};
