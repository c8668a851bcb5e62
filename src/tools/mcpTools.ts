import type { Tool as ToolParam } from '@anthropic-ai/sdk/resources/messages/messages';
import { from, Observable, tap } from 'rxjs';
import { invalid, requireNumbers } from '../flow/require.ts';
import type { StandardSchema } from '../json/StandardSchema.ts';
import { strictJsonSchema } from '../json/strictJsonSchema.ts';
import { isRecord } from '../message/record.ts';
import type { ToolFields } from './defineTool.ts';
import type {
  McpCallOptions,
  McpCallTool,
  McpClient,
  McpToolDefinition,
  McpToolResult,
} from './McpClient.ts';
import { mcpContent } from './mcpContent.ts';
import type { DefinedTool, ToolSource } from './Tool.ts';

/** The options of `mcpTools`. Fields of the API, such as `defer_loading`, apply to each tool. */
export interface McpToolsOptions extends ToolFields {
  /**
   * Maps the server's name of a tool to the name for the model. Characters that the API does not allow
   * become `_`. Default: the server's name.
   */
  name?: ((name: string) => string) | undefined;
  /**
   * How long a call may take, in milliseconds. Default: the option `timeout` of `runTools`; a client of
   * 2.x also ends a call after 60,000 ms without progress.
   */
  timeout?: number | undefined;
  /**
   * Whether calls may run before the reply is complete: `false` for tools that must not run twice.
   * Default: the option `eager` of `runTools`.
   */
  eager?: boolean | undefined;
}

/**
 * Returns the tools of an MCP server for `runTools`.
 *
 * ```text
 * server  --p--p--r            p: notifications/progress, r: the result
 * events  s-P--P--R            s: tool_start, P: tool_progress, R: tool_result
 *
 * server  --p--x               x: notifications/cancelled, when the loop is unsubscribed
 * ```
 *
 * - With `definitions`, it returns an array of tools. Without, it returns a function for `tools` that
 *   lists the tools before each turn, so that changes of the list take effect between turns.
 * - Progress notifications are `tool_progress` events with `{ progress, total, message }`. Client 2.4 loses
 *   a notification that arrives together with the result (github.com/modelcontextprotocol/typescript-sdk
 *   issue 2580).
 * - `tool_result.value` is the server's own result. The model gets text, images and documents as such,
 *   structured content and links as JSON. For audio, and for media types that the API does not accept,
 *   the model gets a text with the kind and the size.
 * - `isError` is a result with the status `failed` and the content of the server.
 * - Unsubscribe, timeout, withdrawal: the call is cancelled, and the server is notified.
 * - Error: if the tools cannot be listed, the loop fails.
 *
 * `client` is a connected `Client` of `@modelcontextprotocol/client` 2.x, or a function that calls a
 * tool, for other clients.
 *
 * @throws TypeError when `client` has no `callTool` and is not a function; when `client` has no `listTools`
 * and there are no `definitions`; when `definitions` is not an array of tools.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { Client } from '@modelcontextprotocol/client';
 * import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
 * import { textOnly } from 'claude-rx';
 * import { mcpTools, runTools } from 'claude-rx/tools';
 *
 * const mcp = new Client({ name: 'assistant', version: '1.0.0' });
 * await mcp.connect(new StdioClientTransport({ command: 'node', args: ['server.js'] }));
 *
 * runTools(
 *   new Anthropic(),
 *   {
 *     model: 'claude-opus-5-5',
 *     max_tokens: 1024,
 *     messages: [{ role: 'user', content: 'What is in the archive?' }],
 *   },
 *   { tools: [mcpTools(mcp)], timeout: 30_000 },
 * )
 *   .pipe(textOnly())
 *   .subscribe((text) => process.stdout.write(text));
 * ```
 */
