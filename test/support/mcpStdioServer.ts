import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { mcpServer } from './mcpServer.ts';

// Standard output belongs to the protocol.
await mcpServer((line) => process.stderr.write(`${line}\n`)).connect(new StdioServerTransport());
