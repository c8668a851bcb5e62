import { isBlank } from '../history/blankText.ts';
import type { Observable } from 'rxjs';
import { textOnly } from '../../operators/textOnly.ts';
import {
  type BetaMessagesClient,
  fromMessages,
  type MessagesClient,
  type MessagesOptions,
  type MessagesParams,
} from '../sources/fromMessages.ts';

/** The default parameters for a prompt that is a string. */
const DEFAULTS = { model: 'claude-opus-5-5', max_tokens: 4096 } as const;

export interface AskOptions<Client> extends MessagesOptions {
  /**
   * Parameters for a prompt that is a string. Default: `model: 'claude-opus-5-5'` and `max_tokens: 4096`;
   * your parameters replace or extend these.
   */
  params?: Partial<MessagesParams<Client>> | undefined;
}

/**
 * Asks one question, and emits the text of the reply as it arrives.
 *
 * ```text
 * events   --m--[--a--b--]--x--S|
 *          ask(client, 'Why is the sky blue?')
 * result   --------a--b---------|
 * ```
 *
 * - Cold: each subscription sends a new request.
 * - With the option `stream: false` the reply is not streamed, and its text is emitted all at once.
 * - Error, complete, unsubscribe: as `fromMessages`. The `stop_reason` is ignored: a text that `max_tokens`
 *   has cut completes like any other.
 *
 * For more than one question, use `Conversation`.
 *
 * @throws TypeError when `client` has no `messages.create`, and for an empty prompt.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { ask } from 'claude-rx/conversation';
 *
 * ask(new Anthropic(), 'Why is the sky blue?').subscribe((text) => process.stdout.write(text));
 * ```
 */
export function ask<Client extends MessagesClient | BetaMessagesClient>(
  client: Client,
  prompt: string | MessagesParams<Client>,
  { params, ...options }: AskOptions<Client> = {},
): Observable<string> {
  if (typeof prompt === 'string' && isBlank(prompt)) {
    throw new TypeError(
      'ask: the prompt is empty: pass a text, since the API refuses an empty message',
    );
  }
  const request = {
    ...DEFAULTS,
    ...params,
    ...(typeof prompt === 'string' ? { messages: [{ role: 'user', content: prompt }] } : prompt),
  } as unknown as MessagesParams<Client>;
  return fromMessages(client, request, options).pipe(textOnly());
}
