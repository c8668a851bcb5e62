import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { messageEvents } from 'claude-rx/testing';
import { mcpTools, runTools } from 'claude-rx/tools';
import { filter, firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { isOurs } from '../src/tools/turns.ts';
import { params, received, until } from '../support/server.ts';

describe('mcpTools, with a server over stdio', () => {
  it('calls, reports progress and cancels', async () => {
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: ['--import', 'tsx', 'test/support/mcpStdioServer.ts'],
      stderr: 'pipe',
    });
    let log = '';
    transport.stderr?.on('data', (data) => (log += String(data)));
    const client = new Client({ name: 'test', version: '1.0.0' });
    await client.connect(transport);
    try {
      const { tools } = await client.listTools();
      const whole = messageEvents.toolUse('slow', { steps: 3 });
      const answered = runTools(
        (_, { turn }) => (turn === 1 ? whole : messageEvents.text('Done.')),
        params,
        { tools: mcpTools(client, tools) },
      );
      const ours = await received(answered.pipe(filter(isOurs)));
      // Client 2.4 loses progress that arrives together with the result.
      const ends = ours.filter(({ type }) => type !== 'tool_progress');
      expect(ends.map(({ type }) => type)).toEqual([
        'tool_start',
        'tool_result',
        'turn_end',
        'turn_end',
      ]);
      const endless = messageEvents.toolUse('slow', { steps: 1 });
      const loop = runTools(() => endless, params, { tools: mcpTools(client, tools) });
      await firstValueFrom(loop.pipe(filter(({ type }) => type === 'tool_progress')));
      await until(() => log.includes('cancelled'));
    } finally {
      await client.close();
    }
  });
});
