import type { Observable } from 'rxjs';
import { checkSink, type SinkOptions, TEXTS_AT_ONCE } from './SinkOptions.ts';
import { PullQueue } from './PullQueue.ts';
import { wholeCharacters } from './wholeCharacters.ts';

/** What is used of the `FileHandle` that `open` of `node:fs/promises` gives. */
export interface TextFile {
  appendFile(text: string): Promise<unknown>;
  /** Flushes what was written to the disk: fsync. */
  sync(): Promise<unknown>;
}

/**
 * Writes text to an open file, and has it on the disk when it resolves.
 *
 * ```text
 * text$     --a--bc---d|
 * file      --a--(bc)-d-s     s: fsync; what comes during one write is written with the next
 * result    -------------x
 * ```
 *
 * The file is opened by you, and stays open: with `'a'` text is appended, with `'w'` it replaces what
 * there was.
 *
 * - It subscribes at once. No character is cut in two: half a surrogate pair waits for the other.
 * - Slow disk: give the source and this the same `valve`, and the source waits. Without one, the text
 *   that waits is kept.
 * - Error of `text$`: what came before is on the disk when the promise rejects with that error.
 * - Error of the file: `text$` is unsubscribed, and the promise rejects.
 *
 * @throws TypeError when `text$` is no Observable, or `file` no `FileHandle`.
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
