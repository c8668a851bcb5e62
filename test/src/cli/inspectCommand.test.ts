import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { inspectCommand } from '../../../src/cli/inspectCommand.ts';

const recording = fileURLToPath(
  new URL('../../../examples/recordings/text.ndjson', import.meta.url),
);

describe('inspectCommand', () => {
  it.each([
    [['--port', 'abc'], '--port must be a number from 0 to 65535, got "abc"'],
    [['--port', '70000'], '--port must be a number from 0 to 65535, got "70000"'],
    [['--port='], '--port must be a number from 0 to 65535, got ""'],
    [['--port'], "Option '--port <value>' argument missing; claude-rx inspect --help lists"],
    [['--nonsense'], "Unknown option '--nonsense'; claude-rx inspect --help lists the options"],
    [['--content=yes'], "Option '--content' does not take an argument; claude-rx inspect --help"],
    [['a.ndjson', 'b.ndjson'], 'One recording can be opened, got 2'],
    [['missing.ndjson'], 'Cannot read the recording missing.ndjson: it must be a file'],
    [['.'], 'Cannot read the recording .: it must be a file'],
    [[recording, '--', 'node', 'service.js'], 'Open a recording or run a command, not both'],
    [['--'], 'A command must follow --, such as: claude-rx inspect -- node service.js'],
  ])('refuses %j in a sentence', async (args, sentence) => {
    await expect(inspectCommand(args)).rejects.toThrow(sentence);
  });

  it('says that a port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await expect(inspectCommand(['--port', String(port)])).rejects.toThrow(
      `Port ${port} is taken: pass another --port`,
    );
    server.close();
  });
});
