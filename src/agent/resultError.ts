import { MessageStreamError, type MessageStreamErrorCode } from '../message/MessageStreamError.ts';
import type { Fields } from '../message/record.ts';
import { fromApiError } from '../message/toMessageStreamError.ts';
import { isGoodResult } from './agentLines.ts';

/**
 * Claude Code's names for errors of the API: sdk.d.ts `SDKAssistantMessageError`, and `api_error` of a
 * result.
 */
const CODE_OF_ERROR: ReadonlyMap<unknown, MessageStreamErrorCode> = new Map([
  ['connection_failed', 'connection'],
  ['overloaded', 'overloaded'],
  ['rate_limit', 'rate_limited'],
  ['server_error', 'api'],
  ['account_on_hold', 'request'],
  ['authentication_failed', 'request'],
  ['billing_error', 'request'],
  ['cloud_credential_error', 'request'],
  ['invalid_request', 'request'],
  ['max_output_tokens', 'request'],
  ['model_not_found', 'request'],
  ['oauth_org_not_allowed', 'request'],
  ['verification_required', 'request'],
]);

/** Why a turn ended: sdk.d.ts `SDKResultError` and `TerminalReason`. */
const CODE_OF_REASON: ReadonlyMap<unknown, MessageStreamErrorCode> = new Map([
  ['error_max_turns', 'request'],
  ['error_max_budget_usd', 'request'],
  ['error_max_structured_output_retries', 'invalid_json'],
  ['aborted_streaming', 'aborted'],
  ['aborted_tools', 'aborted'],
  ['api_error', 'api'],
  ['model_error', 'api'],
  ['blocking_limit', 'rate_limited'],
  ['image_error', 'request'],
  ['prompt_too_long', 'request'],
]);

/**
 * The error that a `result` message reports; `undefined` for a successful turn. `kind` is the `error`
 * of the last assistant message, if that was the text of an API error.
 *
 * The fields of the result take precedence: `stop_reason: 'refusal'`, `api_error_status`,
 * `api_error_type` (the API's error type), `api_error` (the CLI's name for the error).
 */
export function resultError(result: Fields, kind?: unknown): MessageStreamError | undefined {
  if (isGoodResult(result)) return undefined;
  const { subtype, terminal_reason, startup_failure_reason, stop_reason } = result;
  const { api_error_status: status, api_error_type: type, api_error } = result;
  if (stop_reason === 'refusal') return failed(result, 'refusal', 'refusal');
  if (typeof status === 'number' || typeof type === 'string') {
    const body = { error: { type: type ?? kind, message: saidIn(result) } };
    return fromApiError({
      body,
      status: typeof status === 'number' ? status : undefined,
      cause: result,
    });
  }
  const code =
    CODE_OF_ERROR.get(api_error) ??
    CODE_OF_ERROR.get(kind) ??
    CODE_OF_REASON.get(subtype) ??
    CODE_OF_REASON.get(terminal_reason) ??
    (startup_failure_reason === undefined ? 'unknown' : 'request');
  const own = subtype === 'success' ? (api_error ?? kind) : subtype;
  const names = [startup_failure_reason, own, terminal_reason];
  return failed(result, code, names.find((name) => typeof name === 'string') as string | undefined);
}

function failed(
  result: Fields,
  code: MessageStreamErrorCode,
  errorType: string | undefined,
): MessageStreamError {
  const name = errorType === undefined ? '' : ` (${errorType})`;
  return new MessageStreamError(
    `Claude Code ended the turn with an error${name}: ${saidIn(result)}`,
    { code, errorType, cause: result },
  );
}

function saidIn({ result, errors }: Fields): string {
  const said = Array.isArray(errors) && errors.length > 0 ? errors.map(String).join('; ') : result;
  return typeof said === 'string' && said !== '' ? said.slice(0, 1_000) : 'it gave no message';
}
