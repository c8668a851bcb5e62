import { type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';

/** What a fault may do to a reply, and where. */
export interface Wire {
  /** The frames of the reply, one an event. The last one ends it. */
  readonly frames: readonly string[];
  readonly body: Buffer;
  readonly random: () => number;
  /** Writes, in a turn of the event loop of its own. */
  write(data: string | Buffer): Promise<void>;
  readonly socket: Socket;
}

/**
 * How the reply ends for its reader: `whole` with all of its text, `cut` with an error and nothing but
 * the beginning of its text, `failed` with an error, `any` if nobody can tell what was meant.
 */
type Ending = 'whole' | 'cut' | 'failed' | 'any';

export interface TransportFault {
  readonly ending: Ending;
  /** The connection stays open, and nothing comes. */
  readonly stalls?: true;
  readonly play: (wire: Wire) => Promise<void> | void;
}

// No connection is used again: another request would suffer from the fault of this one.
const CLOSE = 'connection: close\r\n';
const OK = `HTTP/1.1 200 OK\r\nrequest-id: req_1\r\n${CLOSE}`;
const STREAM = `${OK}content-type: text/event-stream\r\n`;
const CHUNKED = `${STREAM}transfer-encoding: chunked\r\n\r\n`;
const LAST_CHUNK = '0\r\n\r\n';

const chunk = (data: string | Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(`${Buffer.byteLength(data).toString(16)}\r\n`),
    Buffer.from(data),
    Buffer.from('\r\n'),
  ]);

/** A place in the body before which its last frame begins. */
const placeIn = ({ body, frames, random }: Wire): number =>
  1 + Math.floor(random() * (body.length - Buffer.byteLength(frames.at(-1)!) - 1));

/** All frames but the last one, with `extra` somewhere between them. */
const broken = ({ frames, random }: Wire, extra: string): string => {
  const kept = frames.slice(0, -1);
  kept.splice(Math.floor(random() * kept.length), 0, extra);
  return kept.join('');
};

/** The body in pieces of at most `longest` bytes. */
function pieces({ body, random }: Wire, longest: number): Buffer[] {
  const cut: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const next = at + 1 + Math.floor(random() * longest);
    cut.push(body.subarray(at, next));
    at = next;
  }
  return cut;
}

/** A whole reply. */
const whole = (head: string, bytes: (wire: Wire) => readonly (string | Buffer)[]) =>
  ({
    ending: 'whole',
    play: async (wire) => {
      await wire.write(head);
      for (const part of bytes(wire)) await wire.write(part);
      if (!head.includes('chunked') && !head.includes('content-length')) wire.socket.end();
    },
  }) satisfies TransportFault;

/** Bytes, and the end of the connection. */
const sent = (ending: Ending, bytes: (wire: Wire) => string | Buffer): TransportFault => ({
  ending,
  play: async (wire) => {
    await wire.write(bytes(wire));
    wire.socket.end();
  },
});

/** Part of a reply, and then something. */
const afterPart = (
  then: (wire: Wire) => Promise<void> | void,
  more: Partial<TransportFault> = {},
): TransportFault => ({
  ending: 'cut',
  play: async (wire) => {
    await wire.write(CHUNKED);
    await wire.write(chunk(wire.body.subarray(0, placeIn(wire))));
    await then(wire);
  },
  ...more,
});

const answer = (status: string, fields: string, body: string): TransportFault =>
  sent('failed', () => `HTTP/1.1 ${status}\r\n${CLOSE}${fields}\r\n${body}`);

const ERROR = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"';

