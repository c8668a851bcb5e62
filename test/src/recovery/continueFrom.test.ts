import type { Message } from '@anthropic-ai/sdk/resources/messages/messages';
import type { MessageCreateParamsNonStreaming } from '@anthropic-ai/sdk/resources/messages/messages';
import { continueFrom, type ContinuationStrategy, unfinishedInput } from 'claude-rx';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Continuation, continuation } from '../../../src/message/continuation.ts';
import { defaultContinuation } from '../../../src/recovery/continueFrom.ts';
import { keptBlocks } from '../../../src/recovery/keptContent.ts';
import { acceptsPrefill } from '../../../src/testing/acceptsPrefill.ts';
import { requestProblems } from '../../../src/testing/requestProblems.ts';
import { SaidBefore } from '../../../src/testing/SaidBefore.ts';
import { eventsOf } from '../../../src/message/eventsOf.ts';
import { deepFreeze } from '../../support/deepFreeze.ts';
import { usage } from '../../operators/events.ts';
import { trickyText } from '../../support/trickyText.ts';
import { rounds } from '../../support/rounds.ts';

type Params = MessageCreateParamsNonStreaming;

const older = 'claude-sonnet-4-5';
const newer = 'claude-opus-5-5';
const question = { role: 'user' as const, content: 'Tell me a story' };
const story = 'Once upon a time there was a quick brown fox';

const paramsOf = (changes: Partial<Params> = {}): Params =>
  deepFreeze({ model: newer, max_tokens: 1_000, messages: [question], ...changes });

const text = (value: string, citations: object[] | null = null): object => ({
  type: 'text',
  text: value,
  citations,
});
const thinking = (signature = 'sig'): object => ({ type: 'thinking', thinking: 'Hm', signature });
const call = (id: string, input: object = {}): object => ({
  type: 'tool_use',
  id,
  name: 'get_weather',
  input,
});
const search = (id: string): object => ({
  type: 'server_tool_use',
  id,
  name: 'web_search',
  input: { query: 'fox' },
});
const searchResult = (tool_use_id: string): object => ({
  type: 'web_search_tool_result',
  tool_use_id,
  content: [],
});

const partialOf = (content: object[], changes: object = {}): Message =>
  deepFreeze({
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: newer,
    content,
    container: null,
    diagnostics: null,
    stop_details: null,
    stop_reason: null,
    stop_sequence: null,
    usage: usage(25, 1),
    ...changes,
  } as Message);

const told = partialOf([text(story)]);

const said = (params: object): Continuation =>
  (params as { [continuation]: Continuation })[continuation];

/** The text of the last turn of the request, and the content of the turn before. */
const lastTurn = (params: Params) => params.messages.at(-1)!;
const sentBlocks = (params: Params): unknown =>
  params.messages.findLast(({ role }) => role === 'assistant')?.content;
const instruction = (params: Params): string => {
  const content = lastTurn(params).content as { type: string; text: string }[];
  return content.at(-1)!.text;
};

