import { type Fields, isRecord } from './record.ts';

/** The object that is written in `text` as JSON; `undefined` where none is. */
export function parsed(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
