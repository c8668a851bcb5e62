import { unfinishedInput } from 'claude-rx';
import { describe, expect, it } from 'vitest';
import { type AnyBlock, withBlock } from '../../../src/history/blocks.ts';
import {
  pendingResult,
  type Reply,
  sendBack,
  type SendBackOptions,
} from '../../../src/history/sendBack.ts';
import { Prefix } from '../../../src/history/Prefix.ts';
import { SentHistory } from '../../../src/history/SentHistory.ts';

const text = (value: string) => ({ type: 'text', text: value });
const thought = (thinking: string, signature = 'signed') => ({
  type: 'thinking',
  thinking,
  signature,
});
const redacted = { type: 'redacted_thinking', data: 'x' };
const call = (id: string, input: unknown = {}) => ({ type: 'tool_use', id, name: 'look', input });
const cut = (id: string) => ({ ...call(id), [unfinishedInput]: '{"a": 1' });
const result = (tool_use_id: string, content: unknown = 'r') => ({
  type: 'tool_result',
  tool_use_id,
  content,
});
const search = (id: string) => ({ type: 'server_tool_use', id, name: 'web_search', input: {} });
const found = (tool_use_id: string) => ({
  type: 'web_search_tool_result',
  tool_use_id,
  content: [],
});
const fallback = { type: 'fallback' };
const unanswered = (id: string) => ({
  ...result(id, expect.stringContaining('no result')),
  is_error: true,
});
const goOn = text('Continue.');

type Blocks = AnyBlock[];

const send = (blocks: Blocks, options: SendBackOptions & Omit<Reply, 'blocks'> = {}) =>
  sendBack([{ blocks, seam: options.seam, isCut: options.isCut }], new SentHistory(), options);

const turns = (assistant: Blocks, user: Blocks = []) => [
  ...(assistant.length > 0 ? [{ role: 'assistant', content: assistant }] : []),
  ...(user.length > 0 ? [{ role: 'user', content: user }] : []),
];

