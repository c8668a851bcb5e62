import { ERROR_SENTENCES } from '../../message/errorEvent.ts';

/** The type of `AG_UI_SSE`. */
export interface AgUiSse {
  readonly id: false;
  readonly eventLine: false;
  readonly cut: { readonly type: 'RUN_ERROR'; readonly message: string; readonly code: 'aborted' };
}

/**
 * Options for `toSseResponse` and `pipeToResponse` that send the events of `toAgUi` in frames of
 * `data:` lines only. If you unsubscribe while the client is connected, `pipeToResponse` sends a
 * `RUN_ERROR` last, because AG-UI clients take a stream that just ends for complete.
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
