import type { Observable } from 'rxjs';
import { writeAll } from './writeAll.ts';
import { checkSink, type SinkOptions } from './SinkOptions.ts';
import type { TextWritable } from './TextWritable.ts';
import { PullQueue } from './PullQueue.ts';
import { wholeCharacters } from './wholeCharacters.ts';

export interface WriteTextOptions extends SinkOptions {
  /** Whether the writable ends with the text; `process.stdout` is to stay open. Default: `true`. */
  end?: boolean | undefined;
}

/**
 * Writes text to a Node writable: `process.stdout`, a file or compression stream, a response.
 *
 * ```text
 * text$       --a--bc---d|
 * writable    --a--(bc)-d|     what comes while it is full is written in one piece when it has drained
 * result      ------------x    resolves when all of it is flushed
 * ```
 *
 * - It subscribes at once. No character is cut in two: half a surrogate pair waits for the other.
 * - Slow writable: give the source and this the same `valve`, and the source waits. Without one, the
 *   text that waits is kept.
 * - Error of `text$`: what came before is flushed, then the writable is destroyed, so that a response
 *   that is cut does not look whole (with `end: false` it stays open), and the promise rejects with
 *   that error.
 * - Error or early close of the writable: `text$` is unsubscribed, and the promise rejects.
 *
 * To stop it, use `takeUntil` or `takeUntilAborted` before. For a file that must be on the disk there
 * is `appendText`.
 *
 * @throws TypeError when `text$` is no Observable, or `writable` no writable of Node.
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
    throw new TypeError('writeText: pass a writable stream of Node, such as process.stdout');
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
    // That it closes after its end is as it should be.
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
