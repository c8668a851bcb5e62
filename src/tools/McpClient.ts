/** A tool in the list of an MCP server. */
export interface McpToolDefinition {
  readonly name: string;
  readonly description?: string | undefined;
  /** The JSON Schema of the input, which is an object. */
  readonly inputSchema: object;
}

/** A progress notification of an MCP server: `progress` of `total`, if the total is known. */
export interface McpProgress {
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

/** The result of a call of an MCP server. */
export interface McpToolResult {
  /** Text, images, audio, resources and links to resources. */
  readonly content?: readonly { readonly type: string }[] | undefined;
  /** The result as JSON. */
  readonly structuredContent?: unknown;
  /** The result in the form of the protocol of 2024, without content. */
  readonly toolResult?: unknown;
  /** Whether the call failed; the content then describes the error. */
  readonly isError?: boolean | undefined;
}

/** The options of a call. */
export interface McpCallOptions {
  /** Aborts when the result is no longer needed: the client should then cancel the call. */
  readonly signal: AbortSignal;
  /** Called by the client with each progress notification. */
  readonly onprogress: (progress: McpProgress) => void;
}

/** Calls a tool of an MCP server, for a client that is not an `McpClient`. */
export type McpCallTool = (
  name: string,
  input: Record<string, unknown>,
  options: McpCallOptions,
) => PromiseLike<McpToolResult>;

/** A `Client` of `@modelcontextprotocol/client` 2.x, by shape. */
export interface McpClient {
  // Functions, not methods: TypeScript compares them strictly, so a client of 1.x does not compile.
  readonly callTool: (
    params: { name: string; arguments?: Record<string, unknown> },
    options?: McpCallOptions & { timeout?: number; resetTimeoutOnProgress?: boolean },
  ) => PromiseLike<McpToolResult>;
  readonly listTools: (
    params?: undefined,
    options?: { signal?: AbortSignal },
  ) => PromiseLike<{ readonly tools: readonly McpToolDefinition[] }>;
}
