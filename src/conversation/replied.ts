import { isCall, isServerCall, isThought } from '../history/blockKinds.ts';
import { type AnyBlock, isBlankText, withBlock } from '../history/blocks.ts';

/** A reply, or one of several that carry each other on. */
export interface ReplyPart {
  blocks: readonly AnyBlock[];
  /** What stood for all that came before it; `undefined` where that is not known, and trusted. */
  prefix: string | undefined;
  /** How many of its blocks came before it broke and was carried on by an answer to another request. */
  seam: number | undefined;
}

export interface RepliedOptions {
  /** Stands for all that is sent before it. */
  prefix: string;
  /** Whether it is sent back to go on, as it came. */
  goesOn: boolean;
  isCallable: (call: AnyBlock) => boolean;
}

interface Placed {
  block: AnyBlock;
  /** The part that it is of, and its place there; where it is not as it came, -1. */
  part: number;
  position: number;
}

/** What of a turn of the model's can be sent back. */
export function replied(parts: readonly ReplyPart[], options: RepliedOptions): AnyBlock[] {
  const all = parts.flatMap(({ blocks }, part) =>
    blocks.map((block, position): Placed => ({ block, part, position })),
  );
  const blocks = all.filter(isSendable(all, options)).reduce(joinBlank, []);
  const kept = withoutInvalidThoughts(blocks, parts, options.prefix);
  // "The final block in an assistant message cannot be thinking."
  while (kept.length > 0 && isThought(kept.at(-1)!)) kept.pop();
  return kept;
}

function isSendable(all: readonly Placed[], { goesOn, isCallable }: RepliedOptions) {
  return ({ block }: Placed, index: number): boolean => {
    const { type, signature } = block;
    if (type === 'thinking') return typeof signature === 'string' && signature !== '';
    // A call before a fallback may have been cut by the refusal.
    if (isCall(block)) return isCallable(block) && all[index + 1]?.block.type !== 'fallback';
    if (isServerCall(block)) {
      return goesOn || all.slice(index).some((other) => isAnswer(other.block, block));
    }
    if (!/._tool_result$/.test(type)) return true;
    return all.slice(0, index).some((other) => isAnswer(block, other.block));
  };
}

/** Text that is only white space is refused; it goes to the text before it, as between citations. */
function joinBlank(blocks: Placed[], placed: Placed): Placed[] {
  if (!isBlankText(placed.block)) return [...blocks, placed];
  const last = blocks.at(-1);
  const more = placed.block['text'] ?? '';
  if (last?.block.type !== 'text' || more === '') return blocks;
  const text = `${String(last.block['text'])}${String(more)}`;
  return [...blocks.slice(0, -1), { ...last, block: { ...last.block, text }, position: -1 }];
}

/**
 * Thinking stands only where all before it is as it was. What is left out changes what comes before
 * the thinking behind it.
 */
function withoutInvalidThoughts(
  blocks: readonly Placed[],
  parts: readonly ReplyPart[],
  before: string,
): AnyBlock[] {
  const kept: AnyBlock[] = [];
  let prefix = before;
  let part = -1;
  /** Of this part: how many blocks stand, and whether they are the first ones. */
  let count = 0;
  let isUnchanged = false;
  for (const placed of blocks) {
    const { block, position } = placed;
    while (part < placed.part) {
      const own = parts[++part]!.prefix;
      isUnchanged = own === undefined || own === prefix;
      count = 0;
    }
    isUnchanged &&= position === count;
    const isValid = isUnchanged && position < (parts[part]!.seam ?? Infinity);
    count++;
    if (isThought(block) && !isValid) {
      isUnchanged = false;
      continue;
    }
    kept.push(block);
    prefix = withBlock('assistant')(prefix, block);
  }
  return kept;
}

/** Whether the block is the result of what the API ran itself. */
function isAnswer(result: AnyBlock, call: AnyBlock): boolean {
  return (
    isServerCall(call) &&
    result['tool_use_id'] !== undefined &&
    result['tool_use_id'] === call['id']
  );
}
