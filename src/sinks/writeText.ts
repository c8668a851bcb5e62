import type { Observable } from 'rxjs';
import { writeAll } from './writeAll.ts';
import { checkSink, type SinkOptions } from './SinkOptions.ts';
import type { TextWritable } from './TextWritable.ts';
import { PullQueue } from './PullQueue.ts';
import { wholeCharacters } from './wholeCharacters.ts';

export interface WriteTextOptions extends SinkOptions {
  /** Whether to end the writable after the text: `false` for `process.stdout`. Default: `true`. */
  end?: boolean | undefined;
}

/**
 * Writes text to a Node writable: `process.stdout`, a file or compression stream, a response.
 *
 * ```text
 * text$       --a--bc---d|
 * writable    --a--(bc)-d|     text that arrives while it is full is written together when it has drained
 * result      ------------x    resolves when all text is flushed
 * ```
 *
 * - It subscribes at once. No character is cut in two: half a surrogate pair waits for its other half.
 * - Slow writable: pass the same `valve` to the source and to this function, and the source waits.
 *   Without a valve, waiting text is buffered.
 * - Error of `text$`: the text before it is flushed; then the writable is destroyed, so that an
 *   incomplete response does not look complete (with `end: false` it stays open), and the promise
 *   rejects with this error.
 * - Error or early close of the writable: `text$` is unsubscribed, and the promise rejects.
 *
 * To stop it, use `takeUntil` or `takeUntilAborted` before. To make sure that a file is on the disk, use
 * `appendText`.
 *
 * @throws TypeError when `text$` is not an Observable, or `writable` is not a Node writable.
 *
 * @example
 * ```ts
 * import type Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, textOnly, writeText } from 'claude-rx';
 *
 * async function print(client: Anthropic, params: Anthropic.MessageCreateParamsNonStreaming) {
 *   const text$ = fromMessages(client, params).pipe(textOnly());
 *   await writeText(text$, process.stdout, { end: false });
 * }
 * ```
 */
export function writeText(
  text$: Observable<string>,
  writable: TextWritable,
  options: WriteTextOptions = {},
): Promise<void> {
  checkSink('writeText', text$, options);
  if (typeof writable?.write !== 'function' || typeof writable.on !== 'function') {
    throw new TypeError('writeText: pass a Node writable stream, such as process.stdout');
  }
  return write(text$, writable, options);
}

async function write(
  text$: Observable<string>,
  writable: TextWritable,
  { end = true, valve }: WriteTextOptions,
): Promise<void> {
  if (writable.destroyed || writable.writableEnded) throw closed();
  const waiting = new PullQueue(text$.pipe(wholeCharacters()), valve);
  let failure: { error: unknown } | undefined;
  let isFlushed = false;
  let onFailure: (() => void) | undefined;
  const fail = (error: unknown = closed()) => {
    // After the flush, the close event is expected.
    if (isFlushed) return;
    failure ??= { error };
    waiting.stop();
    onFailure?.();
  };
  const onClose = () => fail();
  const flushed = (isEnd: boolean) =>
    new Promise<void>((resolve) => {
      if (failure) return resolve();
      onFailure = resolve;
      const done = () => {
        isFlushed = true;
        resolve();
      };
      if (isEnd) writable.end(done);
      else writable.write('', done);
    });
  writable.on('error', fail);
  writable.on('close', onClose);
  try {
    await writeAll(waiting, writable);
    await flushed(end);
    if (failure) throw failure.error;
  } catch (error) {
    if (!failure) await flushed(false);
    if (end && !writable.destroyed) writable.destroy?.();
    throw error;
  } finally {
    waiting.stop();
    writable.off('close', onClose);
    writable.off('error', fail);
  }
}

function closed(): Error {
  return new Error('writeText: the writable was closed before all of the text was written');
}
