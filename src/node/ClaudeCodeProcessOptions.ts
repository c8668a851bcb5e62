import type { AgentOptions } from '../agent/AgentOptions.ts';

/** How the CLI is started. */
export interface ClaudeCodeProcessOptions extends AgentOptions {
  /** More arguments for the CLI, such as `['--model', 'opus', '--max-turns', '3']`. */
  args?: readonly string[] | undefined;
  /** The folder to work in. Default: that of this process. */
  cwd?: string | URL | undefined;
  /** Environment variables beside those of this process; `undefined` takes one away. */
  env?: Readonly<Record<string, string | undefined>> | undefined;
  /**
   * The CLI: its path, its name on the `PATH`, or a command with its first arguments, such as
   * `['ssh', 'box', 'claude']`. Default: `claude`.
   */
  executable?: string | readonly [string, ...string[]] | undefined;
  /** Asks for the events of the API's stream as well: `--include-partial-messages`. Default: `false`. */
  includePartialMessages?: boolean | undefined;
  /**
   * How long the process may stay when its input has ended and the last turn has its `result`, in
   * milliseconds: then the Observable completes, and the process is ended. `Infinity` waits for it.
   * Default: 5,000.
   */
  exitTimeout?: number | undefined;
  /** How long the process may take to end when it is asked to, in milliseconds. Default: 5,000. */
  killAfter?: number | undefined;
  /**
   * The longest line that is read, in bytes: a longer one is an error with code `protocol`. Default:
   * 67,108,864 (64 MiB).
   */
  maxLineLength?: number | undefined;
  /**
   * How many bytes of prompts may wait while the process does not read them. With more, an Observable of
   * prompts is an error with code `request`; a list or an async iterable is not asked for more meanwhile.
   * Default: 67,108,864 (64 MiB).
   */
  maxUnreadPrompts?: number | undefined;
  /** Is given what the process writes to its standard error. */
  onStderr?: ((text: string) => void) | undefined;
}
