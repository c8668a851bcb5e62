import { MAX_DEPTH, wellFormed } from '../../history/wellFormed.ts';
import { type Fields, fields, isRecord } from '../../message/record.ts';

/** The fields of each list's entries that must be strings. */
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  messages: ['role'],
  tools: ['name'],
  context: ['description', 'value'],
  resume: ['interruptId'],
};

/**
 * Checks the parts of the input of a run that are read without further checks. A page can send anything.
 *
 * @throws TypeError that names the part
 */
export function requireRunInput(lists: Readonly<Record<string, unknown>>): void {
  for (const [name, list] of Object.entries(lists)) {
    if (!Array.isArray(list)) throw wrong(name, 'be a list: pass the input of the run');
    for (const [index, entry] of list.entries()) {
      const path = `${name}[${index}]`;
      if (!isRecord(entry)) throw wrong(path, 'be an object');
      for (const field of TEXTS[name] ?? []) {
        if (typeof entry[field] !== 'string') throw wrong(`${path}.${field}`, 'be a string');
      }
      if (wellFormed(entry) === undefined) {
        throw wrong(path, `be nested at most ${MAX_DEPTH} levels deep`);
      }
      if (name === 'messages') requireMessage(entry, path);
    }
  }
}

function requireMessage({ role, id, content, toolCalls }: Fields, path: string): void {
  if (id !== undefined && typeof id !== 'string') throw wrong(`${path}.id`, 'be a string');
  if ((role === 'system' || role === 'developer') && typeof content !== 'string') {
    throw wrong(`${path}.content`, 'be a string');
  }
  if (role !== 'assistant' || toolCalls == null) return;
  if (!Array.isArray(toolCalls)) throw wrong(`${path}.toolCalls`, 'be a list');
  for (const [index, call] of toolCalls.entries()) {
    const called = fields(fields(call)['function']);
    const texts = [fields(call)['id'], called['name'], called['arguments']];
    if (texts.every((text) => typeof text === 'string')) continue;
    const what = 'be { id, function: { name, arguments } }, all of them strings';
    throw wrong(`${path}.toolCalls[${index}]`, what);
  }
}

function wrong(path: string, what: string): TypeError {
  return new TypeError(`fromRunInput: \`${path}\` must ${what}`);
}