describe('sendBack', () => {
  it.each<[string, Blocks, Blocks, Blocks?, (SendBackOptions & Omit<Reply, 'blocks'>)?]>([
    ['half a surrogate: replaced', [text('a\ud83d')], [text('a\ufffd')]],
    ['half a surrogate: replaced before blank is judged', [text('\ud83d')], [text('\ufffd')]],
    [
      'half a surrogate: replaced in the input of a call, in its keys too',
      [call('a', { '\ud83d': ['\ud83d'] })],
      [call('a', { '\ufffd': ['\ufffd'] })],
      [result('a')],
      { results: [result('a')] },
    ],
    ['half a surrogate: not replaced in thinking', [thought('\ud83d'), text('a')], [text('a')]],
    [
      'half a surrogate: changes what comes before thinking',
      [text('a\ud83d'), thought('b'), text('c')],
      [text('a\ufffd'), text('c')],
    ],
    [
      'blank text: joined to the text before it',
      [text('a'), text('\n'), text('b')],
      [text('a\n'), text('b')],
    ],
    [
      'blank text: control characters',
      [text('a'), text('\u0001'), text('\u0085')],
      [text('a\u0001\u0085')],
    ],
    [
      'blank text: dropped where no text is before it',
      [text(' '), call('a'), text(' ')],
      [call('a')],
      [unanswered('a')],
    ],
    ['blank text: empty, or no text at all', [text(''), { type: 'text' }, text('a')], [text('a')]],
    [
      'thinking: kept as it came',
      [thought('a'), redacted, text('b'), thought('c'), call('d')],
      [thought('a'), redacted, text('b'), thought('c'), call('d')],
      [unanswered('d')],
    ],
    [
      'thinking: dropped behind what is dropped, with all later',
      [text(' '), thought('a'), text('b'), redacted, text('c')],
      [text('b'), text('c')],
    ],
    [
      'thinking: dropped behind what is joined',
      [text('a'), text(' '), thought('b'), text('c')],
      [text('a '), text('c')],
    ],
    [
      'thinking: dropped without a signature, with all later',
      [thought('a', ''), text('b'), thought('c'), text('d')],
      [text('b'), text('d')],
    ],
    ['thinking: dropped at the end', [text('a'), thought('b'), redacted], [text('a')]],
    [
      'thinking: dropped behind a seam',
      [thought('a'), text('b'), thought('c'), text('d')],
      [thought('a'), text('b'), text('d')],
      [],
      { seam: 2 },
    ],
    ['server call: dropped without its result', [search('s'), text('a')], [text('a')]],
    [
      'server call: kept with its result',
      [search('s'), found('s'), text('a')],
      [search('s'), found('s'), text('a')],
    ],
    [
      'server call: kept where the reply goes on',
      [text('a'), search('s')],
      [text('a'), search('s')],
      [],
      { goesOn: true },
    ],
    [
      'server call: kept where the turn has a client call',
      [search('s'), call('a')],
      [search('s'), call('a')],
      [result('a')],
      { results: [result('a')] },
    ],
    ['server call: dropped where the client call is', [search('s'), cut('a')], [], []],
    ['server result: dropped without its call', [found('s'), text('a')], [text('a')]],
    [
      'server result: dropped where its call has one',
      [search('s'), found('s'), found('s'), text('a')],
      [search('s'), found('s'), text('a')],
    ],
    [
      'call: dropped directly before a fallback',
      [call('a'), call('b'), fallback, text('c')],
      [call('a'), fallback, text('c')],
      [unanswered('a')],
    ],
    ['call: dropped where its input is not whole', [text('a'), cut('b')], [text('a')]],
    [
      'call: kept where the model was told of its input',
      [cut('a')],
      [cut('a')],
      [result('a')],
      { results: [result('a')] },
    ],
    [
      'call: dropped at the end of a reply that was cut',
      [call('a'), call('b')],
      [call('a')],
      [unanswered('a')],
      { isCut: true },
    ],
    ['call: dropped without a name', [text('a'), { ...call('b'), name: '' }], [text('a')]],
    ...[null, [], 'x', 5].map(
      (input) =>
        [
          `call: its input of ${JSON.stringify(input)} is {}`,
          [call('a', input)],
          [call('a')],
          [unanswered('a')],
        ] as [string, Blocks, Blocks, Blocks],
    ),
    [
      'call: answered by an error without a result',
      [call('a'), call('b')],
      [call('a'), call('b')],
      [unanswered('a'), result('b')],
      { results: [result('b')] },
    ],
    [
      'call: left open where it is pending',
      [call('a'), call('b')],
      [call('a'), call('b')],
      [result('b')],
      { results: [pendingResult('a'), result('b')] },
    ],
    [
      'result: without blank text',
      [call('a')],
      [call('a')],
      [result('a', [text('x')])],
      { results: [result('a', [text('x'), text(' ')])] },
    ],
    [
      'id: in the pattern of the API',
      [call('functions.look:0')],
      [call('functions_look_0')],
      [result('functions_look_0')],
      { results: [result('functions.look:0')] },
    ],
    ['id: one where none came', [call('')], [call('call')], [unanswered('call')]],
    [
      'id: unique in a reply, results in the order of the calls',
      [call('a:1'), call('a.1'), call('a:1')],
      [call('a_1'), call('a_1_2'), call('a_1_3')],
      [result('a_1', '1'), result('a_1_2', '2'), result('a_1_3', '3')],
      { results: [result('a:1', '1'), result('a:1', '3'), result('a.1', '2')] },
    ],
    [
      'id: of a server call, alike in its result',
      [search('s:1'), found('s:1'), text('a')],
      [search('s_1'), found('s_1'), text('a')],
    ],
    ['what only a user may send: dropped', [{ type: 'image' }, text('a')], [text('a')]],
    ['white space at the end: kept', [text('a \n')], [text('a \n')]],
    ['white space at the end: trimmed', [text('a \n')], [text('a')], [], { end: 'trim' }],
    [
      'white space at the end: trimmed behind thinking that is dropped',
      [text('a '), thought('b')],
      [text('a')],
      [],
      { end: 'trim' },
    ],
    ['nothing left: left out', [text(' '), thought('a')], []],
    [
      'nothing left of a paused reply: asked to go on',
      [thought('a')],
      [],
      [goOn],
      { goesOn: true },
    ],
    [
      'a paused reply whose end is not sent as it came: asked to go on',
      [search('s'), text('a'), text(' ')],
      [text('a ')],
      [goOn],
      { goesOn: true },
    ],
    [
      'a paused reply whose end is dropped: asked to go on',
      [search('s'), text('a'), found('t')],
      [text('a')],
      [goOn],
      { goesOn: true },
    ],
    [
      'a paused reply behind a seam: asked to go on',
      [text('a')],
      [text('a')],
      [goOn],
      { goesOn: true, seam: 1 },
    ],
  ])('%s', (_, blocks, assistant, user = [], options = {}) => {
    expect(send(blocks, options).turns).toEqual(turns(assistant, user));
  });

  it('returns the same objects if nothing changes', () => {
    const blocks = [thought('a'), text('b'), search('s'), found('s'), call('c')];
    const results = [result('c')];
    const [assistant, user] = send(blocks, { results }).turns;
    for (const [index, block] of blocks.entries()) expect(assistant!.content[index]).toBe(block);
    expect(user!.content[0]).toBe(results[0]);
  });

  it('drops blocks that are nested too deep', () => {
    let deep: unknown = 0;
    for (let level = 0; level < 100_000; level++) deep = [deep];
    const blocks = [{ type: 'new', deep }, text('a'), call('b', { deep })];
    const results = [{ ...result('b', [{ type: 'new', deep }]), new: deep }];
    const expected = turns(
      [text('a'), call('b')],
      [{ ...result('b', expect.stringContaining('too deep')), is_error: true }],
    );
    expect(send(blocks, { results }).turns).toEqual(expected);
  });

  it('leaves out of a result what is no block', () => {
    const results = [result('a', [null, text('b'), 'c', text(' ')])];
    expect(send([call('a')], { results }).turns[1]?.content).toEqual([result('a', [text('b')])]);
  });

  it('gives results to calls in any order, and each call with the same id its own', () => {
    const calls = [call('a'), call('b'), call('a')];
    const results = [result('a', '1'), result('a', '3'), result('b', '2')];
    expect(send(calls, { results }).turns[1]?.content).toEqual([
      result('a', '1'),
      result('b', '2'),
      result('a_2', '3'),
    ]);
  });

  // With a comparison of each call with all others this takes minutes.
  it('takes as many calls with one id as somebody may send', () => {
    const count = 20_000;
    const calls = Array.from({ length: count }, () => call('a'));
    const results = calls.map(() => result('a'));
    const [assistant, user] = send(calls, { results }).turns;
    expect(new Set(assistant!.content.map(({ id }) => id)).size).toBe(count);
    expect(user!.content.map((one) => one['tool_use_id'])).toEqual(
      assistant!.content.map(({ id }) => id),
    );
  });

  it('returns the text at the end that is not sent', () => {
    const leftOut = (...blocks: Blocks) => send(blocks, { end: 'trim' }).leftOut;
    expect(leftOut(text('a '), text('\n'), text('b \ud83d'))).toBe(' \ud83d');
    expect(leftOut(text('a '), thought('b'), text('\n'))).toBe(' \n');
    expect(leftOut(text('a '), search('s'), found('s'), text('\n'))).toBe('\n');
    expect(leftOut(text(' '))).toBe(' ');
  });

  describe('replies that continue each other', () => {
    it('may have the result of a server call in the next reply', () => {
      const run = [{ blocks: [text('a'), search('s')] }, { blocks: [found('s'), text('b')] }];
      expect(sendBack(run, new SentHistory()).turns).toEqual(
        turns([text('a'), search('s'), found('s'), text('b')]),
      );
    });

    it('have thinking only if everything before each reply is unchanged', () => {
      const first = { blocks: [thought('a'), text('b')], prefix: 'p' };
      const after = first.blocks.reduce(withBlock('assistant'), 'p');
      const second = { blocks: [thought('c'), text('d')], prefix: after };
      const thoughts = (prefix: string) =>
        sendBack([first, second], new SentHistory(), {
          sentBefore: new Prefix(prefix),
        }).turns[0]!.content.flatMap(({ thinking }) => thinking ?? []);
      expect(thoughts('p')).toEqual(['a', 'c']);
      expect(thoughts('q')).toEqual([]);
    });
  });

  describe('facts for the next replies', () => {
    it('are the ids in use, also those of the messages', () => {
      const sent = new SentHistory([{ role: 'assistant', content: [call('a')] }]);
      for (const id of ['a_2', 'a_3', 'a_4']) {
        const back = sendBack([{ blocks: [call('a')] }], sent, { results: [result('a')] });
        sent.add(back.after);
        expect(back.turns).toEqual(turns([call(id)], [result(id)]));
      }
    });

    it('are the open server calls, whose results may come in a later turn', () => {
      const sent = new SentHistory([{ role: 'assistant', content: [search('r'), call('a')] }]);
      sent.add(sendBack([{ blocks: [search('s:1'), call('b')] }], sent).after);
      const blocks = [found('r'), found('s:1'), text('c')];
      expect(sendBack([{ blocks }], sent).turns).toEqual(
        turns([found('r'), found('s_1'), text('c')]),
      );
    });

    it('are whether the model was asked to continue, so that it is not asked twice', () => {
      const sent = new SentHistory();
      const paused = (blocks: Blocks) => {
        const back = sendBack([{ blocks }], sent, { goesOn: true });
        sent.add(back.after);
        return back.turns;
      };
      expect(paused([])).toEqual(turns([], [goOn]));
      expect(paused([])).toEqual([]);
      expect(paused([text('a')])).toEqual(turns([text('a')]));
      expect(paused([])).toEqual(turns([], [goOn]));
    });
  });
});
