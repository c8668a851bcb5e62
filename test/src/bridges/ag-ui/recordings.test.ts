import { finalMessage } from 'claude-rx';
import { toAgUi } from 'claude-rx/ag-ui';
import { from, lastValueFrom } from 'rxjs';
import { expect, it } from 'vitest';
import { conversationMessages } from '../../../../src/bridges/ag-ui/conversationMessages.ts';
import { pageOf, runPage } from '../../../support/agUiPage.ts';
import { contentOfAgUi, contentOfBlocks } from '../../../support/pageContent.ts';
import { recordings, repliesOf } from '../../../support/recordings.ts';

it.each(recordings)('$name reaches the page as finalMessage has it, and back', async (one) => {
  for (const reply of repliesOf(one)) {
    const { content } = await lastValueFrom(from(reply).pipe(finalMessage()));
    const agent = pageOf((input) => from(reply).pipe(toAgUi(input)));
    const { messages, newMessages, error, finished } = await runPage(agent);
    expect(error).toBeUndefined();
    expect(finished?.outcome?.type).toBe('success');
    expect(contentOfAgUi(newMessages)).toEqual(contentOfBlocks(content));
    const [, back] = conversationMessages(messages);
    const blocks = back?.blocks.map(({ block }) => block);
    expect(withoutNulls(blocks)).toEqual(withoutNulls(content));
  }
});

const withoutNulls = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, field: unknown) => field ?? undefined));
