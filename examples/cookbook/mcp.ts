// The tools of an MCP server, with its progress. The server is in this process; any transport will do.
import { Client, InMemoryTransport } from '@modelcontextprotocol/client';
import { McpServer } from '@modelcontextprotocol/server';
import { textOnly } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { mcpTools, runTools } from 'claude-rx/tools';
import { filter, lastValueFrom, merge, share, tap } from 'rxjs';
import { z } from 'zod';
import { connect, question } from './connect.ts';

const server = new McpServer({ name: 'archive', version: '1.0.0' });
server.registerTool(
  'search',
  { description: 'Searches the archive', inputSchema: z.object({ words: z.string() }) },
  async ({ words }, { mcpReq }) => {
    const { progressToken = 0 } = mcpReq._meta ?? {};
    for (const progress of [1, 2]) {
      const params = { progressToken, progress, total: 2, message: `shelf ${progress}` };
      await mcpReq.notify({ method: 'notifications/progress', params });
    }
    return { content: [{ type: 'text', text: `One letter about ${words}.` }] };
  },
);
const [here, there] = InMemoryTransport.createLinkedPair();
await server.connect(there);
const mcp = new Client({ name: 'assistant', version: '1.0.0' });
await mcp.connect(here);

await using api = await connect(
  messageEvents.toolUse('search', { words: 'rivers' }),
  messageEvents.text('There is one letter about rivers.'),
);
const loop$ = runTools(api.client, question('What is there about rivers?'), {
  tools: [mcpTools(mcp)],
}).pipe(share());
const shown$ = loop$.pipe(
  filter((event) => event.type === 'tool_progress'),
  tap(({ name, progress }) => console.log(name, progress)),
);
const text$ = loop$.pipe(
  textOnly(),
  tap((text) => process.stdout.write(text)),
);
await lastValueFrom(merge(shown$, text$));
console.log();
await mcp.close();
