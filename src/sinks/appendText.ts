import type { Observable } from 'rxjs';
import { checkSink, type SinkOptions, TEXTS_AT_ONCE } from './SinkOptions.ts';
import { PullQueue } from './PullQueue.ts';
import { wholeCharacters } from './wholeCharacters.ts';

/** The required part of the `FileHandle` that `open` of `node:fs/promises` returns. */
export interface TextFile {
  appendFile(text: string): Promise<unknown>;
  /** Flushes written data to the disk: fsync. */
  sync(): Promise<unknown>;
}

/**
 * Writes text to an open file. When the promise resolves, the text is on the disk.
 *
 * ```text
 * text$     --a--bc---d|
 * file      --a--(bc)-d-s     s: fsync; text that arrives during a write is in the next one
 * result    -------------x
 * ```
 *
 * You open and close the file: with the flag `'a'` the text is appended, with `'w'` it replaces the
 * content.
 *
 * - It subscribes at once. No character is cut in two: half a surrogate pair waits for its other half.
 * - Slow disk: pass the same `valve` to the source and to this function, and the source waits. Without a
 *   valve, waiting text is buffered.
 * - Error of `text$`: when the promise rejects with this error, the text before it is on the disk.
 * - Error of the file: `text$` is unsubscribed, and the promise rejects.
 *
 * @throws TypeError when `text$` is not an Observable, or `file` is not a `FileHandle`.
 *
 * @example
 * ```ts
 * import { open } from 'node:fs/promises';
 * import type Anthropic from '@anthropic-ai/sdk';
 * import { appendText, fromMessages, textOnly } from 'claude-rx';
 *
 * async function save(client: Anthropic, params: Anthropic.MessageCreateParamsNonStreaming) {
 *   const file = await open('reply.txt', 'a');
 *   try {
 *     await appendText(fromMessages(client, params).pipe(textOnly()), file);
 *   } finally {
 *     await file.close();
 *   }
 * }
 * ```
 */
export function appendText(
  text$: Observable<string>,
  file: TextFile,
  options: SinkOptions = {},
): Promise<void> {
  checkSink('appendText', text$, options);
  if (typeof file?.appendFile !== 'function' || typeof file.sync !== 'function') {
    throw new TypeError("appendText: pass a FileHandle, such as `await open(path, 'a')`");
  }
  return append(new PullQueue(text$.pipe(wholeCharacters()), options.valve), file);
}

async function append(waiting: PullQueue<string>, file: TextFile): Promise<void> {
  let failure: { error: unknown } | undefined;
  try {
    for (;;) {
      const texts = await waiting.pull(TEXTS_AT_ONCE).catch((error: unknown) => {
        failure = { error };
        return [];
      });
      if (texts.length === 0) break;
      await file.appendFile(texts.join(''));
    }
    await file.sync();
  } finally {
    waiting.stop();
  }
  if (failure) throw failure.error;
}
