import { asString, type Fields, fields, isRecord } from '../message/record.ts';

// Helpers to read the messages of Claude Code 2.1.332: errors of the CLI, abandoned blocks, results.

/**
 * Whether an `assistant` message was written by the CLI itself: the text of an error, with the model
 * name `<synthetic>` and another id than the reply.
 */
export function isSynthetic({ is_api_error_message, message }: Fields): boolean {
  return is_api_error_message === true || fields(message)['model'] === '<synthetic>';
}

/** The index of the first abandoned block of the reply of this `stream_event`; `undefined` if none. */
export function abandonedFrom({ abandoned_blocks, api_message_id }: Fields): number | undefined {
  if (!isRecord(abandoned_blocks)) return undefined;
  const { api_message_id: id, from_block_index: index } = abandoned_blocks;
  const isOfReply = id === undefined || api_message_id === undefined || id === api_message_id;
  return isOfReply && typeof index === 'number' ? index : undefined;
}

/** Whether a `result` reports success. */
export function isGoodResult({ subtype, is_error }: Fields): boolean {
  return subtype === 'success' && is_error !== true;
}

/** The content blocks of a message; a string counts as one text block. */
export function blocksOf(content: unknown): Fields[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  return Array.isArray(content) ? content.filter(isRecord) : [];
}

/** The text of a message, without its other content. */
export function textOf(content: unknown): string {
  return blocksOf(content)
    .map(({ text }) => asString(text))
    .join('');
}

/**
 * The raw text of a tool input that the CLI could not parse, which it prints as
 * `{ __unparsedToolInput: { raw, len } }`.
 */
export function unparsedInput(input: unknown): string | undefined {
  const unparsed = fields(input)['__unparsedToolInput'];
  return isRecord(unparsed) ? asString(unparsed['raw']) : undefined;
}
