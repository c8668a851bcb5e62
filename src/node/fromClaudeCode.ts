import type { Writable } from 'node:stream';
import { from, map, Observable, type ObservableInput, of, type Subscriber } from 'rxjs';
import type { AgentMessage, AgentUserMessage } from '../agent/AgentMessage.ts';
import { MAX_FRAME_LENGTH } from '../message/frameLimit.ts';
import { MessageStreamError } from '../message/MessageStreamError.ts';
import { parseRecord } from '../message/record.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';
import { agentEndings } from '../agent/AgentOptions.ts';
import { LONGEST_TIMER } from '../flow/longestTimer.ts';
import { whenOpen } from '../flow/whenOpen.ts';
import { ClaudeCodeExit } from './ClaudeCodeExit.ts';
import { ClaudeCodeProcess } from './ClaudeCodeProcess.ts';
import type { ClaudeCodeProcessOptions } from './ClaudeCodeProcessOptions.ts';
import { LineDecoder } from './LineDecoder.ts';
import { LastOutput } from './LastOutput.ts';
import { invalid, requireNumbers } from '../flow/require.ts';

/**
 * Input of Claude Code: the text of a prompt, a user message with any content, or any other message of
 * the CLI's protocol, such as a `control_request`.
 */
export type ClaudeCodeInput =
  | string
  | AgentUserMessage
  | { type: string; [field: string]: unknown };

export type ClaudeCodeOptions = ClaudeCodeProcessOptions &
  (
    | {
        prompt: string;
        prompts$?: undefined;
      }
    | {
        prompt?: undefined;
        /**
         * The prompts of a session of several turns. A prompt can be sent while the previous turn is
         * running. When `prompts$` completes, the session ends after the last reply.
         */
        prompts$: ObservableInput<ClaudeCodeInput>;
      }
  );

/**
 * Runs the Claude Code CLI and emits its messages, without the Agent SDK.
 *
 * ```text
 * prompts$  p------------p|
 * process   ^--i--a--r---i--a--r-x      i: system/init, a: assistant, r: result, x: exit code 0
 * result    ---i--a--r---i--a--r-|
 * ```
 *
 * `streamEvents()` turns the messages into stream events for all other operators; `agentState()` into
 * the state of the session. The CLI runs with `-p` and the input and output format `stream-json`.
 *
 * - Cold: each subscription starts a process.
 * - Output lines that are not messages are skipped; messages of unknown types are emitted unchanged. All
 *   lines of a chunk are emitted synchronously.
 * - Error: a `MessageStreamError` whose `partial` is the last reply of the main thread.
 *
 *   | code | when |
 *   |---|---|
 *   | `request` | the executable or the folder does not exist, or the executable may not be run |
 *   | `connection` | a signal ended the process |
 *   | `unknown` | the process ended with an exit code other than 0 |
 *   | `truncated` | the process ended with exit code 0, but without a `result` |
 *   | `protocol` | an output line is longer than `maxLineLength` |
 *   | `request` | the process does not read, and more than `maxUnreadPrompts` bytes of prompts wait |
 *   | others | the `result` reports an error, as with `fromAgent` |
 *
 *   The `cause` of `connection` and `unknown` is a `ClaudeCodeExit`, with the exit code and the standard
 *   error output of the process.
 * - Complete: when the process has ended with exit code 0, after a `result`; or `exitTimeout` after the
 *   last `result`, if the process has not ended by then.
 * - Unsubscribe, and every error: the process and all its descendants get SIGTERM at once, and SIGKILL
 *   after `killAfter`. This includes the commands of the Bash tool, which run in separate sessions. On
 *   Linux, descendants are found even after the process has died, by their environment variable
 *   `CLAUDE_RX_PROCESS`. On Windows, `taskkill /T /F` ends all at once.
 * - When your own process ends, they get SIGTERM, and on Linux SIGKILL after 5 seconds. This also works
 *   if your process is killed by SIGKILL, because a small shell waits for its end.
 * - With a `valve`, the output is not read while the valve is closed, so the process waits.
 *
 * @throws TypeError when neither or both of `prompt` and `prompts$` are given, or an option is not valid.
 *
 * @example
 * ```ts
 * import { textOnly } from 'claude-rx';
 * import { streamEvents } from 'claude-rx/agent';
 * import { fromClaudeCode } from 'claude-rx/node';
 *
 * fromClaudeCode({ prompt: 'What does this project do?', includePartialMessages: true })
 *   .pipe(streamEvents(), textOnly())
 *   .subscribe({
 *     next: (text) => process.stdout.write(text),
 *     error: (error) => console.error(error.message),
 *   });
 * ```
 */
