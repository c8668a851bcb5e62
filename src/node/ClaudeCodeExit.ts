/** How the process of Claude Code ended: the `cause` of the error, where that was not well. */
export class ClaudeCodeExit extends Error {
  /** `null` where a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The end of what it wrote to its standard error, and of what was no message on its output. */
  readonly stderr: string;

  constructor(exitCode: number | null, signal: string | null, stderr: string) {
    const how = signal === null ? `with exit code ${exitCode}` : `by the signal ${signal}`;
    super(`Claude Code was ended ${how}${stderr === '' ? '' : `: ${stderr}`}`);
    this.name = 'ClaudeCodeExit';
    this.exitCode = exitCode;
    this.signal = signal;
    this.stderr = stderr;
  }
}
