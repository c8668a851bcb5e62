// A stand-in for the Claude Code CLI that does what a test tells it to: the file named by STAND_IN
// holds its steps, as JSON, one list for each prompt. It answers the Agent SDK's `initialize` too.
import { spawn } from 'node:child_process';
import { appendFileSync, readFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';

const { turns, log } = JSON.parse(readFileSync(process.env.STAND_IN, 'utf8'));
const note = (entry) => log && appendFileSync(log, `${JSON.stringify(entry)}\n`);
note({ pid: process.pid, argv: process.argv.slice(2), cwd: process.cwd(), mark: process.env.MARK });

/** Not through a stream, so that all of it is out before the next step, which may be the last. */
function write(fd, bytes) {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

const out = (text) => write(1, Buffer.from(text));
const steps = {
  line: (line) => out(`${line}\n`),
  raw: (text) => out(text),
  stderr: (text) => write(2, Buffer.from(text)),
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  exit: (code) => process.exit(code),
  kill: (signal) => {
    process.kill(process.pid, signal);
    return new Promise(() => {});
  },
  hang: () => new Promise((resolve) => setTimeout(resolve, 600_000)),
  /** In pieces of so many bytes, each written alone. */
  cut: async ([text, size]) => {
    const bytes = Buffer.from(`${text}\n`);
    for (let at = 0; at < bytes.length; at += size) {
      write(1, bytes.subarray(at, at + size));
      await new Promise((resolve) => setImmediate(resolve));
    }
  },
  /** The same line so many times. */
  flood: ([line, count]) => {
    for (let index = 0; index < count; index++) {
      out(`${line.replaceAll('"#"', index)}\n`);
      note({ flooded: index });
    }
  },
  ignoreTerm: () => {
    process.on('SIGTERM', () => note('SIGTERM'));
  },
  /** What the Bash tool does: a command in a session of its own, with two grandchildren. */
  session: ([seconds, trap]) => {
    const script = `${trap ? "trap '' TERM; " : ''}sleep ${seconds} & echo $!; sleep ${seconds} & echo $!; wait`;
    const child = spawn('/bin/sh', ['-c', script], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    note({ pid: child.pid });
    let text = '';
    return new Promise((resolve) =>
      child.stdout.on('data', (more) => {
        text += more;
        const pids = text.trim().split('\n').map(Number);
        if (pids.length < 2 || !text.endsWith('\n')) return;
        for (const pid of pids) note({ pid });
        resolve();
      }),
    );
  },
  /** A child of its own, which holds its output open and does not heed SIGTERM. */
  child: (seconds) => {
    const script = `trap '' TERM; sleep ${seconds} & echo $! >&2; wait`;
    const child = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', 'inherit', 'pipe'] });
    note({ pid: child.pid });
    return new Promise((resolve) =>
      child.stderr.once('data', (text) => resolve(note({ pid: Number(text) }))),
    );
  },
};

let queue = Promise.resolve();
const play = async () => {
  for (const step of turns.shift() ?? []) {
    const [[kind, value]] = Object.entries(step);
    await steps[kind](value);
  }
};

const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  const message = JSON.parse(line);
  note({ received: message });
  if (message.type === 'control_request') {
    const response = {
      subtype: 'success',
      request_id: message.request_id,
      response: { commands: [] },
    };
    out(`${JSON.stringify({ type: 'control_response', response })}\n`);
  }
  if (message.type === 'user') queue = queue.then(play);
});
input.on('close', () => {
  note('end of input');
  queue.then(() => process.exit(0));
});
