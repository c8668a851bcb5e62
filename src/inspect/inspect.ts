import { defer, type MonoTypeOperatorFunction } from 'rxjs';
import type { InspectConfig } from './InspectConfig.ts';
import { inspectors } from './inspectors.ts';

/**
 * Shows the values at this place in the inspector (`npx claude-rx inspect`), as a line with this name.
 *
 * ```text
 * source     -m-[-t-t--p--#
 *            inspect('api')
 * result     -m-[-t-t--p--#
 * inspector  -m-[-t-t--p--#      the same, as a line of its page
 * ```
 *
 * Put an `inspect` behind the source, and one behind each operator that may delay, change or end the
 * reply. The stages of one pipeline are shown together, the source on top.
 *
 * - Without an attached inspector (the default), subscribers get the source itself. A subscription
 *   costs one call, a value nothing.
 * - With an attached inspector, values pass unchanged and synchronously. Errors of the inspector never
 *   reach the pipeline.
 * - Error, complete, unsubscribe: as the source; the inspector shows how the stage ended.
 * - An inspector that is attached later shows only subscriptions that begin after that.
 *
 * @throws TypeError when `name` is not a non-empty string.
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
    throw new TypeError(
      `inspect: \`name\` must be a non-empty string, such as 'api'; got ${String(name)}`,
    );
  }
  return (source) =>
    defer(() =>
      inspectors().reduce((observed, inspector) => inspector(observed, name, config), source),
    );
}