export function mcpTools(
  client: McpClient,
  definitions?: undefined,
  options?: McpToolsOptions,
): ToolSource;
export function mcpTools(
  client: Pick<McpClient, 'callTool'> | McpCallTool,
  definitions: readonly McpToolDefinition[],
  options?: McpToolsOptions,
): DefinedTool[];
export function mcpTools(
  client: Pick<McpClient, 'callTool'> | McpCallTool,
  definitions?: readonly McpToolDefinition[],
  options: McpToolsOptions = {},
): DefinedTool[] | ToolSource {
  const { timeout } = options;
  if (typeof client !== 'function' && typeof client?.callTool !== 'function') {
    throw new TypeError(
      'mcpTools: pass a connected client of @modelcontextprotocol/client 2.x, or a function that calls a tool',
    );
  }
  const limit = { above: 0, what: 'milliseconds' };
  if (timeout !== undefined) requireNumbers('mcpTools', { timeout }, limit);
  const callTool: McpCallTool =
    typeof client === 'function'
      ? client
      : (name, input, call) =>
          client.callTool(
            { name, arguments: input },
            { ...call, resetTimeoutOnProgress: true, ...(timeout !== undefined && { timeout }) },
          );
  if (definitions !== undefined) return toolsOf(definitions, callTool, options);
  const { listTools } = client as Partial<McpClient>;
  if (typeof listTools !== 'function') {
    throw new TypeError(
      'mcpTools: a function, or a client without `listTools`, cannot list tools: pass them as `definitions`',
    );
  }
  return () =>
    cancellable(({ signal }) =>
      listTools
        .call(client, undefined, { signal })
        .then(({ tools }) => toolsOf(tools, callTool, options)),
    );
}

function toolsOf(
  definitions: readonly McpToolDefinition[],
  callTool: McpCallTool,
  { name: rename = (name) => name, timeout, eager, ...fields }: McpToolsOptions,
): DefinedTool[] {
  if (!Array.isArray(definitions)) {
    throw invalid(
      'mcpTools',
      'definitions',
      'an array, such as the tools of listTools()',
      definitions,
    );
  }
  return definitions.map((definition: McpToolDefinition) => {
    const { name: called, description, inputSchema } = definition ?? {};
    if (typeof called !== 'string' || !isRecord(inputSchema)) {
      throw new TypeError('mcpTools: a definition must have a `name` and an `inputSchema`');
    }
    const name = rename(called)
      .replaceAll(/[^\w-]/g, '_')
      .slice(0, LONGEST_NAME);
    const { $schema: _, ...schema } = fields.strict
      ? strictJsonSchema(`mcpTools('${called}')`, inputSchema)
      : inputSchema;
    return {
      name,
      definition: {
        ...fields,
        name,
        ...(description !== undefined && { description }),
        input_schema: { ...schema, type: 'object' } as ToolParam.InputSchema,
      },
      input: ANY_INPUT,
      run: (input, { signal }) =>
        cancellable(
          (call) =>
            callTool(called, input as Record<string, unknown>, call).then((result) => {
              if (result.isError) throw failure(called, result);
              return result;
            }),
          signal,
        ),
      toContent: (result) => mcpContent(result as McpToolResult),
      ...(timeout !== undefined && { timeout }),
      ...(eager !== undefined && { eager }),
    } satisfies DefinedTool;
  });
}

/** The maximum length of a tool name: docs: /docs/en/agents-and-tools/tool-use/implement-tool-use. */
const LONGEST_NAME = 128;

/** The server checks the input itself. */
const ANY_INPUT: StandardSchema = {
  '~standard': { version: 1, vendor: 'mcp', validate: (value) => ({ value }) },
};

/** An error with the name of the SDK's class `ToolError`: `errorContent` reads its content. */
function failure(name: string, result: McpToolResult): Error {
  const error = new Error(`'${name}' failed and did not say why`);
  return Object.assign(error, { name: 'ToolError', content: mcpContent(result) });
}

/** Emits progress, then the result. Unsubscribing aborts the call, unless it has ended. */
function cancellable<T>(
  call: (options: McpCallOptions) => PromiseLike<T>,
  signal?: AbortSignal,
): Observable<T> {
  return new Observable<T>((subscriber) => {
    const controller = new AbortController();
    let hasEnded = false;
    subscriber.add(() => {
      // Some clients would send a cancellation for a call that has ended.
      if (!hasEnded) controller.abort(signal?.reason);
    });
    const end = () => (hasEnded = true);
    const result = call({
      signal: controller.signal,
      // Progress and the result are values of one Observable: the last value is the result.
      onprogress: (progress) => subscriber.next(progress as T),
    });
    from(result)
      .pipe(tap({ next: end, error: end }))
      .subscribe(subscriber);
  });
}
