import { asString, type Fields, fields, isRecord } from '../message/record.ts';

// How the lines of Claude Code 2.1.332 are read: what is an error of the CLI and not a word of Claude,
// what is abandoned, what a result says.

/**
 * Whether an `assistant` line was written by the CLI itself: the text of an error, which comes under a
 * model of the name `<synthetic>`, with an id of its own.
 */
export function isSynthetic({ is_api_error_message, message }: Fields): boolean {
  return is_api_error_message === true || fields(message)['model'] === '<synthetic>';
}

/** From which block on the reply that a `stream_event` belongs to is abandoned, if it is. */
export function abandonedFrom({ abandoned_blocks, api_message_id }: Fields): number | undefined {
  if (!isRecord(abandoned_blocks)) return undefined;
  const { api_message_id: id, from_block_index: index } = abandoned_blocks;
  const isOfReply = id === undefined || api_message_id === undefined || id === api_message_id;
  return isOfReply && typeof index === 'number' ? index : undefined;
}

/** Whether a `result` reports that the turn went well. */
export function isGoodResult({ subtype, is_error }: Fields): boolean {
  return subtype === 'success' && is_error !== true;
}

/** The blocks of a message; a plain string is a text. */
export function blocksOf(content: unknown): Fields[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  return Array.isArray(content) ? content.filter(isRecord) : [];
}

/** The text of a message, whatever else is in it. */
export function textOf(content: unknown): string {
  return blocksOf(content)
    .map(({ text }) => asString(text))
    .join('');
}

/**
 * The text of a tool input that the CLI could not parse: it prints
 * `{ __unparsedToolInput: { raw, len } }` in its place.
 */
export function unparsedInput(input: unknown): string | undefined {
  const unparsed = fields(input)['__unparsedToolInput'];
  return isRecord(unparsed) ? asString(unparsed['raw']) : undefined;
}
