import type { AgentOptions } from '../agent/AgentOptions.ts';

/** How to start the CLI. */
export interface ClaudeCodeProcessOptions extends AgentOptions {
  /** More arguments for the CLI, such as `['--model', 'opus', '--max-turns', '3']`. Default: none. */
  args?: readonly string[] | undefined;
  /** The working directory of the CLI. Default: that of this process. */
  cwd?: string | URL | undefined;
  /** Environment variables in addition to those of this process; `undefined` removes one. Default: none. */
  env?: Readonly<Record<string, string | undefined>> | undefined;
  /**
   * The CLI: its path, its name on the `PATH`, or a command with its first arguments, such as
   * `['ssh', 'box', 'claude']`. Default: `claude`.
   */
  executable?: string | readonly [string, ...string[]] | undefined;
  /** Whether to emit the stream events of the API too (`--include-partial-messages`). Default: `false`. */
  includePartialMessages?: boolean | undefined;
  /**
   * Milliseconds to wait for the process to exit after its input has ended and the last turn has its
   * `result`. Then the Observable completes, and the process is ended. `Infinity` waits for ever.
   * Default: 5,000.
   */
  exitTimeout?: number | undefined;
  /** Milliseconds between SIGTERM and SIGKILL when the process is ended. Default: 5,000. */
  killAfter?: number | undefined;
  /**
   * The maximum length of an output line, in bytes. A longer line is an error with code `protocol`.
   * Default: 67,108,864 (64 MiB).
   */
  maxLineLength?: number | undefined;
  /**
   * The maximum size, in bytes, of prompts that the process has not read yet. If an Observable emits
   * more, the result errors with code `request`; lists and async iterables are read only as fast as the
   * process reads. Default: 67,108,864 (64 MiB).
   */
  maxUnreadPrompts?: number | undefined;
  /** Called with the standard error output of the process. Default: none. */
  onStderr?: ((text: string) => void) | undefined;
}
