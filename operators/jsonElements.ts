import { concatMap, defer, type ObservableInput, type OperatorFunction } from 'rxjs';
import { branchAt, requirePath } from '../src/json/branchAt.ts';
import { checkWithSchema } from '../src/json/checkWithSchema.ts';
import type { JsonPath, JsonValue } from '../src/json/JsonValue.ts';
import {
  type OutputOf,
  requireSchema,
  type StandardIssue,
  type StandardSchema,
} from '../src/json/StandardSchema.ts';
import { StreamEnd } from '../src/message/eventKinds.ts';
import { MessageJson } from '../src/message/MessageJson.ts';
import type { AnyStreamEvent, EventsOnly } from '../src/message/StreamEvent.ts';
import { requireMessageStop } from './requireMessageStop.ts';

export interface JsonElementsConfig {
  /** The path of the array in the JSON. Default: `[]`, the JSON itself is the array. */
  path?: JsonPath;
  /**
   * Called when a `resume` restarts the reply: the elements so far are no longer valid, and all elements
   * are emitted again from the first. Default: nothing is called.
   */
  onRestart?: () => void;
}

/**
 * Emits each element of an array in a JSON reply as soon as the element is complete, checked by the
 * schema, in order.
 *
 * ```text
 * source  --m--a--b--c--x--S|    a: '{"items":[{"n":1},{"n'  b: '":2},'  c: '{"n":3}]}'
 *         jsonElements(Item, ['items'])
 * result  -----1--2--3-----|     { n: 1 }, { n: 2 }, { n: 3 }
 * ```
 *
 * The array is not kept in memory: only the element that is being written, and the text of the reply,
 * for errors.
 *
 * - An element that the schema refuses is an `InvalidJsonError`; the elements before it were emitted.
 * - JSON that is cut, malformed, or has no array at the path is an `InvalidJsonError` when the reply
 *   is over, after all complete elements. So is a `refusal`.
 * - A schema may check asynchronously; the order is kept. Its errors are passed on.
 * - When a `resume` restarts the reply, all elements are emitted again from the first, and `onRestart`
 *   is called. A reply that `retryResumable` continues is not restarted.
 * - Error: passed on at once, as a `MessageStreamError`; elements that are still being checked are
 *   dropped. Complete: after the last element; a source that completes before `message_stop` is an
 *   error with code `truncated`. Unsubscribe: the source is unsubscribed.
 *
 * @throws TypeError when `schema` is not a Standard Schema, or the path is not an array of keys and indices.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, jsonElements, structuredOutput } from 'claude-rx';
 * import { z } from 'zod';
 *
 * const City = z.object({ name: z.string(), population: z.number() });
 * fromMessages(new Anthropic(), {
 *   model: 'claude-opus-5-5',
 *   max_tokens: 4096,
 *   messages: [{ role: 'user', content: 'The 50 largest cities' }],
 *   ...structuredOutput(z.object({ cities: z.array(City) })),
 * })
 *   .pipe(jsonElements(City, ['cities']))
 *   .subscribe((city) => console.log(city.name, city.population));
 * ```
 */
export function jsonElements<Schema extends StandardSchema, E = AnyStreamEvent>(
  schema: Schema,
  pathOrConfig?: JsonPath | JsonElementsConfig,
): OperatorFunction<EventsOnly<E>, OutputOf<Schema>>;
export function jsonElements<Schema extends StandardSchema>(
  schema: Schema,
  pathOrConfig: JsonPath | JsonElementsConfig = {},
): OperatorFunction<AnyStreamEvent, OutputOf<Schema>> {
  requireSchema('jsonElements', schema);
  const { path = [], onRestart } = isConfig(pathOrConfig) ? pathOrConfig : { path: pathOrConfig };
  requirePath('jsonElements', path);
  type Task = () => ObservableInput<OutputOf<Schema>>;
  const restart = (): never[] => {
    onRestart?.();
    return [];
  };
  return (source) =>
    defer(() => {
      const json = new MessageJson({ elementsAt: path, keepElements: false });
      const streamEnd = new StreamEnd();
      let count = 0;
      const checked = (element: JsonValue, at: JsonPath) =>
        checkWithSchema(schema, element, (issues) => json.refused(element, issues.map(within(at))));
      // Errors and the end must wait for the elements that are still being checked.
      const tasks = (event: AnyStreamEvent): Task[] => {
        const isAnew = json.push(event);
        if (isAnew) count = 0;
        const elements = json.takeElements().map((element): Task => {
          const at = [...path, count++];
          return () => checked(element, at);
        });
        const end = () => requireArray(json, path);
        return [...(isAnew ? [restart] : []), ...elements, ...(streamEnd.push(event) ? [end] : [])];
      };
      return source.pipe(
        requireMessageStop(),
        concatMap(tasks),
        concatMap((task) => task()),
      );
    });
}

function isConfig(value: JsonPath | JsonElementsConfig): value is JsonElementsConfig {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The issue of an element, with its path from the root of the JSON. */
function within(at: JsonPath): (issue: StandardIssue) => StandardIssue {
  return (issue) => ({ ...issue, message: issue.message, path: [...at, ...(issue.path ?? [])] });
}

function requireArray(json: MessageJson, path: JsonPath): never[] {
  const value = branchAt(json.end(), path);
  if (Array.isArray(value)) return [];
  throw json.refused(value, [{ message: `there is no array at ${JSON.stringify(path)}` }]);
}
