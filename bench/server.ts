// The other side of the HTTP scenarios: a Messages API on loopback, in a process of its own. The
// path says how the reply is written: /burst/<reply>, /segments/<reply>, /paced-<ms>/<reply>.
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { chunksOf, makeReply } from './replies.ts';

const known = new Map<string, Uint8Array[]>();

function chunks(name: string, size: number): Uint8Array[] {
  const key = `${size} ${name}`;
  if (!known.has(key)) known.set(key, chunksOf(makeReply(name), size));
  return known.get(key)!;
}

async function write(response: ServerResponse, how: string, name: string): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': 'req_1' });
  if (how === 'burst') {
    for (const chunk of chunks(name, 16_384)) {
      if (!response.write(chunk)) await once(response, 'drain');
    }
    response.end();
  } else if (how === 'segments') {
    response.socket!.setNoDelay(true);
    for (const chunk of chunks(name, 1)) {
      if (!response.write(chunk)) await once(response, 'drain');
      await setImmediate();
    }
    response.end();
  } else {
    response.socket!.setNoDelay(true);
    const frames = chunks(name, 1);
    let next = 0;
    const timer = setInterval(
      () => {
        response.write(frames[next++]!);
        if (next < frames.length) return;
        clearInterval(timer);
        response.end();
      },
      Number(how.split('-')[1]),
    );
    response.on('close', () => clearInterval(timer));
  }
}

// A connection that is about to be used again is not to be closed meanwhile.
const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
  request.resume();
  const [, how, name] = request.url!.split('/');
  write(response, how!, decodeURIComponent(name!)).catch(() => response.destroy());
});
server.listen(0, '127.0.0.1', 4_096, () => {
  process.send!(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.on('disconnect', () => process.exit());
