import { MessageStreamError, type MessageStreamErrorCode } from '../message/MessageStreamError.ts';
import { fromApiError } from '../message/toMessageStreamError.ts';

type Fields = Record<string, unknown>;

/** The kinds of API errors as Claude Code names them: sdk.d.ts `SDKAssistantMessageError`. */
const CODE_OF_ERROR: ReadonlyMap<unknown, MessageStreamErrorCode> = new Map([
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
 * The error that a `result` message reports; `undefined` for a turn that went well. `kind` is the
 * `error` of the last assistant message, where that was the text of an API error.
 */
export function resultError(result: Fields, kind?: unknown): MessageStreamError | undefined {
  const { subtype, is_error, terminal_reason, startup_failure_reason, api_error_status } = result;
  if (subtype === 'success' && is_error !== true) return undefined;
  const said = saidIn(result);
  if (typeof api_error_status === 'number') {
    const body = { error: { type: kind, message: said } };
    return fromApiError({ body, status: api_error_status, cause: result });
  }
  const code =
    CODE_OF_ERROR.get(kind) ??
    CODE_OF_REASON.get(subtype) ??
    CODE_OF_REASON.get(terminal_reason) ??
    (startup_failure_reason === undefined ? 'unknown' : 'request');
  const reason = [startup_failure_reason, subtype === 'success' ? kind : subtype, terminal_reason];
  const errorType = reason.find((name) => typeof name === 'string') as string | undefined;
  const name = errorType === undefined ? '' : ` (${errorType})`;
  return new MessageStreamError(`Claude Code ended the turn with an error${name}: ${said}`, {
    code,
    errorType,
    cause: result,
  });
}

function saidIn({ result, errors }: Fields): string {
  const said = Array.isArray(errors) && errors.length > 0 ? errors.map(String).join('; ') : result;
  return typeof said === 'string' && said !== '' ? said.slice(0, 1_000) : 'it gave no message';
}
