// Claude Code's two kinds of stream side by side: complete messages, which come when a block has ended,
// and partial ones, which come as they are written. Then the complete ones once more with `smoothText`,
// which types what had come at once. A status line for each is on standard error.
//
//   npx tsx examples/claude-code.ts                      the CLI, where it is installed, else a stand-in
//   npx tsx examples/claude-code.ts "What is in src?"    asks something else
//   npx tsx examples/claude-code.ts --stand-in           the stand-in in any case
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { contentBlocks, smoothText, textOnly } from 'claude-rx';
import { streamEvents, type AgentState, agentState } from 'claude-rx/agent';
import { fromClaudeCode } from 'claude-rx/node';
import { filter, last, lastValueFrom, map, merge, type Observable, share, tap } from 'rxjs';

const WIDTH = 44;

const args = process.argv.slice(2);
const prompt = args.find((arg) => !arg.startsWith('-')) ?? 'What does this project do?';
const standIn = fileURLToPath(new URL('claude-code-stand-in.mjs', import.meta.url));
const isInstalled = () => spawnSync('claude', ['--version']).status === 0;
const isReal = !args.includes('--stand-in') && isInstalled();
const executable: string | [string, string] = isReal ? 'claude' : [process.execPath, standIn];

async function main(): Promise<void> {
  process.stdout.write(`Asking ${isReal ? 'claude' : 'a stand-in for claude'}: ${prompt}\n\n`);
  process.stdout.write(row('', 'complete messages', 'partial messages'));
  const began = Date.now();
  const time = () => `${((Date.now() - began) / 1_000).toFixed(1)} s`;
  await lastValueFrom(
    merge(
      ask(false).pipe(tap((said) => process.stdout.write(row(time(), said, '')))),
      ask(true).pipe(tap((said) => process.stdout.write(row(time(), '', said)))),
    ),
  );

  process.stdout.write('\nComplete messages, with smoothText:\n\n');
  const text = ask(false).pipe(
    filter((said) => !said.startsWith('[')),
    smoothText({ maxLatency: 1_000 }),
  );
  await lastValueFrom(text.pipe(tap((piece) => process.stdout.write(piece))));
  process.stdout.write('\n');
}

/** What Claude says, and the calls it makes, of one session. */
function ask(includePartialMessages: boolean): Observable<string> {
  const messages = fromClaudeCode({ prompt, executable, includePartialMessages }).pipe(share());
  const events = messages.pipe(streamEvents(), share());
  const calls = events.pipe(
    contentBlocks(),
    filter((block) => block.type === 'tool_use'),
    map(({ name, input }) => `[${name} ${JSON.stringify(input)}]`),
  );
  const status = messages.pipe(
    agentState(),
    last(),
    tap((state) => process.stderr.write(`${statusLine(state)}\n`)),
    filter((state): state is never => state === undefined),
  );
  return merge(status, events.pipe(textOnly()), calls);
}

function statusLine({ status, model, costUsd, turns }: AgentState): string {
  return `${model}: ${status}, ${turns} turn${turns === 1 ? '' : 's'}, $${costUsd.toFixed(4)}`;
}

/** A row of the table, of as many lines as its longer column needs. */
function row(time: string, left: string, right: string): string {
  const columns = [left, right].map(
    (said) => said.match(new RegExp(`[^]{1,${WIDTH}}`, 'gu')) ?? [],
  );
  const height = Math.max(1, ...columns.map(({ length }) => length));
  const lines = Array.from({ length: height }, (_, index) => {
    const [one = '', other = ''] = columns.map((column) =>
      (column[index] ?? '').replaceAll('\n', ' '),
    );
    return `${(index === 0 ? time : '').padStart(6)} | ${one.padEnd(WIDTH)} | ${other}`.trimEnd();
  });
  return `${lines.join('\n')}\n`;
}

// A reader that stops early, such as `head`, is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
