import { unfinishedInput } from '../message/BlockBuilder.ts';
import { asString, type Fields, parseRecord } from '../message/record.ts';
import { unparsedInput } from './agentLines.ts';
import { sameJson } from '../json/sameJson.ts';

/** The block of a complete message; an input that the CLI could not parse is kept as raw text. */
export function completeBlock(block: Fields): Fields {
  const raw = unparsedInput(block['input']);
  return raw === undefined ? block : { ...block, input: {}, [unfinishedInput]: raw };
}

/**
 * The deltas that turn a streamed block into the complete one; `undefined` if adding deltas is not
 * enough, so that the block must be repeated.
 */
export function missingDeltas(streamed: Fields, complete: Fields): Fields[] | undefined {
  switch (complete['type']) {
    case 'text':
      return missingRun(streamed, complete, 'text', 'text_delta');
    case 'thinking': {
      const { signature } = complete;
      const run = missingRun(streamed, complete, 'thinking', 'thinking_delta');
      if (run === undefined || !signature || signature === streamed['signature']) return run;
      return [...run, { type: 'signature_delta', signature }];
    }
    default:
      return hasSameInput(streamed, complete) ? [] : undefined;
  }
}

function missingRun(
  streamed: Fields,
  complete: Fields,
  field: string,
  type: string,
): Fields[] | undefined {
  const [before, whole] = [asString(streamed[field]), asString(complete[field])];
  if (before === whole) return [];
  return whole.startsWith(before) ? [{ type, [field]: whole.slice(before.length) }] : undefined;
}

/** The CLI may add defaults to an input: for `Edit` it adds `replace_all: false`, which was not streamed. */
function hasSameInput(streamed: Fields, complete: Fields): boolean {
  if (!('input' in complete)) return true;
  const { [unfinishedInput]: text } = streamed;
  const { [unfinishedInput]: unparsed } = complete;
  if (unparsed !== undefined) return text === unparsed;
  // The complete message arrives before the stop of its block, so the text is not parsed yet.
  const input = typeof text === 'string' ? parseRecord(text || '{}') : streamed['input'];
  return input !== undefined && sameJson(input, complete['input']);
}
