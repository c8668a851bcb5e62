/**
 * A report of Claude Code between the events of a reply: an error, another attempt, a refusal. It is
 * not a text of Claude, and does not change the message.
 */
export interface NoticeEvent {
  type: 'notice';
  /** `api_error`, or the subtype of the line, such as `api_retry` or `informational`. */
  kind: string;
  /** The text of Claude Code; left out for an error, whose text may quote the request. */
  text?: string;
  /** The kind of an error, such as `overloaded` or `server_error`. */
  error?: string;
}
