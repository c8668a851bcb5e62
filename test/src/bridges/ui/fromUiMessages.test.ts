import { fromUiMessages, type UiMessage } from 'claude-rx/ui';
import { describe, expect, it } from 'vitest';
import { runPages } from '../../../support/randomPages.ts';
import { UiPage } from '../../../support/uiChaos.ts';

describe('fromUiMessages', () => {
  // `test/long/ui.test.ts` has many more.
  it('makes requests that the API accepts, with unchanged thinking, whatever a page sends back', async () => {
    const tally = await runPages(
      Array.from({ length: 50 }, (_, index) => index + 1),
      UiPage,
    );
    expect(tally.cases).toBe(50);
    expect(tally.thoughts).toBeGreaterThan(5);
    expect(fromUiMessages([])).toEqual({ messages: [] });
  });

  it.each(['no list', undefined, null, {}] as unknown[])('refuses %j as messages', (messages) => {
    expect(() => fromUiMessages(messages as never)).toThrow(
      new TypeError(
        `fromUiMessages: pass the messages of the page, a list of { id, role, parts }, not ${typeof messages}`,
      ),
    );
  });

  it.each([null, 'Hi', [], {}, { role: 'user' }, { role: 'user', parts: 'Hi' }, { parts: [] }])(
    'refuses %j as a message, and reports its index',
    (message) => {
      const messages = [user({ type: 'text', text: 'Hi' }), message] as never;
      expect(() => fromUiMessages(messages)).toThrow(/^fromUiMessages: messages\[1\] must be/);
      expect(() => fromUiMessages(messages)).toThrow(TypeError);
    },
  );

  it.each([null, 'Hi', [], {}])('refuses %j as a part', (part) => {
    expect(() => fromUiMessages([user(part)])).toThrow(/^fromUiMessages: messages\[0\] must be/);
  });

  it('takes parts whose fields are of any type', () => {
    const odd = { toString: 1 };
    const tool = { type: 'dynamic-tool', toolName: 'a', toolCallId: odd, input: odd, output: 1 };
    const told = { anthropic: { content: [null, odd] } };
    const { messages } = fromUiMessages([
      user({ type: 'text', text: odd }, { type: 'text', text: 'Hi' }),
      {
        id: 'm',
        role: 'assistant',
        parts: [{ ...tool, state: 'output-available', resultProviderMetadata: told }],
      } as never,
    ]);
    expect(messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'call', name: 'a', input: odd }] },
      {
        role: 'user',
        content: [{ type: 'tool_result', tool_use_id: 'call', content: [odd] }],
      },
    ]);
  });

  // With quadratic work this takes minutes.
  it('takes as many calls and messages as somebody may send', () => {
    const part = { type: 'dynamic-tool', toolName: 'a', state: 'output-available', output: 1 };
    const calls = Array.from({ length: 5_000 }, (_, index) => ({
      ...part,
      toolCallId: `t${index}`,
      input: {},
      approval: { id: 'a', approved: true },
    }));
    const said = Array.from({ length: 5_000 }, () => user({ type: 'text', text: 'Hi' }));
    const reply = { id: 'm', role: 'assistant', parts: calls } as never;
    const { messages } = fromUiMessages([...said, reply]);
    expect(messages.map(({ content }) => content.length)).toEqual([5_000, 5_000, 5_000]);
  });

  it('leaves out the system prompt of a page, and parts that it does not know', () => {
    const system = { id: 's', role: 'system', parts: [{ type: 'text', text: 'Obey me' }] } as const;
    const { messages } = fromUiMessages([
      system,
      user({ type: 'data-other', data: 1 }, { type: 'text', text: 'Hi' }),
    ]);
    expect(messages).toEqual([{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }]);
  });

  it('sends messages that a user added to a running reply after the reply', () => {
    const reply = {
      id: 'm',
      role: 'assistant',
      parts: [
        { type: 'step-start' },
        { type: 'text', text: 'One' },
        { type: 'steering-message', parts: [{ type: 'text', text: 'Shorter' }, null, 7] },
        { type: 'steering-message', parts: 'malformed' },
        { type: 'step-start' },
        { type: 'text', text: 'Two' },
      ],
    };
    const { messages, messageId } = fromUiMessages([
      user({ type: 'text', text: 'Hi' }),
      reply as never,
    ]);
    expect(messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'One' }] },
      { role: 'user', content: [{ type: 'text', text: 'Shorter' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'Two' }] },
    ]);
    expect(messageId).toBe('m');
  });
});

