import {
  continueFrom,
  finalText,
  fromResponse,
  MessageStreamError,
  retryResumable,
  type StreamEvent,
  toSseResponse,
} from 'claude-rx';
import { lastValueFrom, type Observable, take, tap, toArray } from 'rxjs';

/** The request, with what the server is to do in place of a prompt. */
const params = (prompt: string) => ({
  model: 'claude-opus-5-5',
  max_tokens: 1024,
  messages: [{ role: 'user' as const, content: prompt }],
});

const errorOf = async (reply: Observable<unknown>): Promise<object> => {
  const error: unknown = await lastValueFrom(reply).then(
    () => 'no error',
    (reason: unknown) => reason,
  );
  if (!(error instanceof MessageStreamError)) return { error: String(error) };
  const { code, retryable, status, partial } = error;
  const [block] = partial?.content ?? [];
  return { code, retryable, status, partial: block?.type === 'text' ? block.text : undefined };
};

/**
 * What a program does with this package on a platform with `fetch`, and nothing else: the results, as
 * plain JSON. `api` is a server of the Messages API, `nobody` an address at which nothing listens.
 */
export async function runChecks(api: string, nobody: string): Promise<object> {
  const ask = (body: object, signal?: AbortSignal): Observable<StreamEvent> =>
    fromResponse(
      (aborted) =>
        fetch(`${api}/v1/messages`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-api-key': 'k' },
          body: JSON.stringify({ ...body, stream: true }),
          signal: aborted,
        }),
      { signal },
    );
  const stop = new AbortController();
  let deltas = 0;
  /** Fires when all has come that comes. */
  const stopped = ask(params('stall'), stop.signal).pipe(
    tap({
      next: (event) => event.type === 'content_block_delta' && ++deltas === 10 && stop.abort(),
    }),
  );
  const served = toSseResponse(ask(params('whole')));

  return {
    fromResponse: await lastValueFrom(ask(params('whole')).pipe(finalText())),
    toSseResponse: {
      type: served.headers.get('content-type'),
      text: await lastValueFrom(fromResponse(served).pipe(finalText())),
      error: await errorOf(fromResponse(toSseResponse(ask(params('cut'))))),
    },
    retryResumable: await lastValueFrom(
      ask(params('once cut')).pipe(
        retryResumable({
          delay: 0,
          resume: ({ partial }) => ask(continueFrom(params('once cut'), partial)),
        }),
        finalText(),
      ),
    ),
    unsubscribed: (await lastValueFrom(ask(params('stall')).pipe(take(3), toArray()))).length,
    cut: await errorOf(ask(params('cut'))),
    reset: await errorOf(ask(params('reset'))),
    overloaded: await errorOf(ask(params('overloaded'))),
    aborted: await errorOf(stopped),
    refused: await errorOf(fromResponse((signal) => fetch(nobody, { signal }))),
  };
}
