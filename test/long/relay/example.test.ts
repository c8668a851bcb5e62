import { finalText, fromRecording, type StreamEvent, textOnly } from 'claude-rx';
import { fromRelay } from 'claude-rx/relay';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom, lastValueFrom, tap } from 'rxjs';
import { expect, it } from 'vitest';
import { read, root } from '../../support/examples.ts';
import { until } from '../../support/server.ts';
import { messageOf } from '../../src/relay/nodes.ts';

/** Starts the example, with a folder of its own for temporary files. */
function start() {
  const folder = mkdtempSync(join(tmpdir(), 'claude-rx-example-'));
  const example = spawn(process.execPath, ['--import', 'tsx', 'examples/relay/start.ts', '0'], {
    cwd: root,
    env: { ...process.env, ANTHROPIC_API_KEY: '', TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const left = () => readdirSync(folder).filter((name) => name.startsWith('claude-rx-relay-'));
  return { example, left, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

it.each(['SIGHUP', 'SIGINT'] as const)(
  'examples/relay leaves no file behind after %s',
  async (signal) => {
    const { example, left, remove } = start();
    try {
      await once(example.stdout, 'data');
      expect(left()).toHaveLength(1);
      const exited = once(example, 'exit');
      example.kill(signal);
      await exited;
      await until(() => left().length === 0);
    } finally {
      example.kill('SIGKILL');
      remove();
    }
  },
);

it('examples/relay continues when the writing node is killed', async () => {
  const { example, remove } = start();
  try {
    const [line] = (await once(example.stdout, 'data')) as [Buffer];
    const url = line.toString().trim();
    expect(await (await fetch(url)).text()).toContain('kill -9');
    expect((await fetch(`${url}/page.js`)).status).toBe(200);
    const asked = await fetch(`${url}/replies`, { method: 'POST' });
    const { id } = (await asked.json()) as { id: string };
    const events: StreamEvent[] = [];
    let kills = 0;
    const reply = fromRelay(`${url}/replies/${id}`, { delay: 100, count: 100 }).pipe(
      tap((event) => events.push(event)),
      textOnly(),
      tap(async () => {
        if (events.length < 12 || kills++ > 0) return;
        expect(await (await fetch(`${url}/kill`, { method: 'POST' })).text()).toMatch('was killed');
      }),
    );
    await lastValueFrom(reply);
    const recording = fromRecording(read('examples/recordings/text.ndjson'), { speed: Infinity });
    const text = await firstValueFrom(recording.pipe(finalText()));
    const blocks = messageOf(events)!.content;
    expect(blocks.map((block) => (block.type === 'text' ? block.text : '')).join('')).toBe(text);
    expect(events.filter(({ type }) => type === 'resume')).toHaveLength(1);
  } finally {
    const left = once(example, 'exit');
    example.kill('SIGTERM');
    await left;
    remove();
  }
});
