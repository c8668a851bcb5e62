import { fields } from '../message/record.ts';

/**
 * Updates `withdrawn`, the names of the tools that `messages` withdraw: by `tool_removal` and
 * `tool_addition` in system messages, and by the `tool_changes` of a compaction, which replace those of the
 * messages that it summarizes. SDK src/lib/tools/BetaToolRunner.ts `#availableToolNames`.
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

/** The name of the tool of a change. MCP tools that run at Anthropic have other kinds of reference. */
function changedName({ type, name, definition }: Readonly<Record<string, unknown>>): unknown {
  if (type === 'tool_reference') return name;
  return type === 'tool_definition' ? fields(definition)['name'] : undefined;
}
