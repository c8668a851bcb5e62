interface AnyBlock {
  type: string;
}

/** A client tool call, which the user's own tools run. */
export function isCall({ type }: AnyBlock): boolean {
  return type === 'tool_use';
}

/** A server tool call, which the API runs. */
export function isServerCall({ type }: AnyBlock): boolean {
  return type === 'server_tool_use' || type === 'mcp_tool_use';
}

const RESULT = '_tool_result';

/** The result of a server tool call. */
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

/** A block that only a user turn may contain; for `document` since version 2026-10-21. */
export function isUserOnly({ type }: AnyBlock): boolean {
  return /^(tool_result|image|document|search_result)$/.test(type);
}
