interface Params {
  messages: readonly object[];
  tool_choice?: unknown;
  container?: unknown;
}

/** The messages that a turn adds to the history, and its reply. */
interface Added {
  appended: readonly { content?: unknown }[];
  message?: { container?: { id: string } | null | undefined };
}

/**
 * The parameters of the next request, with the messages that the turn has added.
 *
 * - A `tool_choice` that forces a tool becomes `auto`: a model that must call a tool each time could never
 *   answer.
 * - The request names the container of the reply, without which the API refuses it (SDK
 *   src/lib/internal/threads/ThreadState.ts).
 */
export function nextParams<P extends Params>(params: P, { appended, message }: Added): P {
  return {
    ...params,
    messages: [...params.messages, ...appended],
    ...(appended.some(hasResult) && unforced(params.tool_choice)),
    ...(message?.container && continued(params.container, message.container.id)),
  };
}

function hasResult({ content }: { content?: unknown }): boolean {
  return Array.isArray(content) && content.some(({ type }) => type === 'tool_result');
}

function unforced(choice: unknown): object | undefined {
  const { type, name: _, ...rest } = (choice ?? {}) as { type?: unknown; name?: unknown };
  return type === 'any' || type === 'tool' ? { tool_choice: { ...rest, type: 'auto' } } : undefined;
}

function continued(container: unknown, id: string): object | undefined {
  if (container == null) return { container: id };
  if (typeof container !== 'object' || ('id' in container && container.id != null))
    return undefined;
  return { container: { ...container, id } };
}
