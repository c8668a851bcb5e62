import fc from 'fast-check';
import { EventDecoder, MessageStreamError, type AnyStreamEvent } from 'claude-rx';
import { describe, expect, it, vi } from 'vitest';
import {
  badChunkings,
  bytesOf,
  cutAt,
  cutsInTwo,
  decode,
  lineEndings,
} from '../../support/cuts.ts';
import { recordings } from '../../support/recordings.ts';
import { rounds } from '../../support/rounds.ts';

const encoder = new TextEncoder();
const ping = { type: 'ping' };
const stop = { type: 'message_stop' };
const text = (value: string, index = 0) => ({
  type: 'content_block_delta',
  index,
  delta: { type: 'text_delta', text: value },
});
const STOP = 'event: message_stop\ndata: {"type":"message_stop"}\n\n';

/** An error of this code whose message matches. */
const said = (code: string, message: RegExp, more: object = {}) => ({
  code,
  message: expect.stringMatching(message),
  ...more,
});

/** What comes of these chunks: the events, and what was thrown. */
function read(chunks: string | (string | Uint8Array)[]): { events: unknown[]; error: unknown } {
  const events: unknown[] = [];
  const decoder = new EventDecoder((event) => events.push(event));
  try {
    for (const chunk of [chunks].flat()) {
      decoder.push(typeof chunk === 'string' ? encoder.encode(chunk) : chunk);
    }
    decoder.end();
    return { events, error: undefined };
  } catch (error) {
    return { events, error };
  }
}

describe('EventDecoder reads frames', () => {
  // oxfmt-ignore
  const cases: [title: string, body: string | (string | Uint8Array)[], events: unknown[]][] = [
    ['of the API', STOP, [stop]],
    ['that end in CR and LF', STOP.replaceAll('\n', '\r\n'), [stop]],
    ['that end in CR', STOP.replaceAll('\n', '\r'), [stop]],
    ['whose lines end in three ways', 'event: a\rdata: {"type":"a"}\r\n\ndata: {"type":"b"}\n\r\n', [{ type: 'a' }, { type: 'b' }]],
    ['cut between CR and LF', ['data: {"type":"a"}\r', '\n\r', '\ndata: {"type":"b"}\r\n\r\n'], [{ type: 'a' }, { type: 'b' }]],
    ['cut between the CR and LF of their event line', ['event: a\r', '\ndata: {}\r\n\r\n'], [{ type: 'a' }]],
    ['cut there, with an empty chunk between', ['event: a\r', '', '\ndata: {}\r\n\r\n'], [{ type: 'a' }]],
    ['after a BOM', [Uint8Array.of(0xef, 0xbb, 0xbf), STOP], [stop]],
    ['after a BOM that is cut', [Uint8Array.of(0xef), Uint8Array.of(0xbb), Uint8Array.of(0xbf), STOP], [stop]],
    ['in chunks that are empty', ['', STOP.slice(0, 9), '', STOP.slice(9), ''], [stop]],
    ['without an event line', 'data: {"type":"message_stop"}\n\n', [stop]],
    ['without a space after the colon', 'event:message_stop\ndata:{"type":"message_stop"}\n\n', [stop]],
    ['with data over several lines', 'data: {"type":\ndata: "message_stop"\ndata:\ndata: }\n\n', [stop]],
    ['with data before the event line', 'data: {"type":"message_stop"}\nevent: message_stop\n\n', [stop]],
    ['with id, retry and unknown fields', 'id: 7\nretry: 10\nretry: soon\nfoo: bar\nfoo\ndata: {"type":"message_stop"}\n\n', [stop]],
    ['with blank lines around them', `\n\n${STOP}\n\n\n`, [stop]],
    ['of a type yet unknown', 'event: later\ndata: {"type":"later","n":1}\n\n', [{ type: 'later', n: 1 }]],
    ['named by their event line only', 'event: later\ndata: {"n":1}\n\n', [{ type: 'later', n: 1 }]],
    ['whose data knows better than the event line', 'event: message\ndata: {"type":"message_stop"}\n\n', [stop]],
    ['and drops one that has no data', 'event: message_stop\n\n', []],
    ['and drops [DONE]', 'data: [DONE]\n\nevent: done\ndata: [DONE]\n\n', []],
    ['last of which lacks its blank line', STOP.slice(0, -1), [stop]],
    ['last of which lacks its line ending', STOP.slice(0, -2), [stop]],
    ['last of which lacks its blank line after CR', 'data: {"type":"message_stop"}\r', [stop]],
    ['last of which is cut in its data', STOP.slice(0, -4), []],
    ['last of which is cut in its event line', `${STOP}event: mess`, [stop]],
    ['last of which is cut before its data', `${STOP}event: ping_later\ndata:`, [stop]],
    ['last of which is cut in a character', [encoder.encode('data: {"type":"é').subarray(0, -1)], []],
    ['with characters that are not UTF-8', [encoder.encode('data: {"type":"'), Uint8Array.of(0xff), encoder.encode('"}\n\n')], [{ type: '\ufffd' }]],
    ['with a NUL character', 'data: {"type":"a\\u0000"}\n\n', [{ type: 'a\0' }]],
  ];
  it.each(cases)('%s', (_, body, events) => {
    expect(read(body)).toEqual({ events, error: undefined });
  });
});

