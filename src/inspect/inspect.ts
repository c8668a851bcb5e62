import { defer, type MonoTypeOperatorFunction } from 'rxjs';
import type { InspectConfig } from './InspectConfig.ts';
import { inspectors } from './inspectors.ts';

/**
 * Shows what passes here in the inspector, `npx claude-rx inspect`: a line of marbles with this name.
 *
 * ```text
 * source     -m-[-t-t--p--#
 *            inspect('api')
 * result     -m-[-t-t--p--#
 * inspector  -m-[-t-t--p--#      the same, as a line of its page
 * ```
 *
 * Put one behind the source, and one behind each operator that may delay, change or end the reply.
 * Stages of one pipeline are shown together, the source on top.
 *
 * - Detached, which is the default: subscribers get the source itself. A subscription costs one call,
 *   a value nothing.
 * - Attached: values pass untouched and at once. A report that fails never reaches the pipeline.
 * - Error, complete, unsubscribe: as the source; the inspector shows which of them it was.
 * - An inspector that is attached later sees the subscriptions that begin after that.
 *
 * @throws TypeError when `name` is no text, or an empty one.
 *
 * @example
 * ```ts
 * import type Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, smoothText, textOnly } from 'claude-rx';
 * import { inspect } from 'claude-rx/inspect';
 *
 * // npx claude-rx inspect -- node service.js
 * const reply = (client: Anthropic, params: Anthropic.MessageCreateParamsNonStreaming) =>
 *   fromMessages(client, params).pipe(
 *     inspect('api'),
 *     textOnly(),
 *     smoothText(),
 *     inspect('shown'),
 *   );
 * ```
 */
export function inspect<T>(name: string, config: InspectConfig = {}): MonoTypeOperatorFunction<T> {
  if (typeof name !== 'string' || name === '') {
    throw new TypeError(`inspect: name must be a text, such as 'api'; got ${String(name)}`);
  }
  return (source) =>
    defer(() =>
      inspectors().reduce((observed, inspector) => inspector(observed, name, config), source),
    );
}