describe('continueFrom', () => {
  describe('chooses by the model', () => {
    const chosen = (model: string, changes: Partial<Params> = {}): string =>
      lastTurn(continueFrom(paramsOf({ model, ...changes }), told)).role === 'assistant'
        ? 'prefill'
        : 'instruct';

    it.each([
      'claude-sonnet-4-5',
      'claude-sonnet-4-5-20250929',
      'claude-haiku-4-5',
      'claude-haiku-4-5-20251001',
      'claude-opus-4-5',
      'claude-opus-4-5-20251101',
      'claude-opus-4-1',
      'claude-opus-4-1-20250805',
      'claude-opus-4-0',
      'claude-opus-4-20250514',
      'claude-sonnet-4-20250514',
      'claude-sonnet-4-0',
      'claude-3-7-sonnet-20250219',
      'claude-3-7-sonnet-latest',
      'claude-3-5-sonnet-20241022',
      'claude-3-5-haiku-latest',
      'claude-3-opus-20240229',
      'claude-3-haiku-20240307',
      'claude-2.1',
      'claude-instant-1.2',
      // Bedrock, with and without its region, and as an ARN.
      'anthropic.claude-opus-4-5-20251101-v1:0',
      'us.anthropic.claude-sonnet-4-5-20250929-v1:0',
      'global.anthropic.claude-haiku-4-5-20251001-v1:0',
      'anthropic.claude-3-5-sonnet-20241022-v2:0',
      'arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-20250514-v1:0',
      // Vertex.
      'claude-sonnet-4-5@20250929',
      'claude-opus-4-1@20250805',
      'claude-opus-4@20250514',
      'claude-3-5-sonnet-v2@20241022',
      'claude-sonnet-4-5@default',
      // Gateways.
      'anthropic/claude-3.5-sonnet',
      'anthropic/claude-sonnet-4-5',
    ])('prefills %s', (model) => {
      expect(chosen(model)).toBe('prefill');
    });

    it.each([
      'claude-opus-4-6',
      'claude-sonnet-4-6',
      'claude-opus-4-7',
      'claude-opus-4-8',
      'claude-opus-4-8-20260601',
      'claude-opus-4-10',
      'claude-opus-5',
      'claude-opus-5-5',
      'claude-sonnet-5',
      'claude-haiku-5-5',
      'claude-fable-5-2',
      'claude-mythos-preview',
      'claude-opus-40-20250514',
      'claude-30-sonnet',
      'claude-sonnet-4-5-fast',
      'us.anthropic.claude-opus-4-6-v1:0',
      'claude-opus-4-6@20260205',
      'claude-opus-5@default',
      'anthropic/claude-sonnet-4.5',
      'arn:aws:bedrock:us-east-1:1:application-inference-profile/abcdef',
      'gpt-5',
      'my-model',
      '',
    ])('instructs %s', (model) => {
      expect(chosen(model)).toBe('instruct');
    });

    it("knows each of the SDK's models", () => {
      const types = new URL(
        '../../../node_modules/@anthropic-ai/sdk/resources/messages/messages.d.ts',
        import.meta.url,
      );
      const [, union] = /export type Model =(.*);/.exec(readFileSync(types, 'utf8'))!;
      const models = [...union!.matchAll(/'(.*?)'/g)].map(([, model]) => model!);
      expect(models.length).toBeGreaterThan(20);
      for (const model of models) {
        const [major, minor = 0] = [...model.matchAll(/-(\d)(?=-|$)/g)].map(([, digit]) =>
          Number(digit),
        );
        const isOld = major !== undefined && Number(`${major}.${minor}`) <= 4.5;
        expect([model, chosen(model)]).toEqual([model, isOld ? 'prefill' : 'instruct']);
      }
    });

    it.each([
      ['adaptive', { type: 'adaptive' }],
      ['a budget', { type: 'enabled', budget_tokens: 500 }],
      ['between tools', { type: 'between_tools' }],
    ] as const)('instructs an older model that thinks: %s', (_, config) => {
      expect(chosen(older, { thinking: config })).toBe('instruct');
    });

    it('prefills an older model whose thinking is disabled', () => {
      expect(chosen(older, { thinking: { type: 'disabled' } })).toBe('prefill');
    });

    it('instructs an older model after a tool call, which has to be answered', () => {
      const request = continueFrom(
        paramsOf({ model: older }),
        partialOf([text('I look.'), call('a'), text(story)]),
      );
      expect(lastTurn(request).role).toBe('user');
    });
  });

  describe('restarts', () => {
    it.each([
      ['nothing has arrived', undefined, {}],
      ['there is no block', partialOf([]), {}],
      ['there is no text', partialOf([thinking(), call('a')]), {}],
      ['the text is empty', partialOf([thinking(), text('')]), {}],
      ['there is white space only, after thinking', partialOf([thinking(), text('\n\n')]), {}],
      ['the answer has a format', told, { output_config: { format: {} as never } }],
      ['it has one by its older name', told, { output_format: {} }],
      ['any tool is forced', told, { tool_choice: { type: 'any' } }],
      ['a tool is forced', told, { tool_choice: { type: 'tool', name: 'get_weather' } }],
      [
        'a format meets an older model',
        told,
        { model: older, output_config: { format: {} as never } },
      ],
    ] as const)('where %s', (_, partial, changes) => {
      const params = paramsOf(changes as Partial<Params>);
      const request = continueFrom(params, partial);
      expect(request).toEqual({ ...params, [continuation]: { keep: 0, seam: { sent: '' } } });
      expect(request.messages).toBe(params.messages);
    });

    it.each([
      ['no tool', { tool_choice: { type: 'none' } }],
      ['tools at will', { tool_choice: { type: 'auto' } }],
      ['an effort and no format', { output_config: { effort: 'low' } }],
      ['a format of null', { output_config: { format: null } }],
    ] as const)('not with %s', (_, changes) => {
      expect(said(continueFrom(paramsOf(changes), told)).keep).toBe(1);
    });

    it('when asked to', () => {
      const params = paramsOf();
      const request = continueFrom(params, told, { strategy: 'restart' });
      expect(request).toEqual({ ...params, [continuation]: { keep: 0, seam: { sent: '' } } });
    });
  });

  describe('prefills', () => {
    const params = paramsOf({ model: older });

    it('with the text so far', () => {
      expect(continueFrom(params, told)).toEqual({
        ...params,
        max_tokens: 989,
        messages: [question, { role: 'assistant', content: [text(story)] }],
        [continuation]: { keep: 1, seam: { sent: story, leftOut: '' } },
      });
    });

    it.each([' ', '\n', '\n\n', ' \t\r\n ', '\u00a0', '\u2028', '\u0085', '\u001f', '\ufeff'])(
      'without white space at the end, of which the seam knows: %j',
      (space) => {
        const request = continueFrom(params, partialOf([text(story + space)]));
        expect(sentBlocks(request)).toEqual([text(story)]);
        expect(said(request).seam).toEqual({ sent: story, leftOut: space });
      },
    );

    it('without half a character at the end, of which the seam knows', () => {
      const request = continueFrom(params, partialOf([text(`${story} \ud83d`)]));
      expect(sentBlocks(request)).toEqual([text(story)]);
      expect(said(request).seam).toEqual({ sent: story, leftOut: ' \ud83d' });
      const whole = continueFrom(params, partialOf([text(`${story} \ud83d\ude00`)]));
      expect(sentBlocks(whole)).toEqual([text(`${story} 😀`)]);
    });

    it('with no thinking, which a model without thinking does not take', () => {
      const redacted = { type: 'redacted_thinking', data: 'x' };
      const request = continueFrom(params, partialOf([thinking(), redacted, text(story)]));
      expect(sentBlocks(request)).toEqual([text(story)]);
      expect(said(request).keep).toBe(3);
    });

    it('with white space alone by asking the same again, and expects it at the start', () => {
      const request = continueFrom(params, partialOf([text('\n\n')]));
      expect(request).toEqual({
        ...params,
        [continuation]: { keep: 1, seam: { sent: '', leftOut: '\n\n' } },
      });
    });

    it('on where a prefill of its own ends', () => {
      const prefill = (content: string | object[]) =>
        paramsOf({
          model: older,
          messages: [question, { role: 'assistant', content: content as string }],
        });
      const joined = [
        question,
        { role: 'assistant', content: [{ type: 'text', text: 'A (B) c' }] },
      ];
      const partial = partialOf([text('B) c')]);
      const blocks = [{ type: 'text', text: 'A (' }];
      expect(continueFrom(prefill('A ('), partial).messages).toEqual(joined);
      expect(continueFrom(prefill(blocks), partial).messages).toEqual(joined);
      // Only the part that was shown can be repeated.
      expect(said(continueFrom(prefill('A ('), partial)).seam.sent).toBe('B) c');
    });

    it('on where a paused turn ends, whose citations stay where they are', () => {
      const cited = text('It is so.', [{ type: 'char_location' }]);
      const paused = [search('a'), searchResult('a'), cited];
      const request = continueFrom(
        paramsOf({
          model: older,
          messages: [question, { role: 'assistant', content: paused as never }],
        }),
        told,
      );
      expect(request.messages).toEqual([
        question,
        { role: 'assistant', content: [...paused, text(story)] },
      ]);
    });

    it('a model that it does not know, when asked to', () => {
      const request = continueFrom(paramsOf({ model: 'my-model' }), told, { strategy: 'prefill' });
      expect(lastTurn(request)).toEqual({ role: 'assistant', content: [text(story)] });
    });

    it.each([
      ['with thinking', { thinking: { type: 'adaptive' } }, told, "with thinking; use 'instruct'"],
      [
        'with thinking, also where nothing has arrived',
        { thinking: { type: 'enabled', budget_tokens: 2_000 } },
        undefined,
        "with thinking; use 'instruct'",
      ],
      [
        'after a tool call',
        {},
        partialOf([text('I look.'), call('a'), text(story)]),
        "after a tool call; use 'instruct'",
      ],
      [
        'with a forced tool',
        { tool_choice: { type: 'any' } },
        told,
        "with a tool_choice that forces a tool; use 'restart'",
      ],
    ] as const)('never %s', (_, changes, partial, reason) => {
      expect(() => continueFrom(paramsOf(changes), partial, { strategy: 'prefill' })).toThrow(
        new TypeError(`continueFrom: strategy 'prefill' is refused ${reason}`),
      );
    });

    it('a reply whose tool call comes after the text and is withdrawn', () => {
      const request = continueFrom(params, partialOf([text(story), call('a')]), {
        strategy: 'prefill',
      });
      expect(said(request).keep).toBe(1);
      expect(sentBlocks(request)).toEqual([text(story)]);
    });
  });

  it.each(['prefill', 'instruct'] as const)(
    'does not %s an answer that has a format',
    (strategy) => {
      const params = paramsOf({ output_config: { format: {} as never } });
      expect(() => continueFrom(params, told, { strategy })).toThrow(
        new TypeError(
          `continueFrom: strategy '${strategy}' cannot continue an output_config.format; use 'restart'`,
        ),
      );
    },
  );

  it('refuses an unknown strategy', () => {
    expect(() => continueFrom(paramsOf(), told, { strategy: 'resume' as never })).toThrow(
      new TypeError(
        "continueFrom: strategy 'resume' is not 'prefill', 'instruct', 'restart' or a function",
      ),
    );
  });

  describe('instructs', () => {
    it('with the text as a turn, and asks to begin with its last words', () => {
      const request = continueFrom(paramsOf(), told);
      expect(request.messages).toEqual([
        question,
        { role: 'assistant', content: [text(story)] },
        { role: 'user', content: [{ type: 'text', text: expect.any(String) }] },
      ]);
      expect(instruction(request)).toMatchInlineSnapshot(`
        "Your previous response was interrupted and ended with:
        <ended_with>Once upon a time there was a quick brown fox</ended_with>
        Continue from exactly where you left off, as one text, without any comment on the interruption.
        Begin with its last words, unchanged, and go on from there. They are:
        upon a time there was a quick brown fox"
      `);
      expect(said(request)).toEqual({
        keep: 1,
        seam: {
          sent: story,
          leftOut: '',
          mayRepeat: true,
          anchor: 'upon a time there was a quick brown fox',
        },
      });
    });

    it('with an older model, when asked to', () => {
      const request = continueFrom(paramsOf({ model: older }), told, { strategy: 'instruct' });
      expect(lastTurn(request).role).toBe('user');
    });

    it('without white space at the end', () => {
      const request = continueFrom(paramsOf(), partialOf([text(`${story}\n\n`)]));
      expect(sentBlocks(request)).toEqual([text(story)]);
      expect(said(request).seam).toMatchObject({ sent: story, leftOut: '\n\n' });
      expect(instruction(request)).toMatch(/brown fox$/);
    });

    it('without an anchor where the text is too short for one', () => {
      const request = continueFrom(paramsOf(), partialOf([text('Once upon')]));
      expect(said(request).seam).toMatchObject({ sent: 'Once upon', anchor: '', mayRepeat: true });
      expect(instruction(request)).toMatch(/Repeat nothing of it\.$/);
      expect(instruction(request)).toContain('<ended_with>Once upon</ended_with>');
    });

    it.each([
      [
        'whole words',
        'abcdefghij klmnopqrst uvwxyz 0123456789 ABC',
        'klmnopqrst uvwxyz 0123456789 ABC',
      ],
      ['cut words, where there are no others', 'x'.repeat(60), 'x'.repeat(40)],
      [
        'words with line breaks',
        `${'x'.repeat(30)}\n  one two\n\nthree four`,
        'one two\n\nthree four',
      ],
      ['a long last word', `Look at ${'y'.repeat(38)}`, 'y'.repeat(38)],
      ['a short end after a long word', `${'x'.repeat(50)} end`, `${'x'.repeat(36)} end`],
      ['indentation that is cut', `{${' '.repeat(60)}return value;`, 'return value;'],
      ['no half of a character', `😀${'x'.repeat(39)}`, 'x'.repeat(39)],
    ])('anchors at %s', (_, value, anchor) => {
      expect(said(continueFrom(paramsOf(), partialOf([text(value)]))).seam.anchor).toBe(anchor);
    });

    it('quotes the last 400 code units, and no half of a character', () => {
      const request = continueFrom(paramsOf(), partialOf([text(`${'😀'.repeat(300)}.`)]));
      const [, quote] = /<ended_with>(.*)<\/ended_with>/.exec(instruction(request))!;
      expect(quote).toBe(`${'😀'.repeat(199)}.`);
    });

    it('with half a character inside of the text made one that JSON can hold', () => {
      const request = continueFrom(paramsOf(), partialOf([text('Once \ud83d upon a time')]));
      expect(sentBlocks(request)).toEqual([text('Once \ufffd upon a time')]);
      expect(said(request).seam.sent).toBe('Once \ufffd upon a time');
    });

    it('with what came before the text: thinking, searches and their results', () => {
      const redacted = { type: 'redacted_thinking', data: 'x' };
      const content = [thinking(), redacted, search('a'), searchResult('a'), text(story)];
      expect(sentBlocks(continueFrom(paramsOf(), partialOf(content)))).toEqual(content);
    });

    it('with citations as they came', () => {
      const citations = [{ type: 'char_location', cited_text: 'fox', file_id: null }];
      const content = [text('It is said that '), text('foxes are quick', citations)];
      const request = continueFrom(paramsOf(), partialOf(content));
      expect(sentBlocks(request)).toEqual(content);
      expect(said(request).seam.sent).toBe('It is said that foxes are quick');
    });

    it('with white space between citations in the text before it', () => {
      const citations = [{ type: 'char_location' }];
      const content = [text('So it is.', citations), text('\n\n'), text('And so.', citations)];
      const request = continueFrom(paramsOf(), partialOf(content));
      expect(sentBlocks(request)).toEqual([
        text('So it is.\n\n', citations),
        text('And so.', citations),
      ]);
      expect(said(request).seam.sent).toBe('So it is.\n\nAnd so.');
    });

    it('without text that is empty or white space', () => {
      const content = [text('\n\n'), thinking(), text(''), text(story)];
      // Behind text that is not sent, thinking is not in its place.
      expect(sentBlocks(continueFrom(paramsOf(), partialOf(content)))).toEqual([text(story)]);
      expect(sentBlocks(continueFrom(paramsOf(), partialOf(content.slice(1))))).toEqual([
        thinking(),
        text(story),
      ]);
    });

    it('without thinking that has no signature, and without a search that has no result', () => {
      const mcp = { type: 'mcp_tool_use', id: 'm', name: 'x', server_name: 'y', input: {} };
      const mcpResult = { type: 'mcp_tool_result', tool_use_id: 'n', content: [], is_error: false };
      const content = [thinking(''), search('a'), mcp, { ...mcp, id: 'n' }, mcpResult, text(story)];
      expect(sentBlocks(continueFrom(paramsOf(), partialOf(content)))).toEqual([
        { ...mcp, id: 'n' },
        mcpResult,
        text(story),
      ]);
    });

    it('without thinking and calls that came after the text', () => {
      const request = continueFrom(paramsOf(), partialOf([text(story), thinking(), call('a')]));
      expect(sentBlocks(request)).toEqual([text(story)]);
      expect(said(request).keep).toBe(1);
    });

    it('without the thinking of a continuation, which belongs to another conversation', () => {
      const content = [thinking('first'), text('Once'), thinking('second'), text(' upon a time')];
      const spliced = { usage: { ...usage(50, 2), attempts: [usage(25, 1), usage(25, 1)] } };
      const request = continueFrom(paramsOf(), partialOf(content, spliced));
      expect(sentBlocks(request)).toEqual([thinking('first'), text('Once'), text(' upon a time')]);
      expect(sentBlocks(continueFrom(paramsOf(), partialOf(content)))).toEqual(content);
    });

    it('with an answer to each kept call, before the text of the turn', () => {
      const content = [text('I look.'), call('a', { city: 'Paris' }), call('b'), text(story)];
      const request = continueFrom(paramsOf(), partialOf(content));
      expect(sentBlocks(request)).toEqual(content);
      expect(lastTurn(request).content).toEqual([
        { type: 'tool_result', tool_use_id: 'a', content: expect.stringContaining('noted') },
        { type: 'tool_result', tool_use_id: 'b', content: expect.stringContaining('noted') },
        { type: 'text', text: expect.stringContaining('interrupted') },
      ]);
      expect(said(request)).toMatchObject({ keep: 4, seam: { sent: `I look.${story}` } });
    });

    it('and quotes only the text since the last call, which may be short', () => {
      const content = [text(story), call('a'), text('And so')];
      const request = continueFrom(paramsOf(), partialOf(content));
      expect(instruction(request)).toContain('<ended_with>And so</ended_with>');
      // The repeat of the model may still begin before it.
      expect(said(request).seam).toMatchObject({ sent: `${story}And so`, anchor: '' });
    });

    it('without a quotation where white space follows a search', () => {
      const content = [text(story), search('a'), searchResult('a'), text('\n\n')];
      const request = continueFrom(paramsOf(), partialOf(content));
      expect(sentBlocks(request)).toEqual(content.slice(0, 3));
      expect(said(request)).toMatchObject({
        keep: 4,
        seam: { sent: story, leftOut: '\n\n', anchor: '' },
      });
      expect(instruction(request)).toMatchInlineSnapshot(`
        "Your previous response was interrupted.
        Continue from exactly where you left off, as one text, without any comment on the interruption.
        Repeat nothing of it."
      `);
    });

    it('from the text before, where white space follows thinking', () => {
      const content = [text(`${story} `), thinking(), text('\n\n')];
      const request = continueFrom(paramsOf(), partialOf(content));
      expect(sentBlocks(request)).toEqual([text(story)]);
      expect(said(request)).toMatchObject({ keep: 3, seam: { sent: story, leftOut: ' \n\n' } });
    });

    it('after earlier tool results, which stay', () => {
      const messages = [
        question,
        { role: 'assistant', content: [call('a')] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: '20 °C' }] },
      ] as Params['messages'];
      const request = continueFrom(paramsOf({ messages }), told);
      expect(request.messages.slice(0, 3)).toEqual(messages);
      expect(request.messages.map(({ role }) => role)).toEqual([
        'user',
        'assistant',
        'user',
        'assistant',
        'user',
      ]);
    });

    it('on where a prefill of its own ends', () => {
      const messages = [question, { role: 'assistant' as const, content: 'Well: ' }];
      const params = paramsOf({ model: 'my-model', messages });
      expect(continueFrom(params, told).messages.slice(0, 2)).toEqual([
        question,
        { role: 'assistant', content: [{ type: 'text', text: `Well: ${story}` }] },
      ]);
    });
  });

  describe('leaves of max_tokens what is left', () => {
    const left = (changes: Partial<Params>, content: object[]): number =>
      continueFrom(paramsOf(changes), partialOf(content)).max_tokens;
    const long = (length: number): object[] => [text('x'.repeat(length))];

    it('at four characters a token', () => {
      expect(left({ model: older }, long(400))).toBe(900);
      expect(left({ model: older }, long(401))).toBe(899);
    });

    it('and does not count the anchor twice', () => {
      expect(left({}, long(400))).toBe(910);
    });

    it('after thinking and tool calls, too', () => {
      const input = { text: 'y'.repeat(389) };
      expect(JSON.stringify(input)).toHaveLength(400);
      const thought = { type: 'thinking', thinking: 'x'.repeat(400), signature: 'sig' };
      expect(left({}, [thought, call('a', input), ...long(400)])).toBe(710);
    });

    it('but at least 1', () => {
      expect(left({ model: older }, long(10_000))).toBe(1);
    });

    it('but more than the budget for thinking', () => {
      const config = { type: 'enabled', budget_tokens: 2_000 } as const;
      expect(left({ thinking: config, max_tokens: 3_000 }, long(800))).toBe(2_810);
      expect(left({ thinking: config, max_tokens: 3_000 }, long(80_000))).toBe(2_001);
    });

    it('and never more than it was, as where the budget is for several turns', () => {
      const config = { type: 'enabled', budget_tokens: 2_000 } as const;
      expect(left({ thinking: config, max_tokens: 1_500 }, long(800))).toBe(1_500);
      expect(left({}, [text('Once upon a time')])).toBeLessThanOrEqual(1_000);
    });
  });

  it('keeps everything else', () => {
    const params = paramsOf({
      system: 'You tell stories',
      stop_sequences: ['THE END'],
      tools: [{ name: 'get_weather', input_schema: { type: 'object' } }],
      tool_choice: { type: 'auto' },
      metadata: { user_id: 'me' },
      thinking: { type: 'adaptive' },
      service_tier: 'auto',
    });
    const { messages: _, max_tokens: __, ...rest } = continueFrom(params, told);
    const { messages: ___, max_tokens: ____, ...before } = params;
    expect(rest).toEqual({ ...before, [continuation]: expect.anything() });
    expect(rest.tools).toBe(params.tools);
  });

  describe('takes a function', () => {
    it('whose request is joined as it is', () => {
      const params = paramsOf();
      const partial = partialOf([thinking(), text(`${story} `)]);
      const messages = [question, { role: 'user' as const, content: 'Go on' }];
      const request = continueFrom(params, partial, {
        strategy: (given, reply) => {
          expect([given, reply]).toEqual([params, partial]);
          return { ...given, messages };
        },
      });
      expect(request).toEqual({
        ...params,
        messages,
        [continuation]: { keep: 2, seam: { sent: story, leftOut: ' ' } },
      });
    });

    it('that may use the other strategies', () => {
      const request = continueFrom(paramsOf(), told, {
        strategy: (params, partial) =>
          continueFrom({ ...params, model: older }, partial, { strategy: 'instruct' }),
      });
      expect(request.model).toBe(older);
      expect(said(request).seam.mayRepeat).toBe(true);
    });

    it('that restarts if it returns the same messages', () => {
      const request = continueFrom(paramsOf(), told, {
        strategy: (params) => ({ ...params, model: older }),
      });
      expect(request.model).toBe(older);
      expect(said(request)).toEqual({ keep: 0, seam: { sent: '' } });
    });

    it('that is not called if nothing has arrived', () => {
      const strategy = (): Params => {
        throw new Error('never');
      };
      expect(said(continueFrom(paramsOf(), undefined, { strategy })).keep).toBe(0);
    });

    it('that must return a request', () => {
      expect(() => continueFrom(paramsOf(), told, { strategy: (() => {}) as never })).toThrow(
        new TypeError('continueFrom: the function given as `strategy` must return a request'),
      );
    });
  });

  it('says how the parts join in a way that a copy keeps and JSON does not hold', () => {
    const request = continueFrom(paramsOf(), told);
    expect(said({ ...request, stream: true })).toBe(said(request));
    expect(Object.keys(JSON.parse(JSON.stringify(request)))).toEqual([
      'model',
      'max_tokens',
      'messages',
    ]);
  });

  it('does not let the text of an unfinished call into JSON', () => {
    const cut = { ...call('a'), [unfinishedInput]: '{"ci' };
    const request = continueFrom(paramsOf(), partialOf([cut, text(story)]));
    expect(JSON.stringify(request)).not.toContain('ci\\"');
    expect(requestProblems(request)).toEqual([]);
  });

  it('accepts messages with fields that a gateway left out', () => {
    const content = [{ type: 'text' }, { type: 'thinking' }, { type: 'tool_use', id: 'a' }];
    const request = continueFrom(paramsOf(), partialOf([...content, text(story)]));
    expect(sentBlocks(request)).toEqual([text(story)]);
    expect(said(continueFrom(paramsOf(), partialOf(content))).keep).toBe(0);
  });

  describe('never asks what the API refuses', () => {
    const value = fc.oneof(
      trickyText,
      fc.constantFrom('', ' ', '\n\n', story, `${story} `, '\ud83d', `${story}\ud83d`),
    );
    const id = fc.constantFrom('a', 'b', 'c');
    const block = fc.oneof(
      { weight: 4, arbitrary: value.map((given) => text(given)) },
      value.map((given) => text(given, [{ type: 'char_location' }])),
      fc.constantFrom('sig', '').map(thinking),
      fc.constant({ type: 'redacted_thinking', data: 'x' }),
      fc.uuid().map((given) => call(given)),
      fc.uuid().map(search),
    );
    const searched = fc.uuid().map((given) => [search(given), searchResult(given)]);
    const content = fc
      .array(fc.oneof({ weight: 5, arbitrary: block.map((given) => [given]) }, searched), {
        maxLength: 7,
      })
      .map((blocks) => blocks.flat());
    const partial = fc
      .record({ content, model: fc.constantFrom(older, newer), isSpliced: fc.boolean() })
      .map(({ content: blocks, model, isSpliced }) => {
        const signed = blocks.map((one, index) =>
          'signature' in one && one.signature ? { ...one, signature: `sig${index}` } : one,
        );
        const attempts = isSpliced && { usage: { ...usage(1, 1), attempts: [{}, {}] } };
        return partialOf(signed, { model, ...attempts });
      });
    const earlier = fc.constantFrom<object[]>(
      [question],
      [question, { role: 'assistant', content: 'Well: once' }],
      [question, { role: 'assistant', content: [text('Well: once')] }],
      [
        question,
        { role: 'assistant', content: [thinking(), call('a'), call('b')] },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'a', content: 'x' },
            { type: 'tool_result', tool_use_id: 'b', content: 'y' },
            { type: 'text', text: 'And now?' },
          ],
        },
      ],
    );
    const rarely = (...values: object[]) =>
      fc.oneof(
        { weight: 4, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.constantFrom(...values) },
      );
    const params = fc
      .record({
        model: fc.constantFrom(older, newer, 'us.anthropic.claude-opus-4-1-20250805-v1:0', 'other'),
        max_tokens: fc.integer({ min: 1, max: 5_000 }),
        messages: earlier,
        thinking: fc.constantFrom<object | undefined>(
          undefined,
          { type: 'disabled' },
          { type: 'adaptive' },
          { type: 'enabled', budget_tokens: 1_024 },
        ),
        tool_choice: rarely({ type: 'auto' }, { type: 'any' }),
        output_config: rarely({ format: {} }),
        stop_sequences: fc.constant(['END']),
      })
      .map((given) => deepFreeze(given) as unknown as Params)
      .filter((given) => requestProblems(given).length === 0);
    const strategies = fc.constantFrom<ContinuationStrategy | undefined>(
      undefined,
      undefined,
      'prefill',
      'instruct',
      'restart',
    );

    /** The request; `undefined` if `continueFrom` throws. */
    function tryToContinue(
      given: Params,
      reply: Message | undefined,
      strategy: ContinuationStrategy | undefined,
    ): Params | undefined {
      try {
        return continueFrom(given, reply, { strategy });
      } catch (error) {
        expect(strategy === 'prefill' || strategy === 'instruct').toBe(true);
        expect(error).toBeInstanceOf(TypeError);
        return undefined;
      }
    }

    it('for any parameters and any partial reply', () => {
      let continued = 0;
      fc.assert(
        fc.property(params, fc.option(partial, { nil: undefined }), strategies, (...given) => {
          const [before, reply, strategy] = given;
          const request = tryToContinue(before, reply, strategy);
          if (request === undefined) return;
          // An unknown model may be prefilled when that is asked for.
          const model = strategy === 'prefill' ? older : before.model;
          const heard = new SaidBefore();
          if (reply) for (const _ of heard.listen(eventsOf(reply as Message), before)) void _;
          expect(requestProblems({ ...request, model }, { said: heard })).toEqual([]);
          const { messages, max_tokens, ...rest } = request;
          const { messages: _, max_tokens: most, ...same } = before;
          expect(rest).toEqual({ ...same, [continuation]: said(request) });
          expect(max_tokens).toBeGreaterThanOrEqual(1);
          expect(max_tokens).toBeLessThanOrEqual(most);
          if (messages !== before.messages) continued++;
        }),
        { numRuns: rounds(3_000) },
      );
      expect(continued).toBeGreaterThan(rounds(500));
    });

    // Blank text that has no text before it is not sent.
    const comparable = (any: string) =>
      any.replaceAll(/[\ud800-\udfff\ufffd]/g, '?').replaceAll(/[\s\p{Cc}]/gu, '');

    it('and the seam knows all of the text that was shown at the end', () => {
      fc.assert(
        fc.property(params, partial, (before, reply) => {
          const { keep, seam } = said(continueFrom(before, reply));
          const shown = reply.content
            .slice(0, keep)
            .map((given) => (given.type === 'text' ? given.text : ''))
            .join('');
          const leftOut = seam.leftOut ?? '';
          expect(shown.endsWith(leftOut)).toBe(true);
          const sent = shown.slice(0, shown.length - leftOut.length);
          expect(comparable(sent).endsWith(comparable(seam.sent))).toBe(true);
          if (seam.anchor) expect(seam.sent.endsWith(seam.anchor)).toBe(true);
          if (seam.anchor) expect(seam.anchor).toBe(seam.anchor.trim());
        }),
        { numRuns: rounds(1_000) },
      );
    });

    it('by the rules of this test', () => {
      expect(acceptsPrefill('claude-sonnet-4-5-20250929')).toBe(true);
      expect(acceptsPrefill('claude-opus-4-6')).toBe(false);
      const rules: [string, Partial<Record<keyof Params, unknown>>][] = [
        [
          'non-empty',
          { messages: [question, { role: 'assistant', content: [text('')] }, question] },
        ],
        ['trailing whitespace', { messages: [question, { role: 'assistant', content: 'Well ' }] }],
        [
          'tool_result',
          { messages: [question, { role: 'assistant', content: [call('a')] }, question] },
        ],
        [
          'prefill with thinking',
          { ...paramsOf(), thinking: { type: 'adaptive' }, messages: [question, told] },
        ],
        ['not supported', { model: newer, messages: [question, told] }],
        ['not valid JSON', { messages: [{ role: 'user', content: '\ud83d' }] }],
        [
          'without its result',
          { messages: [question, { role: 'assistant', content: [search('a')] }] },
        ],
        [
          'cannot be `thinking`',
          { messages: [question, { role: 'assistant', content: [thinking()] }] },
        ],
        [
          'Field required',
          { messages: [question, { role: 'assistant', content: [thinking('')] }] },
        ],
        ['budget_tokens', { thinking: { type: 'enabled', budget_tokens: 1_000 } }],
      ];
      for (const [rule, changes] of rules) {
        const request = { ...paramsOf({ model: older }), ...changes } as Params;
        expect(requestProblems(request).join()).toContain(rule);
      }
      expect(requestProblems(paramsOf())).toEqual([]);
      expect(fc.sample(id, 1)).toHaveLength(1);
    });
  });
});

