import { fields } from '../message/record.ts';

/**
 * Takes in which tools `messages` withdraw and add again, by their names: `tool_removal` and `tool_addition`
 * in messages of the system, and the `tool_changes` of a compaction, which stand for those of the messages
 * that it sums up. SDK src/lib/tools/BetaToolRunner.ts `#availableToolNames`.
 *
 * ```text
 * turn1   maxS
 * turn2      mtTeS
 *         runTools()          with a `tool_removal` in the messages
 * events  ---U---|            U: tool_result, unknown_tool: the tool does not run
 * text    -----T-|
 * ```
 */
export function takeToolChanges(messages: readonly object[], withdrawn: Set<string>): void {
  for (const message of messages) {
    const { role, content } = fields(message);
    if (!Array.isArray(content)) continue;
    for (const block of content) {
      if (role === 'system') takeChange(block, withdrawn);
      const { type, tool_changes: changes } = fields(block);
      if (role !== 'assistant' || type !== 'compaction' || !Array.isArray(changes)) continue;
      for (const change of changes) takeChange(change, withdrawn);
    }
  }
}

function takeChange(block: unknown, withdrawn: Set<string>): void {
  const { type, tool } = fields(block);
  const name = changedName(fields(tool));
  if (typeof name !== 'string') return;
  if (type === 'tool_removal') withdrawn.add(name);
  if (type === 'tool_addition') withdrawn.delete(name);
}

/** Tools of an MCP server, which run at Anthropic, are referred to in other ways. */
function changedName({ type, name, definition }: Readonly<Record<string, unknown>>): unknown {
  if (type === 'tool_reference') return name;
  return type === 'tool_definition' ? fields(definition)['name'] : undefined;
}
