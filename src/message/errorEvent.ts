import { isSubagentEvent } from './guards.ts';
import { errorFrame, type ErrorFrame } from './errorFrame.ts';
import type { MessageStreamError, MessageStreamErrorCode } from './MessageStreamError.ts';
import { lookUp } from './record.ts';
import { fromApiError, toMessageStreamError } from './toMessageStreamError.ts';

/** Options for the errors that readers receive. */
export interface ErrorTextOptions {
  /**
   * Returns the text of an error for the reader. Default: a fixed sentence for its `code`, because the
   * message may contain addresses, names and secrets of the service. Between your own services,
   * `({ message }) => message` sends the message.
   */
  errorText?: ((error: MessageStreamError) => string) | undefined;
}

/** The sentence that readers receive for an error with this code. */
export const ERROR_SENTENCES: Readonly<Record<MessageStreamErrorCode, string>> = {
  truncated: 'The reply was cut off.',
  timeout: 'The reply took too long.',
  connection: 'The connection to the model was lost.',
  overloaded: 'The model is overloaded.',
  rate_limited: 'There were too many requests.',
  api: 'The model failed to answer.',
  request: 'The request was refused.',
  protocol: 'The answer of the model could not be read.',
  invalid_json: 'The reply holds JSON that is not valid.',
  refusal: 'The model declined to answer.',
  aborted: 'The reply was stopped.',
  unknown: 'Something went wrong.',
};

/** The types of errors of the API: SDK src/resources/shared.ts `ErrorType`, docs /docs/en/api/errors. */
const API_TYPE =
  /^((invalid_request|authentication|billing|permission|not_found|conflict|rate_limit|timeout|api|overloaded|memory_(precondition_failed|path_conflict))_error|request_too_large)$/;

/**
 * The event `{ type: 'error', error }` for an error, in the form of the API, for readers.
 *
 * It has the fields that a reader needs, and nothing internal: `code`, `retryable`, `retryAfterMs`,
 * `status`, `attempts`, `requestId`, `errorType` if it is one of the API's, and a fixed sentence for
 * the code. `cause`, `partial`, the stack and the message are not sent. All sinks send errors in this
 * form. Use it if you send events yourself, by `postMessage`, a queue or a WebSocket.
 *
 * ```text
 * errorEvent(error)             { type: 'error', error: { type, message, claude_rx: { code, ... } } }
 * toMessageStreamError(event)   the same error, with that sentence as its message
 * ```
 *
 * When this event arrives as a value, every operator that ends a reply turns it back into the error.
 *
 * @example
 * ```ts
 * import { errorEvent, type StreamEvent } from 'claude-rx';
 * import type { Observable } from 'rxjs';
 *
 * const post = (reply$: Observable<StreamEvent>, port: MessagePort) =>
 *   reply$.subscribe({
 *     next: (event) => port.postMessage(event),
 *     error: (error) => port.postMessage(errorEvent(error)),
 *   });
 * ```
 */
export function errorEvent(error: unknown, { errorText }: ErrorTextOptions = {}): ErrorFrame {
  const own = toMessageStreamError(error);
  // A code of a later version is kept, if it has the form of a code.
  const code = /^[a-z_]{1,40}$/.test(own.code) ? own.code : 'unknown';
  const { errorType } = own;
  return errorFrame({
    code,
    message: textOf(own, errorText) ?? lookUp(ERROR_SENTENCES, code) ?? ERROR_SENTENCES.unknown,
    retryable: own.retryable,
    retryAfterMs: own.retryAfterMs,
    status: own.status,
    attempts: own.attempts,
    requestId: own.requestId,
    errorType: errorType !== undefined && API_TYPE.test(errorType) ? errorType : undefined,
  });
}

/** The result of `errorText`. If it throws, the error is dropped, because no caller could catch it. */
function textOf(
  error: MessageStreamError,
  errorText: ErrorTextOptions['errorText'],
): string | undefined {
  try {
    const given: unknown = errorText?.(error);
    return typeof given === 'string' ? given : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The event for readers: its error is masked as by `errorEvent`, and the `value` of a tool is left out,
 * because the event has the content for the model. The same applies to events of subagents. The error
 * chunk of `toUiMessages` is masked already.
 */
export function clientEvent<E extends { type: string }>(event: E, options?: ErrorTextOptions): E {
  switch (event.type) {
    case 'error':
      return isUiError(event)
        ? event
        : (errorEvent(fromApiError({ body: event }), options) as unknown as E);
    case 'resume': {
      const { error: masked, request_id } = errorEvent(
        (event as { error?: unknown }).error,
        options,
      );
      const { message, claude_rx } = masked;
      const requestId = request_id === undefined ? {} : { requestId: request_id };
      return {
        ...event,
        error: { name: 'MessageStreamError', message, ...claude_rx, ...requestId },
      };
    }
    case 'tool_result': {
      const { value: _, ...shown } = event as { value?: unknown };
      return shown as E;
    }
    case 'tool_progress': {
      if (!isSubagentEvent(event)) return event;
      return { ...event, progress: clientEvent(event.progress, options) };
    }
    default:
      return event;
  }
}

function isUiError(event: object): boolean {
  return 'errorText' in event && Object.keys(event).length === 2;
}
