// The reader of `service.ts`: reads replies and counts their characters.
import { Agent, get } from 'node:http';

interface Task {
  contender: string;
  how: string;
  reply: string;
  connections: number;
  times: number;
}

const service = process.argv[2]!;
const agent = new Agent({ keepAlive: true });

/** The characters of the deltas, in whichever of the wires of the contenders. */
function lengthOf(body: string): number {
  let count = 0;
  for (const line of body.split('\n')) {
    const at = line.indexOf('{');
    if (at < 0 || !/"(text_delta|text-delta)"/.test(line)) continue;
    const { delta } = JSON.parse(line.slice(at)) as { delta: string | { text: string } };
    count += typeof delta === 'string' ? delta.length : delta.text.length;
  }
  return count;
}

function read(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get(`${service}${path}`, { agent }, (response) => {
      const parts: string[] = [];
      response.setEncoding('utf8');
      response.on('data', (part: string) => parts.push(part));
      response.on('end', () => resolve(lengthOf(parts.join(''))));
      response.on('error', reject);
    }).on('error', reject);
  });
}

process.on('message', async ({ contender, how, reply, connections, times }: Task) => {
  const path = `/${encodeURIComponent(contender)}/${how}/${encodeURIComponent(reply)}`;
  const counts = await Promise.all(
    Array.from({ length: connections }, async () => {
      let count = 0;
      for (let time = 0; time < times; time++) count += await read(path);
      return count;
    }),
  );
  process.send!(counts.reduce((sum, count) => sum + count, 0));
});
process.on('disconnect', () => process.exit());
process.send!('ready');
