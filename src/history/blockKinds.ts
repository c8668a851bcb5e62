interface AnyBlock {
  type: string;
}

/** A call that waits for the user's own tools. */
export function isCall({ type }: AnyBlock): boolean {
  return type === 'tool_use';
}

/** A call that the API runs itself. */
export function isServerCall({ type }: AnyBlock): boolean {
  return type === 'server_tool_use' || type === 'mcp_tool_use';
}

const RESULT = '_tool_result';

/** The result of a call that the API runs itself. */
export function isServerResult({ type }: AnyBlock): boolean {
  return type.length > RESULT.length && type.endsWith(RESULT);
}

export function isThought({ type }: AnyBlock): boolean {
  return type === 'thinking' || type === 'redacted_thinking';
}

/** A block that only the model writes. */
export function isModelOnly(block: AnyBlock): boolean {
  return isCall(block) || isServerCall(block) || isServerResult(block) || isThought(block);
}

/** A block that only a user's turn may hold; a document since version 2026-10-21. */
export function isUserOnly({ type }: AnyBlock): boolean {
  return /^(tool_result|image|document|search_result)$/.test(type);
}
