// Runs the stand-in, says so at its first line, and then has nothing else to do: for the test that ends
// this process.
import process from 'node:process';
import { fromClaudeCode } from '../../src/node/fromClaudeCode.ts';

const executable = JSON.parse(process.env['EXECUTABLE']!) as [string, ...string[]];
fromClaudeCode({ prompt: 'Hi', executable }).subscribe(() => process.stdout.write('running\n'));
