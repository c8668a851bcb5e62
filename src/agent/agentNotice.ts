import { type Fields, fields as fieldsIn, text } from '../message/record.ts';
import type { NoticeEvent } from '../message/NoticeEvent.ts';
import { isSynthetic, textOf } from './agentLines.ts';

/** A message of Claude Code itself: an error, a retry, a refusal or another `system` message. */
export interface AgentNotice {
  /** `api_error`, or the `subtype` of the system message. */
  kind: string;
  /** The message. The message of an error may quote the request. */
  text: string;
  /** The kind of the API's error, such as `overloaded` or `server_error`. */
  error?: string;
}

/** The `system` messages that are notices, and the field with their text. */
const KINDS: ReadonlyMap<unknown, string> = new Map([
  ['api_retry', 'error'],
  ['informational', 'content'],
  ['model_refusal_fallback', 'content'],
  ['model_refusal_no_fallback', 'content'],
  ['notification', 'text'],
]);

/** The notice in a message; `undefined` for any other message. */
export function noticeIn(line: Fields): AgentNotice | undefined {
  const { type, subtype, error, message } = line;
  const own = text(error) === undefined ? {} : { error: text(error)! };
  if (type === 'assistant' && isSynthetic(line)) {
    return { kind: 'api_error', text: textOf(fieldsIn(message)['content']), ...own };
  }
  const field = type === 'system' ? KINDS.get(subtype) : undefined;
  if (field === undefined) return undefined;
  const words = text(line[field]) ?? '';
  // A refusal is a notice even without text.
  if (words === '' && !String(subtype).startsWith('model_refusal')) return undefined;
  return { kind: String(subtype), text: words, ...own };
}

/** The notice in a message as an event. The message of an error is omitted: not every reader may see it. */
export function noticeEvent(line: Fields): NoticeEvent | undefined {
  const notice = noticeIn(line);
  if (notice === undefined) return undefined;
  const { kind, error, text: words } = notice;
  if (error !== undefined) return { type: 'notice', kind, error };
  return words === '' ? { type: 'notice', kind } : { type: 'notice', kind, text: words };
}
