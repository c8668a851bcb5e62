import { mkdtempSync, rmSync } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appendText, fromMessages, MessageStreamError, textOnly, Valve } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import fc from 'fast-check';
import { concat, from, of, Subject, throwError } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import { params, useServer } from '../../support/server.ts';

const connection = new MessageStreamError('The connection was lost', { code: 'connection' });
const turn = () => new Promise((resolve) => setImmediate(resolve));

const folder = mkdtempSync(join(tmpdir(), 'claude-rx-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Each in a turn of its own, so that none is joined to the one before. */
async function* oneByOne(pieces: readonly string[]): AsyncGenerator<string> {
  for (const piece of pieces) {
    yield piece;
    await turn();
  }
}

/** A file that notes what is done to it; each step of it ends when it is told to. */
function slowFile() {
  const steps: string[] = [];
  let next: { resolve(): void; reject(error: unknown): void } | undefined;
  const step = (name: string) => {
    steps.push(name);
    return new Promise<void>((resolve, reject) => (next = { resolve, reject }));
  };
  return {
    steps,
    file: { appendFile: (text: string) => step(text), sync: () => step('(sync)') },
    go: () => (next!.resolve(), turn()),
    fail: (error: unknown) => (next!.reject(error), turn()),
  };
}

describe('appendText', () => {
  it('appends any text to the content of the file, wherever it is cut', async () => {
    let count = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary', maxLength: 20 })),
        fc.integer({ min: 1, max: 7 }),
        async (parts, size) => {
          const text = parts.join('👩‍👩‍👧 é');
          const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
          const path = join(folder, `${count++}.txt`);
          for (let time = 0; time < 2; time++) {
            const file = await open(path, 'a');
            await appendText(from(oneByOne(pieces)), file);
            expect((await stat(path)).size).toBe(Buffer.byteLength(text) * (time + 1));
            await file.close();
          }
          expect(await readFile(path, 'utf8')).toBe(text + text);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('writes one text at a time, merges waiting texts, and syncs at the end', async () => {
    const { file, steps, go } = slowFile();
    const source = new Subject<string>();
    let isDone = false;
    const result = appendText(source, file).then(() => (isDone = true));
    for (const piece of ['a', 'b', 'c']) {
      source.next(piece);
      await turn();
    }
    expect(steps).toEqual(['a']);
    await go();
    expect(steps).toEqual(['a', 'bc']);
    source.complete();
    await go();
    expect([steps, isDone]).toEqual([['a', 'bc', '(sync)'], false]);
    await go();
    await result;
  });

  it('rejects with an error when the text before it is on the disk', async () => {
    const { file, steps, go } = slowFile();
    const source = concat(
      of('Hel', 'lo'),
      throwError(() => connection),
    );
    const result = appendText(source, file).catch((error: unknown) => error);
    await turn();
    await go();
    expect(steps).toEqual(['Hello', '(sync)']);
    await go();
    expect(await result).toBe(connection);
  });

  it('unsubscribes and rejects when the file fails', async () => {
    const { file, steps, fail } = slowFile();
    const source = new Subject<string>();
    const full = new Error('ENOSPC');
    const result = appendText(source, file).catch((error: unknown) => error);
    source.next('a');
    await turn();
    await fail(full);
    expect([await result, source.observed, steps]).toEqual([full, false, ['a']]);
  });

  it('pauses the source while it writes, with a valve', async () => {
    const valve = new Valve({ highWaterMark: 2, lowWaterMark: 0 });
    const { file, go } = slowFile();
    const source = new Subject<string>();
    const result = appendText(source, file, { valve });
    for (const piece of ['a', 'b']) source.next(piece);
    await turn();
    expect([valve.depth, valve.isOpen]).toEqual([2, false]);
    await go();
    expect([valve.depth, valve.isOpen]).toEqual([0, true]);
    source.complete();
    await turn();
    await go();
    await result;
  });

  it('throws for an invalid Observable or file, when called', () => {
    expect(() => appendText('text' as never, slowFile().file)).toThrow(/pass an Observable/);
    expect(() => appendText(of('a'), 'reply.txt' as never)).toThrow(/pass a FileHandle/);
  });
});

describe('appendText over HTTP', () => {
  const context = useServer();

  it('writes a reply to a file', async () => {
    context.server.reply(messageEvents.text('Hello wide world', { chunk: 4 }));
    const path = join(folder, 'reply.txt');
    const file = await open(path, 'w');
    await appendText(fromMessages(context.client, params).pipe(textOnly()), file);
    expect(await readFile(path, 'utf8')).toBe('Hello wide world');
    await file.close();
  });
});