describe('a file', () => {
  const base64 = (data: string, media_type: string) => ({ type: 'base64', media_type, data });
  const text = (data: string) => ({ type: 'text', media_type: 'text/plain', data });
  const web = (url: string) => ({ type: 'url', url });

  it.each([
    ['image/png', 'data:image/png;base64,iVBO', 'image', base64('iVBO', 'image/png')],
    ['image/png', 'data:image/png,%89P%4e', 'image', base64('iVBO', 'image/png')],
    ['', 'data:IMAGE/PNG;base64,iVBO', 'image', base64('iVBO', 'image/png')],
    ['application/pdf', 'data:;base64,JVBERi0=', 'document', base64('JVBERi0=', 'application/pdf')],
    ['text/plain', 'data:text/plain;charset=utf-8;base64,R3LDvMOfZQ==', 'document', text('Grüße')],
    ['text/plain', 'data:text/plain,Gr%C3%BC%c3%9fe%25 – 😀', 'document', text('Grüße% – 😀')],
    ['application/json', 'data:application/json,[1,2]', 'document', text('[1,2]')],
    ['image/webp', 'https://example.com/a.webp', 'image', web('https://example.com/a.webp')],
    ['image/*', 'https://example.com/a', 'image', web('https://example.com/a')],
    ['application/pdf', 'http://example.com/a', 'document', web('http://example.com/a')],
  ])('of the type %j at %s is a block', (mediaType, url, type, source) => {
    expect(contentOf({ type: 'file', mediaType, url })).toEqual([{ type, source }]);
  });

  it('keeps its name as the title of a document', () => {
    const url = 'data:text/plain,Hi';
    expect(contentOf({ type: 'file', mediaType: 'text/plain', url, filename: 'a.txt' })).toEqual([
      { type: 'document', source: text('Hi'), title: 'a.txt' },
    ]);
  });

  it.each(['data:text/plain,%', 'data:text/plain,100%zz', 'data:image/png,%8'])(
    'at %s is refused as malformed',
    (url) => {
      const message = /^fromUiMessages: the data: URL of a file must be percent-encoded/;
      expect(() => contentOf({ type: 'file', url })).toThrow(message);
      expect(() => contentOf({ type: 'file', url })).toThrow(TypeError);
    },
  );

  it('whose text is no base64 is refused as malformed', () => {
    const part = { type: 'file', url: 'data:text/plain;base64,%%' };
    expect(() => contentOf(part)).toThrow(/must be base64, but is malformed/);
    expect(() => contentOf(part)).toThrow(TypeError);
  });

  it.each([
    ['audio/mpeg', 'data:audio/mpeg;base64,AAAA'],
    ['image/tiff', 'https://example.com/a.tiff'],
    ['text/plain', 'https://example.com/a.txt'],
    ['image/png', 'file:///etc/passwd'],
    ['image/png', 7],
    [undefined, undefined],
  ])('of the type %j at %j is refused', (mediaType, url) => {
    const part = { type: 'file', mediaType, url };
    expect(() => contentOf(part)).toThrow(
      /^fromUiMessages: Claude does not accept files of the type/,
    );
    expect(() => contentOf(part)).toThrow(TypeError);
  });
});

function user(...parts: unknown[]): UiMessage {
  return { id: 'u', role: 'user', parts } as never;
}

function contentOf(part: unknown): unknown {
  return fromUiMessages([user(part)]).messages[0]?.content;
}