/** What can happen between the socket of a server and the reader of a reply. */
export const TRANSPORT_FAULTS: Readonly<Record<string, TransportFault>> = {
  // Not a fault, but written in all the ways that HTTP allows.
  'one chunk': whole(CHUNKED, ({ body }) => [chunk(body), LAST_CHUNK]),
  'a chunk a byte': whole(CHUNKED, ({ body }) => [
    Buffer.concat(Array.from(body.subarray(0, 300), (byte) => chunk(Buffer.of(byte)))),
    chunk(body.subarray(300)),
    LAST_CHUNK,
  ]),
  'slow drip': whole(CHUNKED, (wire) => [...pieces(wire, 200).map(chunk), LAST_CHUNK]),
  'chunks cut in their sizes': whole(CHUNKED, (wire) => {
    const all = Buffer.concat([...pieces(wire, 400).map(chunk), Buffer.from(LAST_CHUNK)]);
    return pieces({ ...wire, body: all }, 300);
  }),
  'chunk extensions and trailers': whole(CHUNKED, ({ body }) => [
    `${body.length.toString(16)};a=b\r\n`,
    body,
    '\r\n0\r\nx-trailer: 1\r\n\r\n',
  ]),
  'HTTP/1.0': whole(STREAM.replace('1.1', '1.0') + '\r\n', ({ body }) => [body]),
  'neither length nor chunks': whole(`${STREAM}\r\n`, ({ body }) => [body]),
  'CRLF and a byte order mark': whole(CHUNKED, ({ body }) => [
    chunk(`\ufeff${String(body).replaceAll('\n', '\r\n')}`),
    LAST_CHUNK,
  ]),
  gzip: whole(`${STREAM}content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n`, (wire) => [
    chunk(gzipSync(wire.body)),
    LAST_CHUNK,
  ]),
  'garbage after the end': whole(CHUNKED, ({ body }) => [
    chunk(body),
    chunk('data: {"type":\n\n\0\0'),
    LAST_CHUNK,
  ]),
  'a second reply after the first': {
    ending: 'whole',
    play: ({ socket, body }) =>
      void socket.end(`${CHUNKED}${String(chunk(body))}${LAST_CHUNK}${CHUNKED}x`),
  },
  'no end of a whole reply': {
    ending: 'whole',
    stalls: true,
    play: async ({ write, body }) => write(CHUNKED + String(chunk(body))),
  },
  'a length that is too large': sent(
    'whole',
    ({ body }) => `${STREAM}content-length: ${body.length + 9}\r\n\r\n${String(body)}`,
  ),
  'early hints': sent(
    'any',
    ({ body }) =>
      'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'.repeat(200) +
      `${CHUNKED}${String(chunk(body))}${LAST_CHUNK}`,
  ),

  // No reply at all.
  'FIN before a byte': sent('failed', () => ''),
  'RST before a byte': { ending: 'failed', play: ({ socket }) => void socket.resetAndDestroy() },
  'stall before a byte': { ending: 'failed', stalls: true, play: () => {} },
  'cut in the status line': sent('failed', ({ random }) =>
    OK.slice(0, 1 + Math.floor(random() * 15)),
  ),
  'cut in the headers': sent('failed', ({ random }) =>
    CHUNKED.slice(0, 17 + Math.floor(random() * (CHUNKED.length - 18))),
  ),
  'wrong status line': sent('failed', ({ random, body }) => {
    const lines = ['HTTP/9.9 200 OK', 'ICY 200 OK', 'HTTP/1.1 abc', 'HTTP/1.1', ' HTTP/1.1 200'];
    return `${lines[Math.floor(random() * lines.length)]}\r\n\r\n${String(body)}`;
  }),
  'binary in place of HTTP': sent('failed', ({ random }) =>
    Buffer.from(Array.from({ length: 300 }, () => Math.floor(random() * 256))),
  ),
  'huge headers': sent('failed', () => `${STREAM}x-long: ${'x'.repeat(200_000)}\r\n\r\n`),
  'NUL in a header': sent('failed', ({ body }) => `${STREAM}x: a\0b\r\n\r\n${String(body)}`),
  'a flood of 100': sent('failed', () => 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(1_000)),
  '101': answer('101 Switching Protocols', 'connection: upgrade\r\nupgrade: x\r\n', 'abc'),
  'a redirect to nowhere': {
    ending: 'failed',
    play: ({ write }) => write('HTTP/1.1 307 Go\r\nlocation: ftp://x\r\ncontent-length: 0\r\n\r\n'),
  },
  'no content': answer('205 Reset Content', 'content-length: 0\r\n', ''),
  'a page': answer('200 OK', 'content-type: text/html\r\n', '<html>\u0000</html>'),
  'a page as an event stream': answer('200 OK', 'content-type: text/event-stream\r\n', '<html>'),
  'JSON that is cut': answer('200 OK', 'content-type: application/json\r\n', '{"type":"mess'),
  'an error that is cut': answer('529 Busy', 'content-length: 500\r\n', '{"type":"error","err'),
  'an error without a body': answer('500 No', 'content-length: 0\r\n', ''),
  'an error of 500 kB': answer('401 No', '', `{"error":"${'x'.repeat(500_000)}"}`),
  'a length that is no number': sent(
    'failed',
    ({ body }) => `${STREAM}content-length: -5\r\n\r\n${String(body)}`,
  ),
  'two lengths': sent(
    'failed',
    ({ body }) => `${STREAM}content-length: 5\r\ncontent-length: 6\r\n\r\n${String(body)}`,
  ),
  'a length and chunks': sent(
    'failed',
    ({ body }) => `${STREAM}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n${String(body)}`,
  ),
  'invalid gzip': {
    ...sent('failed', (wire) => `${STREAM}content-encoding: gzip\r\n\r\n${String(wire.body)}`),
    // `fetch` of Node 20 never ends such a body.
    stalls: true,
  },

  // Part of a reply.
  FIN: afterPart(({ socket }) => void socket.end()),
  RST: afterPart(({ socket }) => void socket.resetAndDestroy()),
  'last chunk too early': afterPart(({ write }) => write(LAST_CHUNK)),
  stall: afterPart(() => {}, { stalls: true }),
  'half close': afterPart(({ socket }) => void socket.end(), { stalls: true }),
  'cut in the size of a chunk': afterPart(async ({ write, socket }) => {
    await write('1f');
    socket.end();
  }),
  'garbage between chunks': afterPart(({ write }) => write('garbage\r\n')),
  'a chunk of endless size': afterPart(({ write }) => write(`${'F'.repeat(20)}\r\nx`)),
  'a negative chunk': afterPart(({ write }) => write('-1\r\nx\r\n')),
  'a length that is too small': sent('cut', (wire) => {
    const length = placeIn(wire);
    return `${STREAM}content-length: ${length}\r\n\r\n${String(wire.body)}`;
  }),
  'gzip that is cut': sent('cut', (wire) => {
    const zipped = gzipSync(wire.body);
    const kept = zipped.subarray(0, Math.floor(wire.random() * (zipped.length - 20)));
    return Buffer.concat([Buffer.from(`${STREAM}content-encoding: gzip\r\n\r\n`), kept]);
  }),
  'a frame too long': sent(
    'cut',
    (wire) => `${STREAM}\r\n${broken(wire, `data: ${'x'.repeat(200_000)}\n\n`)}`,
  ),
  'a frame of many lines, too long': sent(
    'cut',
    (wire) => `${STREAM}\r\n${broken(wire, `${'data: x\n'.repeat(20_000)}\n`)}`,
  ),
  'a frame that is no JSON': sent(
    'cut',
    (wire) => `${STREAM}\r\n${broken(wire, 'data: {"type":\n\n')}`,
  ),
  'an error frame': sent('cut', (wire) => `${STREAM}\r\n${broken(wire, `${ERROR}}}\n\n`)}`),
  'an error frame that is cut': sent(
    'cut',
    (wire) => `${STREAM}\r\n${broken(wire, '').slice(0, 400)}\n\n${ERROR.slice(0, -9)}`,
  ),

  // Another reply than was sent.
  'a size that is wrong': sent('any', ({ frames, body, random }) => {
    const size = body.length + Math.floor(random() * 40) - 20;
    return `${CHUNKED}${chunk(frames[0]!)}${size.toString(16)}\r\n${String(body)}\r\n${LAST_CHUNK}`;
  }),
  'a chunk twice': sent('any', ({ frames, random }) => {
    const again = Math.floor(random() * frames.length);
    const all = frames.flatMap((frame, n) => (n === again ? [frame, frame] : [frame]));
    return `${CHUNKED}${all.map((frame) => String(chunk(frame))).join('')}${LAST_CHUNK}`;
  }),
  'a chunk lost': sent('any', ({ frames, random }) => {
    const lost = Math.floor(random() * frames.length);
    return `${STREAM}\r\n${frames.filter((_, n) => n !== lost).join('')}`;
  }),
  'chunks in another order': sent('any', ({ frames, random }) => {
    const order = frames.map((frame, n) => [n + random() * 3, frame] as const);
    return `${STREAM}\r\n${order
      .toSorted(([a], [b]) => a - b)
      .map(([, frame]) => frame)
      .join('')}`;
  }),
  NULs: sent('any', (wire) => {
    const at = placeIn(wire);
    const { body } = wire;
    return Buffer.concat([
      Buffer.from(`${STREAM}\r\n`),
      body.subarray(0, at),
      Buffer.alloc(50),
      body.subarray(at),
    ]);
  }),
  'flipped bits': sent('any', (wire) => {
    const body = Buffer.from(wire.body);
    for (let n = 0; n < 3; n++) body[placeIn(wire)]! ^= 1 << Math.floor(wire.random() * 8);
    return Buffer.concat([Buffer.from(`${STREAM}\r\n`), body]);
  }),
  'comments and unknown fields': sent('any', (wire) => {
    const extra = `: ${'x'.repeat(500)}\nretry: -1\nid: \0\nfield\n\n`;
    return `${STREAM}\r\n${wire.frames.join(extra)}`;
  }),
};
