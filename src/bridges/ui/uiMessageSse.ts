import { ERROR_SENTENCES } from '../../message/errorEvent.ts';
import type { UiMessageChunk } from './UiMessageChunk.ts';

/** The type of `UI_MESSAGE_SSE`. */
export interface UiMessageSse {
  readonly headers: Readonly<Record<string, string>>;
  readonly id: false;
  readonly eventLine: false;
  readonly done: string;
  readonly cut: UiMessageChunk;
}

/**
 * Options for `toSseResponse` and `pipeToResponse` that send the chunks of `toUiMessages`: the header of
 * the UI message stream, frames with `data:` lines only, and `[DONE]` as the last frame. If you
 * unsubscribe while the page is connected, the last chunk is an error, because a page takes a stream that
 * just ends for complete.
 *
 * @example
 * ```ts
 * import type { ServerResponse } from 'node:http';
 * import { pipeToResponse, type StreamEvent } from 'claude-rx';
 * import { toUiMessages, UI_MESSAGE_SSE } from 'claude-rx/ui';
 * import type { Observable } from 'rxjs';
 *
 * const send = (reply$: Observable<StreamEvent>, response: ServerResponse) =>
 *   pipeToResponse(reply$.pipe(toUiMessages()), response, { ...UI_MESSAGE_SSE, heartbeat: 10_000 });
 * ```
 */
export const UI_MESSAGE_SSE: UiMessageSse = {
  headers: { 'x-vercel-ai-ui-message-stream': 'v1' },
  id: false,
  eventLine: false,
  done: '[DONE]',
  cut: { type: 'error', errorText: ERROR_SENTENCES.aborted },
};
