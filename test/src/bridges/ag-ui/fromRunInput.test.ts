import type { Message } from '@ag-ui/core';
import { fromRunInput } from 'claude-rx/ag-ui';
import { describe, expect, it } from 'vitest';
import { user } from '../../../support/agUiPage.ts';

const contents = (messages: Message[]) =>
  fromRunInput({ messages }).messages.map(({ role, content }) => [role, content]);

describe('messages', () => {
  it('of other agents are read too', () => {
    const call = { name: 'look', arguments: '{"at":"x"}' };
    expect(
      contents([
        { id: 's', role: 'system', content: 'Be brief.' },
        { id: 'a0', role: 'assistant', content: 'How can I help?' },
        user('Hi'),
        { id: 'r1', role: 'reasoning', content: 'Hm', encryptedValue: 'sig' },
        { id: 'r2', role: 'reasoning', content: 'unsigned' },
        {
          id: 'a1',
          role: 'assistant',
          content: 'So',
          toolCalls: [{ id: 'c1', type: 'function', function: call }],
        },
        { id: 't1', role: 'tool', toolCallId: 'c1', content: '', error: 'no' },
        { id: 'a2', role: 'assistant', content: 'Done' },
        { id: 'x', role: 'activity', activityType: 'x', content: {} },
        user('More'),
      ]),
    ).toEqual([
      ['user', [{ type: 'text', text: 'Hi' }]],
      [
        'assistant',
        [
          { type: 'thinking', thinking: 'Hm', signature: 'sig' },
          { type: 'text', text: 'So' },
          { type: 'tool_use', id: 'c1', name: 'look', input: { at: 'x' } },
        ],
      ],
      ['user', [{ type: 'tool_result', tool_use_id: 'c1', content: 'no', is_error: true }]],
      ['assistant', [{ type: 'text', text: 'Done' }]],
      ['user', [{ type: 'text', text: 'More' }]],
    ]);
  });

  it('of the user have images and documents', () => {
    const data = { type: 'data' as const, value: 'aGk=' };
    const content: Extract<Message, { role: 'user' }>['content'] = [
      { type: 'text', text: 'See' },
      { type: 'image', source: { ...data, mimeType: 'image/png' } },
      { type: 'image', source: { type: 'url', value: 'https://example.com/a.png' } },
      { type: 'document', source: { ...data, mimeType: 'application/pdf' } },
      { type: 'document', source: { ...data, mimeType: 'text/plain' } },
    ];
    expect(contents([{ id: 'u', role: 'user', content }])).toEqual([
      [
        'user',
        [
          { type: 'text', text: 'See' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aGk=' } },
          { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
          {
            type: 'document',
            source: { type: 'base64', media_type: 'application/pdf', data: 'aGk=' },
          },
          { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'hi' } },
        ],
      ],
    ]);
  });

  it('that end with a reply are followed by a request to go on', () => {
    const messages: Message[] = [user('Hi'), { id: 'a', role: 'assistant', content: 'So' }];
    expect(contents(messages).at(-1)).toEqual(['user', [{ type: 'text', text: 'Continue.' }]]);
  });
});

it('the context and the messages for the system are the system prompt', () => {
  const messages: Message[] = [{ id: 's', role: 'system', content: 'Be brief.' }, user('Hi')];
  const context = [{ description: 'The page', value: 'A map' }];
  expect(fromRunInput({ messages, context }).system).toBe('Be brief.\n\nThe page:\nA map');
});

it('the tools of the page have no run', () => {
  const tools = [{ name: 'locate', description: 'Where', parameters: { properties: {} } }];
  expect(fromRunInput({ messages: [user('Hi')], tools }).tools).toMatchObject([
    {
      name: 'locate',
      definition: {
        name: 'locate',
        description: 'Where',
        input_schema: { type: 'object', properties: {} },
      },
    },
  ]);
});

// With quadratic work this takes minutes.
it('takes as many messages as somebody may send', () => {
  const said = Array.from({ length: 10_000 }, () => user('Hi'));
  const replies = Array.from({ length: 10_000 }, (_, index): Message => {
    return { id: `run.${index}.0`, role: 'assistant', content: 'Hello' };
  });
  const { messages } = fromRunInput({ messages: [...said, ...replies] });
  expect(messages[0]!.content).toHaveLength(10_000);
});

function deep(levels: number): unknown {
  let value: unknown = 0;
  for (let level = 0; level < levels; level++) value = { a: value };
  return value;
}

it.each<[what: string, input: unknown, error: RegExp]>([
  ['nothing', undefined, /`messages` must be a list/],
  ['no messages', { messages: 'x' }, /`messages` must be a list/],
  ['no user', { messages: [{ id: 'a', role: 'assistant', content: 'x' }] }, /with the role `user`/],
  ['tools that are no list', { messages: [user('Hi')], tools: {} }, /`tools` must be a list/],
  ['an invalid message', { messages: [user('Hi'), null] }, /`messages\[1\]` must be an object/],
  ['a message without a role', { messages: [user('Hi'), {}] }, /`messages\[1\].role` must be a/],
  ['an id that is no text', { messages: [{ ...user('Hi'), id: {} }] }, /`messages\[0\].id` must/],
  [
    'a system prompt that is no text',
    { messages: [user('Hi'), { id: 's', role: 'system', content: {} }] },
    /`messages\[1\].content` must/,
  ],
  ...[{}, [null], [{ id: 'c' }], [{ id: 'c', function: { name: 'a' } }]].map(
    (toolCalls): [string, unknown, RegExp] => [
      `the calls ${JSON.stringify(toolCalls)}`,
      { messages: [user('Hi'), { id: 'a', role: 'assistant', toolCalls }] },
      /`messages\[1\].toolCalls(\[0\])?` must be/,
    ],
  ),
  ['an invalid tool', { messages: [user('Hi')], tools: [null] }, /`tools\[0\]` must be an object/],
  [
    'a tool that is nested too deep',
    { messages: [user('Hi')], tools: [{ name: 'a', parameters: deep(20_000) }] },
    /`tools\[0\]` must be nested at most 500 levels/,
  ],
  [
    'an invalid context',
    { messages: [user('Hi')], context: [{ description: {}, value: 'b' }] },
    /`context\[0\].description` must be a string/,
  ],
  ['an invalid answer', { messages: [user('Hi')], resume: [null] }, /`resume\[0\]` must be/],
  [
    'a part of no type',
    { messages: [{ ...user('Hi'), content: [{ type: { toString: 1 } }] }] },
    /not object/,
  ],
  [
    'audio',
    { messages: [{ id: 'u', role: 'user', content: [{ type: 'audio', source: {} }] }] },
    /not audio/,
  ],
])('refuses %s with a TypeError', (_, input, error) => {
  expect(() => fromRunInput(input as never)).toThrow(error);
  expect(() => fromRunInput(input as never)).toThrow(TypeError);
});
