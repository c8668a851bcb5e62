import type { StreamEvent } from 'claude-rx';
import { expect } from 'vitest';

/** The blocks, with texts that follow each other as one: at a seam a new block may begin. */
export function joinedBlocks(content: readonly { type: string }[]): unknown[] {
  const blocks: ({ type: string; text?: string } & object)[] = [];
  for (const block of content) {
    const last = blocks.at(-1);
    if (block.type !== 'text' || last?.type !== 'text') blocks.push(block);
    else
      blocks[blocks.length - 1] = { ...last, text: `${last.text}${(block as typeof last).text}` };
  }
  return blocks;
}

/** One start, one ending, and blocks that follow each other without a gap. */
export function checkEvents(events: readonly StreamEvent[]): void {
  const types = events.map(({ type }) => type);
  const times = (type: string) => types.filter((one) => one === type).length;
  expect(types.find((type) => type !== 'ping')).toBe('message_start');
  expect([times('message_start'), times('message_stop')]).toEqual([1, 1]);
  const stopped = events.map((event) => event.type === 'message_delta' && event.delta.stop_reason);
  expect(stopped.filter(Boolean)).toHaveLength(1);
  expect(types.slice(-2)).toEqual(['message_delta', 'message_stop']);
  let open: number | undefined;
  let next = 0;
  for (const event of events) {
    if (event.type === 'resume') {
      if (event.keep > next) throw new Error(`keeps ${event.keep} of ${next} blocks`);
      next = event.keep;
      if (open !== undefined && open >= next) open = undefined;
    } else if (event.type === 'content_block_start') {
      if (open !== undefined || event.index !== next) throw new Error(`starts ${event.index}`);
      open = next++;
    } else if ('index' in event) {
      if (open !== event.index) throw new Error(`${event.type} of ${event.index}, not ${open}`);
      if (event.type === 'content_block_stop') open = undefined;
    } else if (event.type.startsWith('message') && open !== undefined) {
      throw new Error(`${event.type} in block ${open}`);
    }
  }
}
