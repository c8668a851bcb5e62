import { fromResponse, MessageStreamError, messageState, toMessageStreamError } from 'claude-rx';
import { readFileSync } from 'node:fs';
import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';

/** The rows of the table in docs/errors.md whose first column has this heading. */
function rows(heading: string): string[][] {
  const page = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');
  const [, table = ''] = page.split(`| ${heading} |`);
  const cells = table.split('\n\n', 1)[0]!.split('\n').slice(2);
  return cells.map((row) =>
    row
      .split('|')
      .slice(1, 4)
      .map((cell) => cell.trim()),
  );
}

const isYes = (cell: string | undefined): boolean => cell!.startsWith('yes');
const first = (cell: string | undefined): string => /`(\w+)`/.exec(cell!)![1]!;

describe('docs/errors.md', () => {
  it.each(rows('Status'))('is true of HTTP %s', async (status, code, retryable) => {
    const numbers =
      status!.match(/\d\d\d/g) ?? (status!.includes('4xx') ? ['400', '404'] : ['500', '502']);
    for (const number of numbers) {
      const response = new Response('{"error":{"type":"api_error"}}', { status: Number(number) });
      const { error } = await lastValueFrom(fromResponse(response).pipe(messageState()));
      expect([number, error?.code, error?.retryable]).toEqual([
        number,
        first(code),
        isYes(retryable),
      ]);
    }
  });

  it.each(rows('Type in an error event'))('is true of %s', (type, code, retryable) => {
    const error = toMessageStreamError({
      type: 'error',
      error: { type: first(type), message: 'x' },
    });
    expect([error.code, error.retryable]).toEqual([first(code), isYes(retryable)]);
  });

  it.each(rows('Error of the runtime'))('is true of %s', (text, code, retryable) => {
    const [name = '', message = ''] = text!.replaceAll('`', '').split(': ');
    const error = toMessageStreamError(Object.assign(new Error(message), { name }));
    expect([error.code, error.retryable]).toEqual([first(code), isYes(retryable)]);
  });

  it.each(rows('`code`'))('is true of %s', (code, _, retryable) => {
    const error = new MessageStreamError('x', { code: first(code) as never });
    expect(error.retryable).toBe(isYes(retryable));
  });
});
