/** A tool as an MCP server lists it. */
export interface McpToolDefinition {
  readonly name: string;
  readonly description?: string | undefined;
  /** The JSON Schema of its input: that of an object. */
  readonly inputSchema: object;
}

/** A progress notification of an MCP server: how far it is, of `total` where that is known. */
export interface McpProgress {
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

/** What an MCP server gives for a call. */
export interface McpToolResult {
  /** Text, images, audio, resources and links to resources. */
  readonly content?: readonly { readonly type: string }[] | undefined;
  /** The result as JSON. */
  readonly structuredContent?: unknown;
  /** The result as the protocol of 2024 has it, without content. */
  readonly toolResult?: unknown;
  /** Whether the content says what went wrong. */
  readonly isError?: boolean | undefined;
}

/** The options of a call. */
export interface McpCallOptions {
  /** Aborts when nobody waits for the result any more: the server is to be told that it may stop. */
  readonly signal: AbortSignal;
  /** To be called with each progress notification. */
  readonly onprogress: (progress: McpProgress) => void;
}

/** Calls a tool of an MCP server: for clients that are not an `McpClient`. */
export type McpCallTool = (
  name: string,
  input: Record<string, unknown>,
  options: McpCallOptions,
) => PromiseLike<McpToolResult>;

/** A `Client` of `@modelcontextprotocol/client` 2.x, by shape. */
export interface McpClient {
  // Functions, not methods: these are compared strictly, so that a client of 1.x is a compile-time error.
  readonly callTool: (
    params: { name: string; arguments?: Record<string, unknown> },
    options?: McpCallOptions & { timeout?: number; resetTimeoutOnProgress?: boolean },
  ) => PromiseLike<McpToolResult>;
  readonly listTools: (
    params?: undefined,
    options?: { signal?: AbortSignal },
  ) => PromiseLike<{ readonly tools: readonly McpToolDefinition[] }>;
}
