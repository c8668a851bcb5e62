#!/usr/bin/env node
import { inspectCommand } from './inspectCommand.ts';

const USAGE = `Usage: claude-rx inspect [recording.ndjson] [options] [-- command ...]

Serves a page on this machine that shows running pipelines as marble diagrams.

  claude-rx inspect -- node service.js   runs a program that reports to the page
  claude-rx inspect                      prints the address to report to
  claude-rx inspect recording.ndjson     opens a recording: of record(), events, or Claude Code

  --port <number>   default: 4177
  --content         report text, thinking and tool inputs too, shortened
  --help
`;

const [command, ...given] = process.argv.slice(2);
if (command === 'inspect' && !given.slice(0, upTo(given)).includes('--help')) {
  try {
    process.exitCode = await inspectCommand(given);
  } catch (error) {
    process.stderr.write(`claude-rx: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  }
} else {
  const isHelp = command === '--help' || command === 'inspect';
  const unknown =
    command === undefined || isHelp ? '' : `claude-rx: unknown command ${command}\n\n`;
  (isHelp ? process.stdout : process.stderr).write(unknown + USAGE);
  process.exitCode = isHelp ? 0 : 2;
}

/** Where the options of `claude-rx` end. */
function upTo(args: readonly string[]): number {
  const end = args.indexOf('--');
  return end < 0 ? args.length : end;
}
