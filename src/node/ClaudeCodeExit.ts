/** The failed exit of the Claude Code process: the `cause` of the error. */
export class ClaudeCodeExit extends Error {
  /** `null` if a signal ended the process. */
  readonly exitCode: number | null;
  /** `null` if the process exited by itself. */
  readonly signal: string | null;
  /** The end of its standard error output, and of output lines that were not messages. */
  readonly stderr: string;

  constructor(exitCode: number | null, signal: string | null, stderr: string) {
    const how =
      signal === null ? `ended with exit code ${exitCode}` : `was ended by signal ${signal}`;
    super(`Claude Code ${how}${stderr === '' ? '' : `: ${stderr}`}`);
    this.name = 'ClaudeCodeExit';
    this.exitCode = exitCode;
    this.signal = signal;
    this.stderr = stderr;
  }
}