describe('EventDecoder shows as a ping', () => {
  // oxfmt-ignore
  const cases: [title: string, body: string][] = [
    ['a ping', 'event: ping\ndata: {"type":"ping"}\n\n'],
    ['a ping with other data', 'event: ping\ndata: {"time":1}\n\n'],
    ['a ping with data that is not JSON', 'event: ping\ndata: 12:30 {\n\n'],
    ['a ping with empty data', 'event: ping\ndata\n\n'],
    ['a ping without an event line', 'data: {"type":"ping"}\n\n'],
    ['empty data', 'data:\n\n'],
    ['empty data of another event', 'event: keepalive\ndata: \n\n'],
    ['a comment', ': still here\n\n'],
    ['an empty comment', ':\n'],
    ['a comment inside a frame', 'event: x\n: still here\n\n'],
  ];
  it.each(cases)('%s', (_, body) => {
    expect(read(body)).toEqual({ events: [ping], error: undefined });
  });
});

describe('EventDecoder reports', () => {
  const OVERLOADED = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}';
  // oxfmt-ignore
  const cases: [title: string, body: string, error: object][] = [
    ['an error frame', `event: error\ndata: ${OVERLOADED}\n\n`, said('overloaded', /Overloaded/, { errorType: 'overloaded_error', retryable: true })],
    ['an error frame without an event line', `data: ${OVERLOADED}\n\n`, said('overloaded', /Overloaded/)],
    ['an error frame under another name', `event: message\ndata: ${OVERLOADED}\n\n`, said('overloaded', /Overloaded/)],
    ['an error frame with details null and a request id', 'event: error\ndata: {"type":"error","error":{"details":null,"type":"api_error","message":"Internal"},"request_id":"req_1"}\n\n', said('api', /Internal/, { requestId: 'req_1' })],
    ['an error frame with its error null', 'event: error\ndata: {"type":"error","error":null}\n\n', said('api', /no message/)],
    ['an error frame of a type yet unknown', 'event: error\ndata: {"type":"error","error":{"type":"new_error","message":"New"}}\n\n', said('api', /New/, { errorType: 'new_error', retryable: true })],
    ['an error frame without a type', 'event: error\ndata: {"message":"Gone"}\n\n', said('api', /Gone/)],
    ['an error frame that is not JSON', 'event: error\ndata: upstream\ndata: died\n\n', said('api', /upstream\ndied/)],
    ['an error frame that is JSON but no object', 'event: error\ndata: "upstream died"\n\n', said('api', /upstream died/)],
    ['an error frame without data', 'event: error\ndata:\n\n', said('api', /no message/)],
    ['an error frame without a data line', 'event: error\n\n', said('api', /no message/)],
    ['an error frame that is cut, with a frame behind it', `event: error\ndata: ${OVERLOADED.slice(0, 60)}`, said('connection', /lost inside a frame.*overloaded_error/, { retryable: true })],
    ["a gateway's error without a type", 'data: {"error":{"code":429,"message":"Slow down"}}\n\n', said('rate_limited', /Slow down/)],
    ["a gateway's error that is only text", 'data: {"error":"Slow down"}\n\n', said('api', /Slow down/)],
    ['data that is not JSON', 'event: message_stop\ndata: {"type":"message_stop"\n\n', said('connection', /lost inside a frame.*message_stop/, { retryable: true, cause: expect.any(SyntaxError) })],
    ['data that is a number', 'data: 42\n\n', said('protocol', /no event: "42"/)],
    ['data that is null', 'event: x\ndata: null\n\n', said('protocol', /no event: "null"/)],
    ['data that is a list', 'event: x\ndata: [{"type":"message_stop"}]\n\n', said('protocol', /no event: "\[/)],
    ['an object without any type', 'data: {"id":"chatcmpl-1","choices":[]}\n\n', said('protocol', /without a type: .*chatcmpl/)],
  ];
  it.each(cases)('%s, after the events before it', (_, body, error) => {
    const result = read(STOP + body + STOP);
    expect(result.events).toEqual([stop]);
    expect(result.error).toBeInstanceOf(MessageStreamError);
    expect(result.error).toMatchObject(error);
  });

  it('data that is not JSON as no event stream, where nothing good came before', () => {
    for (const data of ['hello', '<html>', '[1', "{'type': 'ping'}"]) {
      expect(read(`: comment\ndata: ${data}\n\n`).error).toMatchObject({ code: 'protocol' });
    }
    expect(read('event: message_start\ndata: {"type":"mess<html>\n\n').error).toMatchObject({
      code: 'connection',
    });
  });

  it('nothing for an error frame that is cut anywhere: the stream is cut', () => {
    const frame = `event: error\ndata: ${OVERLOADED}`;
    for (let length = 0; length < frame.length; length++) {
      expect(read(STOP + frame.slice(0, length))).toEqual({ events: [stop], error: undefined });
    }
    expect(read(STOP + frame).error).toMatchObject({ code: 'overloaded' });
  });

  it('a frame that is too long before it has all of it', () => {
    for (const line of ['x', 'data: x', 'data: x\ndata: y\n']) {
      const decoder = new EventDecoder(() => {}, { maxFrameLength: 1_000 });
      let pushed = 0;
      const all = () => {
        for (; pushed < 20_000; pushed += line.length) decoder.push(encoder.encode(line));
      };
      const error = expect.objectContaining({ code: 'protocol', retryable: false });
      let thrown: unknown;
      try {
        all();
      } catch (caught) {
        thrown = caught;
      }
      expect(thrown).toEqual(error);
      expect((thrown as Error).message).toMatch(/more than 1000 characters.*maxFrameLength/);
      expect(pushed).toBeLessThan(6_000);
    }
  });

  it('long data by its beginning', () => {
    const { error } = read(`data: ${'x'.repeat(1_000_000)}\n\n`);
    expect((error as Error).message.length).toBeLessThan(300);
  });

  it('no second error: what it threw is its end', () => {
    const onEvent = vi.fn<(event: AnyStreamEvent) => void>();
    const decoder = new EventDecoder(onEvent);
    expect(() => decoder.push(encoder.encode('data: {\n\n'))).toThrow(MessageStreamError);
    decoder.push(encoder.encode(STOP));
    decoder.end();
    expect(onEvent).not.toHaveBeenCalled();
  });

  it("a callback's own error as it is, and calls it no more", () => {
    const own = new Error('mine');
    const onEvent = vi.fn<() => void>(() => {
      throw own;
    });
    const decoder = new EventDecoder(onEvent);
    expect(() => decoder.push(encoder.encode(STOP + STOP))).toThrow(own);
    decoder.push(encoder.encode(STOP));
    expect(onEvent).toHaveBeenCalledTimes(1);
  });
});

describe('EventDecoder hands over', () => {
  it.each(Object.entries(lineEndings))(
    'all events of a chunk before push returns (%s)',
    (_, ending) => {
      const onEvent = vi.fn<(event: AnyStreamEvent) => void>();
      const decoder = new EventDecoder(onEvent);
      const sent = [text('a'), text('b'), stop] as AnyStreamEvent[];
      for (let count = 0; count < 3; count++) {
        decoder.push(bytesOf(sent, ending));
        expect(onEvent).toHaveBeenCalledTimes(3 * (count + 1));
      }
      expect(decoder.count).toBe(9);
    },
  );

  it('nothing after stop, not even a comment of the same chunk', () => {
    const onEvent = vi.fn<() => void>(() => decoder.stop());
    const decoder = new EventDecoder(onEvent);
    decoder.push(encoder.encode(': one\n: two\n\n'));
    expect(onEvent).toHaveBeenCalledTimes(1);
  });

  it('nothing after stop, in the middle of a burst', () => {
    const events: AnyStreamEvent[] = [];
    const decoder = new EventDecoder((event) => {
      events.push(event);
      if (events.length === 2) decoder.stop();
    });
    const burst = [text('a'), ping, text('b'), { type: 'error' }, stop] as AnyStreamEvent[];
    decoder.push(bytesOf(burst, '\n'));
    decoder.push(bytesOf(burst, '\n'));
    decoder.end();
    expect(events).toEqual([text('a'), ping]);
    expect(decoder.count).toBe(2);
  });

  it('the beginning of a body without events, for the error message', () => {
    const decoder = new EventDecoder(() => {});
    const body = JSON.stringify({ type: 'error', error: { message: 'x'.repeat(1_000) } });
    for (const chunk of cutAt(encoder.encode(body), [1, 2, 500])) decoder.push(chunk);
    decoder.end();
    expect(decoder.head).toBe(body);
  });

  it('a beginning of bounded length', () => {
    const decoder = new EventDecoder(() => {});
    for (let count = 0; count < 100; count++) decoder.push(encoder.encode('x'.repeat(10_000)));
    expect(decoder.head.length).toBeLessThan(50_000);
  });
});

describe('EventDecoder with an event of 5 MB', () => {
  const big = text('0123456789 äöü 😀 '.repeat(300_000));
  const bytes = bytesOf([big as AnyStreamEvent, stop as AnyStreamEvent], '\n');
  const chunkings: [title: string, positions: number[]][] = [
    ['one chunk', []],
    [
      'chunks of 1 KB',
      Array.from({ length: Math.floor(bytes.length / 1024) }, (_, i) => (i + 1) * 1024),
    ],
    ['a first chunk of one byte', [1]],
  ];
  /** What the decoder parses of it, but for what is short. */
  const parsedOf = (positions: number[]): number[] => {
    const parse = vi.spyOn(JSON, 'parse');
    const events = decode(cutAt(bytes, positions));
    const parsed = parse.mock.calls.map(([json]) => json.length);
    parse.mockRestore();
    expect(events.length).toBe(2);
    expect(JSON.stringify(events[0]) === JSON.stringify(big)).toBe(true);
    return parsed.filter((length) => length > 1_000);
  };

  it.each(chunkings)('in %s gives it whole, and parses it once', (_, positions) => {
    // No frame before it looked like it.
    decode([bytesOf([text('a', 7) as AnyStreamEvent], '\n')]);
    expect(parsedOf(positions)).toEqual([JSON.stringify(big).length]);
  });

  it('parses its text alone, where the last reply looked like it', () => {
    decode([bytesOf([text('a') as AnyStreamEvent], '\n')]);
    expect(parsedOf([])).toEqual([JSON.stringify(big.delta.text).length]);
  });
});

describe('EventDecoder gives the same events however the bytes are cut', () => {
  // Every position of the small recordings, as many as cost the same of the large ones; many more of
  // them in `test/long/decoder.test.ts`.
  const BYTES_PER_RECORDING = 5_000_000;

  for (const { name, events } of recordings) {
    it.each(Object.entries(lineEndings))(`${name} in %s`, (_, ending) => {
      const bytes = bytesOf(events, ending);
      const expected = JSON.stringify(events);
      expect(JSON.stringify(decode([bytes]))).toBe(expected);
      expect(JSON.stringify(decode(cutAt(bytes, [...bytes.keys()])))).toBe(expected);

      const stride = Math.ceil(bytes.length ** 2 / rounds(BYTES_PER_RECORDING));
      expect(badChunkings(bytes, cutsInTwo(bytes, stride))).toEqual([]);

      const positions = fc.array(fc.nat(bytes.length), { minLength: 1, maxLength: 60 });
      const random = fc
        .sample(positions, rounds(200))
        .map((some) => some.toSorted((a, b) => a - b));
      expect(badChunkings(bytes, random)).toEqual([]);
    });
  }

  it('cut off anywhere, they are the first of the events', () => {
    const sent = [
      text('é😀'),
      ping,
      text('\u2028\r\n'),
      { type: 'later' },
      stop,
    ] as AnyStreamEvent[];
    for (const ending of Object.values(lineEndings)) {
      const bytes = bytesOf(sent, ending);
      for (let length = 0; length < bytes.length; length++) {
        const events = decode([bytes.subarray(0, length)]);
        expect(events).toEqual(sent.slice(0, events.length));
      }
    }
  });

  const anyText = fc.oneof(
    fc.string({ unit: 'binary' }),
    // Lone surrogates, which JSON writes as escapes.
    fc
      .array(fc.integer({ min: 0xd7ff, max: 0xe000 }))
      .map((units) => String.fromCharCode(...units)),
  );
  const anyEvent = fc
    .tuple(
      fc.constantFrom('content_block_delta', 'message_stop', 'later', 'e v\u0085e\u2028n:t'),
      fc.dictionary(anyText, fc.oneof(anyText, fc.jsonValue({ stringUnit: 'binary' }))),
    )
    .map(([type, more]) => ({ ...more, type }));

  /** One of the many ways in which the standard lets a frame be written. */
  const frame = fc
    .record({
      event: anyEvent,
      eventLine: fc.constantFrom('first', 'last', 'none'),
      space: fc.constantFrom(' ', ''),
      indent: fc.constantFrom(0, 1),
      noise: fc.constantFrom('', 'id: 1\n', 'retry: 5\n', 'other: x\n'),
      ending: fc.constantFrom('\n', '\r\n', '\r'),
    })
    .map(({ event, eventLine, space, indent, noise, ending }) => {
      const lines = JSON.stringify(event, null, indent).split('\n');
      const data = lines.map((line) => `data:${space}${line}\n`).join('');
      const name = `event:${space}${event.type}\n`;
      const head = eventLine === 'first' ? name : '';
      const tail = eventLine === 'last' ? name : '';
      return { event, written: `${head}${noise}${data}${tail}\n`.replaceAll('\n', ending) };
    });

  it('for any events, written in any way, cut anywhere', () => {
    const anything = fc.tuple(
      fc.array(frame),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
    );
    fc.assert(
      fc.property(anything, ([frames, places]) => {
        const bytes = encoder.encode(frames.map(({ written }) => written).join(''));
        const positions = places
          .map((at) => Math.floor(at * bytes.length))
          .toSorted((a, b) => a - b);
        expect(decode(cutAt(bytes, positions))).toStrictEqual(
          frames.map(({ event }) => JSON.parse(JSON.stringify(event))),
        );
      }),
      { numRuns: rounds(300) },
    );
  });
});

describe('EventDecoder.lastId', () => {
  it('is the id of the frame whose event is handed over, in any place and any chunk', () => {
    const delta = JSON.stringify(text('Hello'));
    const frames = [
      `id: 1\nevent: content_block_delta\ndata: ${delta}\n\n`,
      // As the one before, so that it is not parsed.
      `id: 2\nevent: content_block_delta\ndata: ${delta}\n\n`,
      `event: content_block_delta\ndata: ${delta}\n\n`,
      `event: ping\nid:3\ndata: {}\n\n`,
      ': a comment\n\n',
      `id\nevent: ping\ndata: {}\n\n`,
    ];
    for (const chunks of [[frames.join('')], frames, [...frames.join('')]]) {
      const ids: (string | undefined)[] = [];
      const decoder = new EventDecoder(() => ids.push(decoder.lastId));
      expect(decoder.lastId).toBeUndefined();
      for (const chunk of chunks) decoder.push(encoder.encode(chunk));
      expect(ids).toEqual(['1', '2', '2', '3', '3', '']);
    }
  });

  it('is that of an error frame, when that is thrown', () => {
    const decoder = new EventDecoder(() => {});
    const frame = 'id: 7\nevent: error\ndata: {"type":"error","error":{"type":"api_error"}}\n\n';
    expect(() => decoder.push(encoder.encode(frame))).toThrow(MessageStreamError);
    expect(decoder.lastId).toBe('7');
  });
});
