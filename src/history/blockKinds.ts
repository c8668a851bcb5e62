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

export function isThought({ type }: AnyBlock): boolean {
  return type === 'thinking' || type === 'redacted_thinking';
}
