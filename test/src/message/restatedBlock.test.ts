import {
  accumulateText,
  type BetaStreamEvent,
  citationsOnly,
  MessageBuilder,
  textOnly,
  thinkingOnly,
} from 'claude-rx';
import { from } from 'rxjs';
import { expect, it } from 'vitest';
import { unfinishedInput } from '../../../src/message/BlockBuilder.ts';
import { restatedBlock } from '../../../src/message/restatedBlock.ts';
import { type Block, header, text, thinking, toolUse } from '../../agent/messages.ts';

const citation = { type: 'char_location', cited_text: 'Hello' };
const cited = { ...text('Hello'), citations: [citation] } as unknown as Block;
const start = { type: 'message_start', message: header('msg_1') } as BetaStreamEvent;
const restated = (blocks: Block[]): BetaStreamEvent[] => [
  start,
  ...blocks.flatMap((block, index) => restatedBlock<BetaStreamEvent>(block, index)),
];

it('makes the same block', () => {
  const blocks = [thinking('Hm.'), cited, toolUse('toolu_1'), toolUse('toolu_2', 'Bash', {})];
  const builder = new MessageBuilder<BetaStreamEvent>();
  for (const event of restated(blocks)) builder.push(event);
  expect(builder.message?.content).toEqual(blocks);
});

it('keeps an unfinished input unchanged', () => {
  const half: Block = Object.assign(toolUse('toolu_1', 'Bash', {}), { [unfinishedInput]: '{"com' });
  const builder = new MessageBuilder<BetaStreamEvent>();
  for (const event of [start, ...restatedBlock<BetaStreamEvent>(half, 0, { open: true })]) {
    builder.push(event);
  }
  expect(builder.message?.content).toEqual([half]);
});

it('brings no text, thinking or citation that operators would emit again', () => {
  const source = from(restated([thinking('Hm.'), cited]));
  const values: unknown[] = [];
  for (const operator of [textOnly(), thinkingOnly(), citationsOnly()]) {
    source.pipe(operator as never).subscribe((value) => values.push(value));
  }
  expect(values).toEqual([]);
});

it('is part of the text that is accumulated', () => {
  const texts: string[] = [];
  from(restated([text('Hello')]))
    .pipe(accumulateText())
    .subscribe((said) => texts.push(said));
  expect(texts.at(-1)).toBe('Hello');
});
