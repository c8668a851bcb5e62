import type { BetaToolUnion } from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type { ToolUnion } from '@anthropic-ai/sdk/resources/messages/messages';
import { type AnyTool, isDefined, isRunnable } from './Tool.ts';

/** Fields of a runnable SDK tool that are not sent to the API. */
const NOT_SENT: ReadonlySet<string> = new Set(['run', 'parse', 'close']);

/**
 * Returns the field `tools` of a request, to count tokens or to send a request of your own.
 *
 * @throws TypeError when two tools have the same name
 */
export function toolDefinitions(tools: readonly AnyTool[]): ToolUnion[] {
  const definitions = tools.map(definitionOf);
  const names = new Set<string>();
  for (const { name } of definitions as { name?: string }[]) {
    if (name === undefined) continue;
    if (names.has(name)) {
      throw new TypeError(
        `There are two tools named '${name}': rename one, since the model calls tools by name`,
      );
    }
    names.add(name);
  }
  return definitions as ToolUnion[];
}

function definitionOf(tool: AnyTool): ToolUnion | BetaToolUnion {
  if (isDefined(tool)) return tool.definition;
  if (!isRunnable(tool)) return tool;
  // `toJSON` of a class returns the part to send, as in SDK src/lib/tools/BetaToolRunner.ts.
  const { toJSON } = tool as { toJSON?: () => object };
  const fields = typeof toJSON === 'function' ? toJSON.call(tool) : tool;
  const sent = Object.entries(fields).filter(
    ([field, value]) => !NOT_SENT.has(field) && typeof value !== 'function',
  );
  return Object.fromEntries(sent) as unknown as ToolUnion;
}
