import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { fromMessages, MessageStreamError, textOnly, Valve, writeText } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import fc from 'fast-check';
import { concat, from, of, Subject, throwError } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import { params, useServer } from '../../support/server.ts';
import { useHttpServers } from '../../support/httpServers.ts';

const connection = new MessageStreamError('The connection was lost', { code: 'connection' });
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Each in a turn of its own, so that none is joined to the one before. */
async function* oneByOne(pieces: readonly string[]): AsyncGenerator<string> {
  for (const piece of pieces) {
    yield piece;
    await turn();
  }
}

/** Takes `highWaterMark` bytes at a time, when it is told to. */
function slowWritable(highWaterMark = 4) {
  const written: string[] = [];
  let next: (() => void) | undefined;
  const writable = new Writable({
    highWaterMark,
    decodeStrings: false,
    write(chunk, _encoding, callback) {
      written.push(String(chunk));
      next = callback;
    },
  });
  return { writable, written, go: () => next!() };
}

describe('writeText', () => {
  const folder = mkdtempSync(join(tmpdir(), 'claude-rx-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('writes any text completely, wherever it is cut, and ends', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary', maxLength: 40 })),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 64 }),
        async (parts, size, highWaterMark) => {
          const text = parts.join('👩‍👩‍👧 é');
          // Cut anywhere, within surrogate pairs as well.
          const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
          const writable = new PassThrough({ highWaterMark });
          const [written] = await Promise.all([
            textOf(writable),
            writeText(from(oneByOne(pieces)), writable),
          ]);
          expect(written).toBe(text);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('waits for a full writable, and writes waiting text at once', async () => {
    const { writable, written, go } = slowWritable();
    const source = new Subject<string>();
    const result = writeText(source, writable);
    for (const piece of ['abcd', 'ef', 'gh']) {
      source.next(piece);
      await turn();
    }
    expect([written, writable.writableLength]).toEqual([['abcd'], 4]);
    go();
    await turn();
    expect(written).toEqual(['abcd', 'efgh']);
    source.complete();
    await turn();
    expect(writable.writableEnded).toBe(false);
    go();
    await result;
    expect(writable.writableFinished).toBe(true);
  });

  it('pauses the source meanwhile, with a valve', async () => {
    const valve = new Valve({ highWaterMark: 2, lowWaterMark: 0 });
    const { writable, go } = slowWritable();
    const source = new Subject<string>();
    const result = writeText(source, writable, { valve });
    for (const piece of ['abcd', 'ef']) source.next(piece);
    await turn();
    expect([valve.depth, valve.isOpen]).toEqual([2, false]);
    go();
    await turn();
    expect([valve.depth, valve.isOpen]).toEqual([0, true]);
    source.complete();
    await result;
  });

  it('leaves the writable open with `end: false`, without listeners', async () => {
    const { writable, written, go } = slowWritable(100);
    const result = writeText(of('a', 'b'), writable, { end: false });
    await turn();
    go();
    await turn();
    go();
    await result;
    expect([written.join(''), writable.writableEnded]).toEqual(['ab', false]);
    expect(writable.eventNames().filter((name) => name !== 'prefinish')).toEqual([]);
  });

  it('flushes the text before an error, then destroys the writable', async () => {
    const path = join(folder, 'reply.txt');
    const file = createWriteStream(path);
    const source = concat(
      of('Hello ', 'wor'),
      throwError(() => connection),
    );
    await expect(writeText(source, file)).rejects.toBe(connection);
    expect(readFileSync(path, 'utf8')).toBe('Hello wor');
    expect([file.destroyed, file.writableFinished]).toEqual([true, false]);
  });

  it('leaves the writable open after an error with `end: false`', async () => {
    const writable = new PassThrough();
    const source = concat(
      of('Hel'),
      throwError(() => connection),
    );
    await expect(writeText(source, writable, { end: false })).rejects.toBe(connection);
    expect([writable.destroyed, writable.writableEnded]).toEqual([false, false]);
    expect(String(writable.read())).toBe('Hel');
  });

  it('unsubscribes and rejects when the writable fails, or is closed', async () => {
    for (const error of [new Error('ENOSPC'), undefined]) {
      const writable = new PassThrough({ highWaterMark: 1 });
      const source = new Subject<string>();
      const result = writeText(source, writable);
      source.next('abc');
      await turn();
      writable.destroy(error);
      const reason: unknown = await result.catch((failure: unknown) => failure);
      expect(reason).toMatchObject({ message: error?.message ?? expect.stringMatching(/closed/) });
      expect(source.observed).toBe(false);
    }
  });

  it('rejects without a subscription if the writable is already closed', async () => {
    const writable = new PassThrough();
    writable.destroy();
    const source = new Subject<string>();
    const result = writeText(source, writable);
    expect(source.observed).toBe(false);
    await expect(result).rejects.toThrow(/closed before/);
  });

  it('throws for an invalid Observable or writable, when called', () => {
    expect(() => writeText('text' as never, new PassThrough())).toThrow(/pass an Observable/);
    expect(() => writeText(of('a'), new WritableStream() as never)).toThrow(
      /pass a Node writable stream/,
    );
  });
});

describe('writeText over HTTP', () => {
  const context = useServer();
  const relay = useHttpServers();

  it('writes a reply to a response, and destroys the response if the reply breaks', async () => {
    const hello = messageEvents.text('Hello wide world', { chunk: 4 });
    context.server.reply(hello);
    context.server.reply({ events: hello, fault: { kind: 'rst', beforeEvent: 4 } });
    const ends: unknown[] = [];
    const { url } = await relay((_, response) => {
      const text$ = fromMessages(context.client, params).pipe(textOnly());
      writeText(text$, response).then(
        () => ends.push('written'),
        (error: MessageStreamError) => ends.push(error.code),
      );
    });
    expect(await (await fetch(url)).text()).toBe('Hello wide world');
    await expect(fetch(url).then((response) => response.text())).rejects.toThrow();
    expect(ends).toEqual(['written', 'connection']);
  });

  it('aborts the request when the client disconnects', async () => {
    const hello = messageEvents.text('Hello wide world', { chunk: 4 });
    context.server.reply({ events: hello, fault: { kind: 'stall', beforeEvent: 4 } });
    let failed: Promise<unknown> | undefined;
    const { url } = await relay((_, response) => {
      const text$ = fromMessages(context.client, params).pipe(textOnly());
      failed = writeText(text$, response).catch((error: unknown) => error);
    });
    const controller = new AbortController();
    const response = await fetch(url, { signal: controller.signal });
    controller.abort();
    await response.text().catch(() => {});
    expect(await context.server.requests[0]!.finished).toBe('client-left');
    expect(await failed).toMatchObject({ message: expect.stringContaining('closed before') });
  });
});
