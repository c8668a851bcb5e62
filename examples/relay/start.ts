// A reply that survives a reload and a node that is killed: two Node processes, one redis-server, a
// page. Needs redis-server on the PATH (Debian: apt-get install redis-server).
//
//   npx tsx examples/relay/start.ts [port]
//
// Without ANTHROPIC_API_KEY a Messages API server on loopback answers.
import { finalText, fromRecording } from 'claude-rx';
import { messageEvents, MessagesServer } from 'claude-rx/testing';
import { build } from 'esbuild';
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom } from 'rxjs';
import { hasKey } from '../hasKey.ts';

interface Node {
  process: ChildProcess;
  port: number;
}

const here = (file: string) => new URL(file, import.meta.url);
const say = (line: string) => process.stdout.write(`${line}\n`);
/** What ends a program from outside, and by which number. */
const SIGNALS = [
  ['SIGHUP', 1],
  ['SIGINT', 2],
  ['SIGQUIT', 3],
  ['SIGTERM', 15],
] as const;
/** Those that answer, and all that were started. */
const nodes: Node[] = [];
const processes = new Set<ChildProcess>();
/** The node that was the last to write. */
let writer: Node | undefined;
let turn = 0;

async function main(port: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'claude-rx-relay-'));
  const redisPort = await freePort();
  const settings = ['--port', String(redisPort), '--dir', folder, '--appendonly', 'yes'];
  const redis = spawn('redis-server', settings, { stdio: 'ignore' });
  // However this process ends, short of `kill -9`: nothing is left behind.
  process.once('exit', () => {
    for (const child of processes) child.kill('SIGKILL');
    redis.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });
  for (const [signal, number] of SIGNALS) process.once(signal, () => process.exit(128 + number));
  redis.on('error', () => {
    process.stderr.write('redis-server could not be started: apt-get install redis-server\n');
    process.exit(1);
  });
  const model = hasKey ? undefined : await startModel();
  const env = {
    ...process.env,
    REDIS_URL: `redis://127.0.0.1:${redisPort}`,
    ...(model && { MODEL_URL: model.url }),
  };
  await Promise.all([startNode(env), startNode(env)]);
  const script = await bundlePage();
  const server = createServer((incoming, response) => void answer(incoming, response, script, env));
  server.listen(port, '127.0.0.1', () => {
    say(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
}

/** The page, and all else to one node after the other, as a load balancer does. */
async function answer(
  incoming: IncomingMessage,
  response: ServerResponse,
  script: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  if (incoming.url === '/') {
    response.setHeader('content-type', 'text/html').end(await readFile(here('page.html')));
  } else if (incoming.url === '/page.js') {
    response.setHeader('content-type', 'text/javascript').end(script);
  } else if (incoming.url === '/kill') {
    killWriter(response, env);
  } else {
    forward(incoming, response);
  }
}

function killWriter(response: ServerResponse, env: NodeJS.ProcessEnv): void {
  const refuse = (why: string) => void response.writeHead(409).end(why);
  if (!writer) return refuse('No node writes');
  if (nodes.length === 1) return refuse('The other node is still starting: try again');
  const { pid } = writer.process;
  writer.process.kill('SIGKILL');
  nodes.splice(nodes.indexOf(writer), 1);
  writer = undefined;
  void startNode(env);
  response.end(`Node ${pid} was killed`);
}

function forward(incoming: IncomingMessage, response: ServerResponse): void {
  const node = nodes[turn++ % nodes.length];
  if (!node) return void response.writeHead(503).end();
  const { method, url: path, headers } = incoming;
  const own = request({ host: '127.0.0.1', port: node.port, method, path, headers }, (answered) => {
    response.writeHead(answered.statusCode ?? 502, answered.headers);
    response.flushHeaders();
    answered.on('error', () => response.destroy());
    answered.pipe(response);
  });
  own.on('error', () => response.destroy());
  response.on('close', () => own.destroy());
  incoming.pipe(own);
}

async function startNode(env: NodeJS.ProcessEnv): Promise<void> {
  const child = fork(here('node.ts'), { env, execArgv: ['--import', 'tsx'] });
  processes.add(child);
  child.once('exit', () => processes.delete(child));
  const port = await new Promise<number>((resolve) => {
    child.on('message', (news: { port?: AddressInfo; writes?: true }) => {
      if (news.port) resolve(news.port.port);
      if (news.writes) writer = nodes.find((one) => one.process === child);
    });
  });
  nodes.push({ process: child, port });
}

/** A model with one thing to say, which goes on from where the request says that it broke off. */
async function startModel(): Promise<MessagesServer> {
  const recording = await readFile(here('../recordings/text.ndjson'), 'utf8');
  const text = await firstValueFrom(
    fromRecording(recording, { speed: Infinity }).pipe(finalText()),
  );
  const server = await MessagesServer.start();
  return server.handle(({ body }) => {
    const broken = body.messages.findLast(({ role }: { role: string }) => role === 'assistant');
    const said: string = broken?.content[0].text ?? '';
    const rest = text.slice(Math.max(0, said.length - 20));
    return { events: messageEvents.text(rest, { chunk: 6 }), pace: 60 };
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function bundlePage(): Promise<string> {
  const { pathname } = here('page.ts');
  const options = { bundle: true, format: 'esm', write: false } as const;
  const { outputFiles } = await build({ entryPoints: [pathname], ...options });
  return outputFiles[0]!.text;
}

void main(Number(process.argv[2] ?? 3000));