describe('keptBlocks', () => {
  it.each<[string, object[], number]>([
    ['nothing', [], 0],
    ['a text', [text('a')], 1],
    ['an empty text', [text('')], 0],
    ['a text and one that has only begun', [text('a'), text('')], 1],
    ['all up to the last text', [thinking(), text('a'), call('x'), text('b'), thinking()], 4],
    ['no thinking alone', [thinking()], 0],
    ['no call alone', [call('x')], 0],
    ['white space alone', [text('\n'), text(' ')], 2],
    ['no white space after thinking', [thinking(), text('\n')], 0],
    ['white space after thinking and text', [text('a'), thinking(), text('\n')], 3],
  ])('keeps %s', (_, content, count) => {
    expect(keptBlocks(partialOf(content))).toBe(count);
  });
});

describe('defaultContinuation', () => {
  it('expects no repeat of a model that is prefilled', () => {
    expect(defaultContinuation(partialOf([text(`${story}\n`)], { model: older }))).toEqual({
      keep: 1,
      seam: { sent: story, leftOut: '\n', mayRepeat: false },
    });
  });

  it('expects that another model may repeat the end', () => {
    expect(defaultContinuation(partialOf([text(`${story}\n`), call('a')]))).toEqual({
      keep: 1,
      seam: { sent: story, leftOut: '\n', mayRepeat: true },
    });
  });

  it('keeps nothing where there is no text', () => {
    expect(defaultContinuation(partialOf([thinking()]))).toMatchObject({ keep: 0 });
  });
});
