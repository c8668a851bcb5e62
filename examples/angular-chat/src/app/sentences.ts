import type { MessageStreamError } from 'claude-rx';

const SENTENCES: Readonly<Record<string, string>> = {
  connection: 'The connection was lost.',
  truncated: 'The reply broke off.',
  timeout: 'Nothing came any more.',
  overloaded: 'Claude is overloaded at the moment.',
  rate_limited: 'There were too many requests at once.',
  api: 'Claude had a problem of its own.',
  protocol: 'The service answered with something that is no reply.',
};

/** An error for people. What the service refused, it says itself. */
export function sentenceFor({ code, message }: MessageStreamError): string {
  return SENTENCES[code] ?? message;
}