export function fromClaudeCode(options: ClaudeCodeOptions): Observable<AgentMessage> {
  check(options);
  return new Observable<AgentMessage>((subscriber) => run(options, subscriber)).pipe(
    agentEndings(options),
  );
}

function run(options: ClaudeCodeOptions, subscriber: Subscriber<AgentMessage>): void {
  const { killAfter = 5_000, exitTimeout = 5_000 } = options;
  const { maxLineLength = MAX_FRAME_LENGTH, maxUnreadPrompts = MAX_FRAME_LENGTH } = options;
  const { valve, onStderr } = options;
  /** Output that was not a message: it may explain an error. */
  const tail = new LastOutput();
  let hasFailedResult = false;
  let lastResult: NodeJS.Timeout | undefined;
  let isInTurn = true;

  /** Claude Code may hang after its last result, so wait for `exitTimeout` only. */
  const expectExit = (): void => {
    clearTimeout(lastResult);
    if (isInTurn || !cli.input.writableEnded || exitTimeout > LONGEST_TIMER) return;
    lastResult = setTimeout(() => {
      if (cli.isPaused) return expectExit();
      subscriber.complete();
    }, exitTimeout);
  };

  const lines = new LineDecoder((line) => {
    const message = messageIn(line);
    if (message === undefined) return tail.push(`${line}\n`);
    if (message.type === 'result') hasFailedResult = message.is_error === true;
    // If more turns are queued, this is not the last result.
    if (message.type === 'result') isInTurn = (message.queued_turn_count ?? 0) > 0;
    else if (isOfTurn(message)) isInTurn = true;
    expectExit();
    subscriber.next(message);
  }, maxLineLength);

  let cli: ClaudeCodeProcess;
  try {
    cli = new ClaudeCodeProcess(options, {
      onFailure: (error) => subscriber.error(error),
      onOutput: (chunk) => {
        attempt(() => lines.push(chunk), subscriber);
        if (subscriber.closed || valve?.isOpen !== false) return;
        cli.pause();
        whenOpen(valve, subscriber, () => cli.resume());
      },
      onStderr: (text) => {
        tail.push(text);
        attempt(() => onStderr?.(text), subscriber);
      },
      onEnd: (exitCode, signal) => {
        attempt(() => lines.end(), subscriber);
        const isExpected = exitCode === 0 || (hasFailedResult && exitCode === 1);
        if (isExpected) subscriber.complete();
        else subscriber.error(exited(new ClaudeCodeExit(exitCode, signal, tail.text)));
      },
    });
  } catch (error) {
    return subscriber.error(error);
  }
  if (!cli.isStarted) return;
  subscriber.add(() => {
    lines.stop();
    clearTimeout(lastResult);
    cli.leave(killAfter);
  });

  const { prompt, prompts$ } = options;
  const { input } = cli;
  const input$ = prompts$ === undefined ? of(prompt) : from(paced(prompts$, input));
  const sent = input$.pipe(map(lineOf)).subscribe({
    next: (line) => {
      input.write(line);
      if (input.writableLength > maxUnreadPrompts) subscriber.error(unread(maxUnreadPrompts));
    },
    error: (error: unknown) => subscriber.error(toMessageStreamError(error)),
    complete: () => {
      input.end();
      expectExit();
    },
  });
  subscriber.add(sent);
}

