import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root: string = fileURLToPath(new URL('../..', import.meta.url));

export function read(file: string): string {
  return readFileSync(root + file, 'utf8');
}

/** The files below a folder whose path from there matches, as paths from the root. */
export function filesBelow(folder: string, pattern: RegExp): string[] {
  return readdirSync(root + folder, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => pattern.test(path))
    .map((path) => `${folder}/${path}`)
    .toSorted();
}

/** A ```ts block of a document or of a doc comment. */
export interface Example {
  file: string;
  /** The line of its first line of code. */
  line: number;
  /**
   * The code at the line and column where it stands in the file, blank before it: so a compiler's
   * positions are those of the file.
   */
  code: string;
}

/** The ```ts blocks of a Markdown file, or of the doc comments of a TypeScript file. */
export function examplesOf(file: string): Example[] {
  const text = read(file);
  const lines = (file.endsWith('.ts') ? docCommentsOnly(text) : text).split('\n');
  const examples: Example[] = [];
  let begin: number | undefined;
  let language = '';
  for (const [index, line] of lines.entries()) {
    const fence = /^\s*```(\w*)/.exec(line);
    if (!fence) continue;
    if (begin === undefined) {
      begin = index + 1;
      language = fence[1] ?? '';
      continue;
    }
    if (/^(ts|typescript)$/.test(language)) {
      const code = '\n'.repeat(begin) + lines.slice(begin, index).join('\n') + '\n';
      examples.push({ file, line: begin + 1, code });
    }
    begin = undefined;
  }
  if (begin !== undefined) throw new Error(`${file}:${begin}: this code block has no end`);
  return examples;
}

/** The source with everything but the text of its doc comments blanked out. */
function docCommentsOnly(source: string): string {
  let inside = false;
  return source
    .split('\n')
    .map((line) => {
      inside ||= /^\s*\/\*\*(?!\/)/.test(line);
      const text = line.replace(/^\s*(\/\*\*|\*(?!\/))/, (mark) => ' '.repeat(mark.length));
      const comment = inside ? text.replace(/\*\/.*/, '') : '';
      inside &&= !line.includes('*/');
      return comment;
    })
    .join('\n');
}

/** An exported function and the doc comment in front of its first overload. */
export interface DocumentedFunction {
  file: string;
  name: string;
  doc: string;
}

export function exportedFunctionsOf(file: string): DocumentedFunction[] {
  const pattern = /^(?:\/\*\*((?:(?!\*\/)[^])*)\*\/\n)?export (?:async )?function\*? ?(\w+)/gm;
  const functions = new Map<string, DocumentedFunction>();
  for (const [, doc = '', name = ''] of read(file).matchAll(pattern)) {
    if (!functions.has(name)) functions.set(name, { file, name, doc });
  }
  return [...functions.values()];
}

/** The environment without a key for the API, so that an example plays its reply. */
export function withoutKey(): NodeJS.ProcessEnv {
  const { ANTHROPIC_API_KEY: _key, ANTHROPIC_AUTH_TOKEN: _token, ...env } = process.env;
  return env;
}
