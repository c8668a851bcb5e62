import { MessageStreamError, type MessageStreamErrorCode } from '../message/MessageStreamError.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';

/** The `MessageStreamError` for an error of an Agent SDK query, by its shape in version 0.3.332. */
export function agentFailure(cause: unknown): MessageStreamError {
  const { signal, code, message } = (cause ?? {}) as Record<string, unknown>;
  const own = codeOf(signal, code, String(message));
  if (own === undefined) return toMessageStreamError(cause);
  return new MessageStreamError(String(message), { code: own, cause });
}

function codeOf(signal: unknown, code: unknown, said: string): MessageStreamErrorCode | undefined {
  if (typeof signal === 'string' && signal.startsWith('SIG')) return 'connection';
  if (said.startsWith('Claude Code process aborted')) return 'aborted';
  // The executable does not exist, or may not be run.
  if (code === 'ENOENT' || code === 'EACCES') return 'request';
  return /^(Native CLI|Claude Code native) binary/.test(said) ? 'request' : undefined;
}
