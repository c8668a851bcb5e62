import { unfinishedInput } from '../message/BlockBuilder.ts';
import { asString, type Fields, parseRecord } from '../message/record.ts';
import { unparsedInput } from './agentLines.ts';
import { sameJson } from '../json/sameJson.ts';

/** The block of a complete message, its input as the model wrote it where the CLI could not parse it. */
export function completeBlock(block: Fields): Fields {
  const raw = unparsedInput(block['input']);
  return raw === undefined ? block : { ...block, input: {}, [unfinishedInput]: raw };
}

/**
 * What a complete block has and the streamed one does not, as deltas; `undefined` where the streamed
 * block cannot become it by adding, so that it has to be stated again.
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

/** The CLI may add defaults to an input: `Edit` has `replace_all: false` that was not streamed. */
function hasSameInput(streamed: Fields, complete: Fields): boolean {
  if (!('input' in complete)) return true;
  const { [unfinishedInput]: text } = streamed;
  const { [unfinishedInput]: unparsed } = complete;
  if (unparsed !== undefined) return text === unparsed;
  // The complete message comes ahead of the stop of its block, so the text is not parsed yet.
  const input = typeof text === 'string' ? parseRecord(text || '{}') : streamed['input'];
  return input !== undefined && sameJson(input, complete['input']);
}
