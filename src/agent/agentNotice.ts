import { type Fields, fields as fieldsIn, text } from '../message/record.ts';
import type { NoticeEvent } from '../message/NoticeEvent.ts';
import { isSynthetic, textOf } from './agentLines.ts';

/** What Claude Code reports in words of its own, or by a line of its system. */
export interface AgentNotice {
  /** `api_error`, or the `subtype` of the system message. */
  kind: string;
  /** The words of Claude Code. Those of an error may quote the request. */
  text: string;
  /** The kind of the API's error, such as `overloaded` or `server_error`. */
  error?: string;
}

/** The system messages that are notices, and the field with their words. */
const KINDS: ReadonlyMap<unknown, string> = new Map([
  ['api_retry', 'error'],
  ['informational', 'content'],
  ['model_refusal_fallback', 'content'],
  ['model_refusal_no_fallback', 'content'],
  ['notification', 'text'],
]);

/** The notice in a line; `undefined` for any other line. */
export function noticeIn(line: Fields): AgentNotice | undefined {
  const { type, subtype, error, message } = line;
  const own = text(error) === undefined ? {} : { error: text(error)! };
  if (type === 'assistant' && isSynthetic(line)) {
    return { kind: 'api_error', text: textOf(fieldsIn(message)['content']), ...own };
  }
  const field = type === 'system' ? KINDS.get(subtype) : undefined;
  if (field === undefined) return undefined;
  const words = text(line[field]) ?? '';
  // A refusal is one without words too.
  if (words === '' && !String(subtype).startsWith('model_refusal')) return undefined;
  return { kind: String(subtype), text: words, ...own };
}

/** The notice in a line as an event, without the words of an error, which are not for any reader. */
export function noticeEvent(line: Fields): NoticeEvent | undefined {
  const notice = noticeIn(line);
  if (notice === undefined) return undefined;
  const { kind, error, text: words } = notice;
  if (error !== undefined) return { type: 'notice', kind, error };
  return words === '' ? { type: 'notice', kind } : { type: 'notice', kind, text: words };
}
