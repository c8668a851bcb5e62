import { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';

const PNG = 'iVBORw0KGgo=';

/** Results of each kind, by name. */
const RESULTS: Record<string, object> = {
  'text.of': { content: [{ type: 'text', text: 'Rome: 21 °C' }] },
  image: { content: [{ type: 'image', data: PNG, mimeType: 'image/png' }] },
  audio: { content: [{ type: 'audio', data: 'UklGRg==', mimeType: 'audio/wav' }] },
  resource: {
    content: [
      {
        type: 'resource',
        resource: { uri: 'file:///a.md', mimeType: 'text/markdown', text: '# A' },
      },
      {
        type: 'resource',
        resource: { uri: 'file:///a.pdf', mimeType: 'application/pdf', blob: PNG },
      },
    ],
  },
  link: {
    content: [{ type: 'resource_link', uri: 'file:///b', name: 'b', mimeType: 'text/plain' }],
  },
  structured: { content: [], structuredContent: { degrees: 21 } },
  failing: { content: [{ type: 'text', text: 'No such city' }], isError: true },
  nothing: { content: [] },
};

/**
 * An MCP server with a tool for each kind of result, `slow`, which reports progress until it is cancelled,
 * and `throwing`. `log` is told of cancellations.
 */
export function mcpServer(log: (line: string) => void): McpServer {
  const server = new McpServer({ name: 'test', version: '1.0.0' });
  for (const [name, result] of Object.entries(RESULTS)) {
    server.registerTool(name, { description: `Gives ${name}` }, () => result as never);
  }
  server.registerTool('throwing', { description: 'Throws' }, () => {
    throw new Error('out of order');
  });
  server.registerTool(
    'slow',
    { description: 'Takes its time', inputSchema: z.object({ steps: z.number() }) },
    async ({ steps }, { mcpReq }) => {
      const { signal, _meta } = mcpReq;
      const cancelled = new Promise<void>((resolve) =>
        signal.addEventListener('abort', () => resolve()),
      );
      for (let progress = 1; progress <= steps; progress++) {
        await mcpReq.notify({
          method: 'notifications/progress',
          params: { progressToken: _meta!.progressToken!, progress, total: 3, message: 'at work' },
        });
      }
      if (steps < 3) {
        await cancelled;
        log(`cancelled: ${String(signal.reason)}`);
      }
      return { content: [{ type: 'text', text: 'done' }] };
    },
  );
  return server;
}
