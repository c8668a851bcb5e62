import { Observable } from 'rxjs';
import type { AnyAgentMessage } from './AgentMessage.ts';
import { agentFailure } from './agentFailure.ts';
import { agentEndings, type AgentOptions } from './AgentOptions.ts';
import { consumed } from '../sources/consumed.ts';
import { isAsyncIterable, pull, quietly } from '../sources/readIterable.ts';

/**
 * A query of the Agent SDK, any other async iterable of its messages, or a function that returns one.
 * The function is called for each subscription.
 */
export type AgentInput<M extends AnyAgentMessage> =
  | AsyncIterable<M>
  | ((signal: AbortSignal) => AsyncIterable<M>);

/** The part of the SDK's `Query` that is used. */
interface Closable {
  interrupt?(): Promise<unknown>;
  close?(): void;
}

/**
 * Turns a query of the Claude Agent SDK into an Observable of its messages.
 *
 * ```text
 * query   --i--a--u--a--r--|      i: system/init, a: assistant, u: user, r: result
 * result  --i--a--u--a--r--|
 *
 * query   --i--a--|
 * result  --i--a--#               truncated: there is no result
 * ```
 *
 * `streamEvents()` turns the messages into stream events for all other operators; `agentState()` into
 * the state of the session. The messages keep the types of the Agent SDK, which this package does not
 * import.
 *
 * - Cold with a function: one query for each subscription. A query itself can be subscribed only once.
 * - Error: a `MessageStreamError` whose `partial` is the last reply of the main thread. A `result` that
 *   reports an error is emitted first; then the Observable errors with the whole result as `cause`. The
 *   `errorType` is its `subtype` (`error_max_turns`, ...) or the type of the API's error. The code is
 *   `truncated` for an end without a `result` (which the SDK reports as success), `connection` if the
 *   process was killed, `request` if the executable does not exist.
 * - Complete: when the query completes, after the result of the last turn.
 * - Unsubscribe: the query is interrupted and closed at once. The SDK then gives its process two seconds
 *   to exit before it kills the process. For an async generator, `return()` is called, which takes
 *   effect at its next `yield`, unless the generator listens to the signal.
 * - A `valve` pauses an async generator. A query of the SDK keeps reading from its process; to pause the
 *   process too, use `fromClaudeCode`.
 *
 * @throws TypeError when given neither an async iterable nor a function.
 *
 * @example
 * ```ts
 * import { textOnly } from 'claude-rx';
 * import { type AgentMessage, fromAgent, streamEvents } from 'claude-rx/agent';
 *
 * // import { query } from '@anthropic-ai/claude-agent-sdk';
 * declare function query(params: { prompt: string; options?: object }): AsyncIterable<AgentMessage>;
 *
 * const options = { includePartialMessages: true };
 * fromAgent(() => query({ prompt: 'What does this project do?', options }))
 *   .pipe(streamEvents(), textOnly())
 *   .subscribe((text) => process.stdout.write(text));
 * ```
 */
export function fromAgent<M extends AnyAgentMessage>(
  query: AgentInput<M>,
  options: AgentOptions = {},
): Observable<M> {
  if (typeof query !== 'function' && !isAsyncIterable(query)) {
    throw new TypeError(
      'fromAgent: pass a query of the Agent SDK, or a function that returns one, such as ' +
        '`() => query({ prompt })`',
    );
  }
  let used = false;
  return new Observable<M>((subscriber) => {
    const controller = new AbortController();
    const fail = (error: unknown) => subscriber.error(agentFailure(error));
    if (used) return fail(consumed('query has been subscribed', REMEDY));
    used = typeof query !== 'function';

    let iterator: AsyncIterator<M>;
    try {
      const messages = typeof query === 'function' ? query(controller.signal) : query;
      iterator = messages[Symbol.asyncIterator]();
      subscriber.add(() => {
        controller.abort();
        leave(messages, iterator);
      });
    } catch (error) {
      return fail(error);
    }

    pull(iterator, subscriber, fail, options.valve);
  }).pipe(agentEndings(options));
}

/** Ends a query, whether or not it is waiting. Errors are ignored: nobody is subscribed any more. */
function leave(messages: AsyncIterable<unknown>, iterator: AsyncIterator<unknown>): void {
  const { interrupt, close } = messages as Closable;
  if (typeof close === 'function') {
    if (typeof interrupt === 'function') quietly(() => interrupt.call(messages));
    quietly(() => close.call(messages));
  }
  quietly(() => iterator.return?.());
}

const REMEDY = 'makes one: fromAgent(() => query({ prompt }))';
