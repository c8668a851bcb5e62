/**
 * What Claude Code reports between the events of a reply: an error, another attempt, a refusal. It is
 * no text of Claude and changes no message.
 */
export interface NoticeEvent {
  type: 'notice';
  /** `api_error`, or the subtype of the line, such as `api_retry` or `informational`. */
  kind: string;
  /** The words of Claude Code; left out for an error, whose words may quote the request. */
  text?: string;
  /** The kind of an error, such as `overloaded` or `server_error`. */
  error?: string;
}