/** Lists and async iterables are read when the input has room; an Observable cannot be paused. */
function paced(
  prompts: ObservableInput<ClaudeCodeInput>,
  stdin: Writable,
): ObservableInput<ClaudeCodeInput> {
  const isList = Symbol.asyncIterator in prompts || Symbol.iterator in prompts;
  return isList ? inTurns(prompts as AsyncIterable<ClaudeCodeInput>, stdin) : prompts;
}

async function* inTurns(
  prompts: AsyncIterable<ClaudeCodeInput>,
  stdin: Writable,
): AsyncGenerator<ClaudeCodeInput> {
  for await (const prompt of prompts) {
    yield prompt;
    if (stdin.writableNeedDrain) await drained(stdin);
    if (stdin.destroyed) return;
  }
}

/** Resolves when the input has room again, or is closed. */
function drained(stdin: Writable): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      stdin.off('drain', settle).off('close', settle);
      resolve();
    };
    stdin.on('drain', settle).on('close', settle);
  });
}

function unread(maxUnreadPrompts: number): MessageStreamError {
  return new MessageStreamError(
    `Claude Code does not read its prompts: more than ${maxUnreadPrompts} bytes are waiting ` +
      '(`maxUnreadPrompts`). Send a prompt only when the turn before it has ended',
    { code: 'request' },
  );
}

/** Encodes a prompt as a line of input, in the same format as the Agent SDK. */
function lineOf(input: ClaudeCodeInput): string {
  const message =
    typeof input === 'string'
      ? {
          type: 'user',
          session_id: '',
          message: { role: 'user', content: [{ type: 'text', text: input }] },
          parent_tool_use_id: null,
        }
      : input;
  if (typeof message?.type !== 'string') {
    throw new TypeError(
      `fromClaudeCode: a prompt must be a string or a message with a type, not ${typeof input}`,
    );
  }
  return `${JSON.stringify(message)}\n`;
}

function messageIn(line: string): AgentMessage | undefined {
  // Only an object is a message. Checking this first avoids a slow parse error for each log line.
  if (!line.trimStart().startsWith('{')) return undefined;
  const value = parseRecord(line);
  return typeof value?.['type'] === 'string' ? (value as unknown as AgentMessage) : undefined;
}

/** Whether the message shows that a turn is running, also in a subagent. */
function isOfTurn(message: AgentMessage): boolean {
  if (message.type === 'system') return message.subtype === 'init';
  return ['assistant', 'stream_event', 'user'].includes(message.type);
}

function attempt(step: () => void, subscriber: Subscriber<unknown>): void {
  try {
    step();
  } catch (error) {
    subscriber.error(toMessageStreamError(error));
  }
}

function exited(cause: ClaudeCodeExit): MessageStreamError {
  const code = cause.signal === null ? 'unknown' : 'connection';
  return new MessageStreamError(cause.message, { code, cause });
}

function check({
  prompt,
  prompts$,
  executable,
  exitTimeout,
  killAfter,
  maxLineLength,
  maxUnreadPrompts,
}: ClaudeCodeOptions): void {
  if ((prompt === undefined) === (prompts$ === undefined)) {
    throw new TypeError(
      'fromClaudeCode: give either `prompt`, a string, or `prompts$`, an Observable',
    );
  }
  if (prompt !== undefined && typeof prompt !== 'string') {
    throw invalid('fromClaudeCode', 'prompt', 'a string', prompt);
  }
  const command: unknown = Array.isArray(executable) ? executable[0] : (executable ?? 'claude');
  if (typeof command !== 'string' || command === '') {
    throw invalid(
      'fromClaudeCode',
      'executable',
      'a path, or a command and its arguments',
      command,
    );
  }
  const what = 'milliseconds';
  requireNumbers('fromClaudeCode', { exitTimeout }, { min: 0, what });
  requireNumbers('fromClaudeCode', { killAfter }, { min: 0, max: Number.MAX_VALUE, what });
  requireNumbers('fromClaudeCode', { maxLineLength, maxUnreadPrompts }, { min: 1 });
}
