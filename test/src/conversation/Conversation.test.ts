import type Anthropic from '@anthropic-ai/sdk';
import { continueFrom, fromMessages, retryResumable, type StreamEvent, textOnly } from 'claude-rx';
import {
  Conversation,
  type ConversationMessage,
  type ConversationOptions,
  type ConversationParams,
  type ConversationState,
  type KeyedBlock,
} from 'claude-rx/conversation';
import { messageEvents, type Reply } from 'claude-rx/testing';
import { defineTool } from 'claude-rx/tools';
import {
  concat,
  concatMap,
  delay,
  exhaustMap,
  firstValueFrom,
  from,
  NEVER,
  type Observable,
  of,
  retry,
  Subject,
  switchMap,
  take,
  takeWhile,
  throwError,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { failure, received, until, useServer } from '../../support/server.ts';

const params = { model: 'claude-opus-5-5', max_tokens: 1024 };
const text = (value: string, more = {}) => ({ type: 'text', text: value, ...more });
const signed = { signature: 'c2lnbmVk' };
const input = z.object({ city: z.string() });

function allOf({ messages, live }: ConversationState): readonly ConversationMessage[] {
  return live ? [...messages, live] : messages;
}

describe('an exchange that would send the same request again', () => {
  const tools = [defineTool({ name: 'look', description: 'd', input, run: () => 'x' })];
  const nameless = messageEvents.toolUse('', { city: 'Lyon' });
  const nothing = messageEvents.with({ stopReason: 'pause_turn' });

  it.each<[string, Iterable<StreamEvent>, ConversationOptions, number]>([
    ['a call that cannot be sent back', nameless, { tools }, 1],
    ['a call beside text', nameless.text('So.'), { tools }, 1],
    ['a call that the caller answers', messageEvents.toolUse('look', { city: 'Lyon' }), {}, 1],
    [
      'a reply of nothing that waits for tools',
      nothing.with({ stopReason: 'tool_use' }),
      { tools },
      1,
    ],
    ['a pause with nothing in it', nothing, {}, 2],
    ['a pause with nothing in it, with tools', nothing, { tools }, 2],
    ['a pause with blank text', nothing.text(' '), {}, 2],
    ['a pause with thinking', nothing.thinking('Hm'), { tools }, 2],
  ])('ends without sending the request twice: %s', async (_, answer, options, count) => {
    const requests: string[] = [];
    const ask = (request: object): Iterable<StreamEvent> => {
      requests.push(JSON.stringify(request));
      if (requests.length > 20) throw new Error('asks for ever');
      return answer;
    };
    const conversation = new Conversation(ask, params, options);
    const events = await received(conversation.send('Hi'));
    expect(requests).toHaveLength(count);
    expect(new Set(requests).size).toBe(count);
    expect(conversation.state.status).toBe('idle');
    expect(events.at(-1)).not.toMatchObject({ outcome: 'continue' });
  });
});

describe('Conversation', () => {
  const http = useServer({ strict: true });
  const talk = (options: ConversationOptions = {}, more: Partial<ConversationParams> = {}) =>
    new Conversation(http.client, { ...params, ...more }, { cache: false, ...options });
  const reply = (...replies: Reply[]) => http.server.reply(...replies);
  /** The turns of the last request, or of another. */
  const turns = (index = -1): { role: string; content: { type: string }[] }[] =>
    http.server.requests.at(index)!.body.messages;
  const said = ({ messages }: { messages: Conversation['messages'] }) =>
    messages.map((message) => message.text);
  const statesOf = (conversation: Conversation) => {
    const states: ConversationState[] = [];
    conversation.state$.subscribe((state) => states.push(state));
    return states;
  };
  /** Each status once, as it changes. */
  const changes = (states: readonly ConversationState[]) =>
    states.map(({ status }) => status).filter((status, index, all) => status !== all[index - 1]);

  describe('send', () => {
    it('sends nothing before it is subscribed', async () => {
      const conversation = talk();
      conversation.send('Hi');
      expect(conversation.messages).toEqual([]);
      await conversation
        .send('Hi')
        .pipe(take(0))
        .forEach(() => {});
      expect(http.server.requests).toEqual([]);
    });

    it('sends the history, and emits the events of the reply', async () => {
      reply(messageEvents.text('Hello'), messageEvents.text('Well'));
      const conversation = talk({}, { system: 'Be brief' });
      const states = statesOf(conversation);
      const events = await received(conversation.send('Hi'));
      expect(events.map(({ type }) => type)).toEqual([
        'message_start',
        'content_block_start',
        'content_block_delta',
        'content_block_delta',
        'content_block_stop',
        'message_delta',
        'message_stop',
      ]);
      await received(conversation.send([{ type: 'text', text: 'How are you?' }]));
      expect(http.server.requests[1]!.body).toMatchObject({ system: 'Be brief', stream: true });
      expect(turns()).toMatchObject([
        { role: 'user', content: [text('Hi')] },
        { role: 'assistant', content: [text('Hello')] },
        { role: 'user', content: [text('How are you?')] },
      ]);
      const one = ['sending', 'streaming', 'idle'];
      expect(changes(states)).toEqual(['idle', ...one, ...one]);
      expect(said(conversation)).toEqual(['Hi', 'Hello', 'How are you?', 'Well']);
      expect(conversation.messages[3]).toMatchObject({
        role: 'assistant',
        status: 'complete',
        model: 'claude-opus-5-5',
        stop_reason: 'end_turn',
        usage: { input_tokens: 25 },
      });
    });

    it.each<[string, never, RegExp]>([
      ['nothing', '' as never, /the content is empty/],
      ['white space', ' \n' as never, /the content is empty/],
      ['blank blocks', [text(' ')] as never, /the content is empty/],
      ['no content', 5 as never, /pass text or a list of content blocks, not number/],
      ['no block', ['Hi'] as never, /content\[0\]: must be an object/],
      [
        'what only the model says',
        [{ type: 'thinking', thinking: 'Hm', signature: 'x' }] as never,
        /content\[0\]\.type: only the model can send a block of type 'thinking'/,
      ],
      ['an invalid text', [{ type: 'text' }] as never, /content\[0\]\.text: must be a string/],
    ])('refuses %s at once', (_, content, problem) => {
      expect(() => talk().send(content)).toThrow(TypeError);
      expect(() => talk().send(content)).toThrow(problem);
    });

    it('leaves out blank text beside an image', async () => {
      reply(messageEvents.text('A cat'));
      const image = {
        type: 'image' as const,
        source: { type: 'url' as const, url: 'https://example.com/a.png' },
      };
      await received(talk().send([image, { type: 'text', text: '' }]));
      expect(turns()).toEqual([{ role: 'user', content: [image] }]);
    });

    it('accepts earlier messages, with the results of calls stored with the calls', async () => {
      reply(messageEvents.text('Rain'));
      const messages: Anthropic.MessageParam[] = [
        { role: 'user', content: 'Weather?' },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'look', input: {} }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: 'Sun' }] },
        { role: 'assistant', content: 'Sun' },
      ];
      const conversation = talk({}, { messages });
      expect(said(conversation)).toEqual(['Weather?', '', 'Sun']);
      await received(conversation.send('And now?'));
      expect(turns()).toMatchObject([
        { content: [text('Weather?')] },
        messages[1]!,
        messages[2]!,
        { content: [text('Sun')] },
        { content: [text('And now?')] },
      ]);
    });
  });

  describe('stop', () => {
    const broken = (): Reply => ({
      events: messageEvents.thinking('Hm', signed).text('Hello wide world', { chunk: 6 }),
      fault: { kind: 'stall', beforeEvent: 7 },
    });
    /** Until this text has arrived. */
    const arrived = (conversation: Conversation, words: string) =>
      firstValueFrom(
        conversation.state$.pipe(takeWhile((state) => said(state).at(-1) !== words, true)),
        // oxlint-disable-next-line promise/prefer-await-to-then
      ).then(() => until(() => said(conversation).at(-1) === words));

    it('keeps the reply so far, errors as aborted, and closes the connection', async () => {
      reply(broken(), messageEvents.text('Yes'));
      const conversation = talk({}, { thinking: { type: 'adaptive' } });
      const states = statesOf(conversation);
      const done = failure(conversation.send('Hi'));
      await arrived(conversation, 'Hello ');
      conversation.stop();
      expect(conversation.state.status).toBe('stopped');
      const error = await done;
      expect(error).toMatchObject({ code: 'aborted', retryable: false });
      expect(error.partial?.content.at(-1)).toMatchObject({ text: 'Hello ' });
      expect(conversation.state.error).toBeUndefined();
      expect(await http.server.requests[0]!.finished).toBe('client-left');
      expect(changes(states)).toEqual(['idle', 'sending', 'streaming', 'stopped']);
      expect(conversation.messages[1]).toMatchObject({ status: 'stopped', text: 'Hello ' });
      conversation.stop();
      await received(conversation.send('Go on'));
      expect(turns()).toMatchObject([
        { role: 'user', content: [text('Hi')] },
        { role: 'assistant', content: [{ type: 'thinking', ...signed }, text('Hello ')] },
        { role: 'user', content: [text('Go on')] },
      ]);
    });

    it('has the same effect as unsubscribing', async () => {
      reply(broken());
      const conversation = talk();
      const states = statesOf(conversation);
      const events: unknown[] = [];
      const subscription = conversation.send('Hi').subscribe((event) => events.push(event));
      await arrived(conversation, 'Hello ');
      const count = events.length;
      subscription.unsubscribe();
      expect(await http.server.requests[0]!.finished).toBe('client-left');
      expect(events).toHaveLength(count);
      expect(changes(states).at(-1)).toBe('stopped');
      expect(said(conversation)).toEqual(['Hi', 'Hello ']);
    });

    it('before the reply keeps the question, which is sent together with the next', async () => {
      reply({ events: messageEvents.text('Hi'), delay: 60_000 }, messageEvents.text('Yes'));
      const conversation = talk();
      const done = failure(conversation.send('Hi'));
      await until(() => http.server.requests.length === 1);
      conversation.stop();
      expect(await done).toMatchObject({ code: 'aborted', retryable: false, partial: undefined });
      await received(conversation.send('Are you there?'));
      expect(turns()).toEqual([{ role: 'user', content: [text('Hi'), text('Are you there?')] }]);
    });
  });

  describe('overlapping sends', () => {
    const slow = (): Reply => ({
      events: messageEvents.text('One by one', { chunk: 4 }),
      fault: { kind: 'stall', beforeEvent: 4 },
    });

    it('refuse the second, and continue the first', async () => {
      reply({ events: messageEvents.text('One'), delay: 20 });
      const conversation = talk();
      const first = received(conversation.send('1'));
      const error = await failure(conversation.send('2'));
      expect(error).toMatchObject({ code: 'request', retryable: false });
      expect(error.message).toMatch(/still being written.*concatMap/);
      await expect(failure(conversation.regenerate())).resolves.toMatchObject({ code: 'request' });
      await first;
      expect(said(conversation)).toEqual(['1', 'One']);
      expect(conversation.state).toMatchObject({ status: 'idle', error: undefined });
    });

    it('stop the first with switchMap, and continue from it', async () => {
      reply(slow(), messageEvents.text('Two'));
      const conversation = talk();
      const questions = new Subject<string>();
      const texts: string[] = [];
      const done = questions
        .pipe(
          switchMap((question) => conversation.send(question)),
          textOnly(),
        )
        .forEach((piece) => void texts.push(piece));
      questions.next('1');
      await until(() => texts.length === 2);
      questions.next('2');
      questions.complete();
      await done;
      expect(texts).toEqual(['One ', 'by o', 'Two']);
      expect(turns()).toMatchObject([
        { content: [text('1')] },
        { content: [text('One by o')] },
        { content: [text('2')] },
      ]);
    });

    it('wait with concatMap', async () => {
      reply(messageEvents.text('One'), messageEvents.text('Two'));
      const conversation = talk();
      await received(from(['1', '2']).pipe(concatMap((question) => conversation.send(question))));
      expect(said(conversation)).toEqual(['1', 'One', '2', 'Two']);
    });

    it('ignore the second with exhaustMap', async () => {
      reply(messageEvents.text('One'));
      const conversation = talk();
      await received(from(['1', '2']).pipe(exhaustMap((question) => conversation.send(question))));
      expect(said(conversation)).toEqual(['1', 'One']);
    });

    it('may start in a subscriber of state$, which emits the latest state', async () => {
      reply(messageEvents.text('One'), messageEvents.text('Two'));
      const conversation = talk();
      const seen: string[] = [];
      const done = new Promise<void>((resolve) => {
        conversation.state$.subscribe((state) => {
          seen.push(state.status);
          if (state.status !== 'idle') return;
          if (state.messages.length === 4) resolve();
          else conversation.send(state.messages.length === 0 ? '1' : '2').subscribe();
        });
      });
      await done;
      expect(said(conversation)).toEqual(['1', 'One', '2', 'Two']);
      expect(seen.at(-1)).toBe('idle');
    });
  });

  describe('after a failure', () => {
    it('has the error and the reply so far in the state, and continues from there', async () => {
      reply(
        {
          events: messageEvents.text('Hello wide world', { chunk: 6 }),
          fault: { kind: 'error', beforeEvent: 3 },
        },
        messageEvents.text('Yes'),
      );
      const conversation = talk();
      const states = statesOf(conversation);
      const error = await failure(conversation.send('Hi'));
      expect(error).toMatchObject({ code: 'overloaded' });
      expect(conversation.state).toMatchObject({ status: 'error', error });
      expect(conversation.messages[1]).toMatchObject({ status: 'error', text: 'Hello ' });
      await received(conversation.send('Go on'));
      expect(changes(states).slice(-4)).toEqual(['error', 'sending', 'streaming', 'idle']);
      expect(conversation.state.error).toBeUndefined();
      expect(turns()).toMatchObject([
        { content: [text('Hi')] },
        { content: [text('Hello ')] },
        { content: [text('Go on')] },
      ]);
    });

    it('does not double the question on a retry', async () => {
      const broken = {
        events: messageEvents.text('Hello'),
        fault: { kind: 'end', beforeEvent: 3 },
      } as const;
      reply(broken, broken, messageEvents.text('Hello'), messageEvents.text('Again'));
      const conversation = talk();
      const sending = conversation.send('Hi');
      await received(sending.pipe(retry(2)));
      expect(said(conversation)).toEqual(['Hi', 'Hello']);
      expect(turns()).toEqual([{ role: 'user', content: [text('Hi')] }]);
      // What was answered is said anew.
      await received(sending);
      expect(said(conversation)).toEqual(['Hi', 'Hello', 'Hi', 'Again']);
    });

    it('passes on the errors of a function that makes the requests', async () => {
      const mistake = new TypeError('no');
      const conversation = new Conversation((): Observable<StreamEvent> => {
        throw mistake;
      }, params);
      const error = await failure(conversation.send('Hi'));
      expect(error).toMatchObject({ code: 'unknown', cause: mistake });
      const cut = new Conversation(() => of<StreamEvent>({ type: 'ping' }), params);
      expect(await failure(cut.send('Hi'))).toMatchObject({ code: 'truncated' });
    });

    it('continues a turn when the function retries', async () => {
      reply(
        {
          events: messageEvents.text('The quick brown fox jumps'),
          fault: { kind: 'rst', beforeEvent: 5 },
        },
        messageEvents.text(' over the lazy dog'),
        messageEvents.text('Yes'),
      );
      const ask = (request: Anthropic.MessageCreateParamsNonStreaming) =>
        fromMessages(http.client, request);
      const conversation = new Conversation(
        (request) =>
          ask(request).pipe(
            retryResumable({ resume: ({ partial }) => ask(continueFrom(request, partial)) }),
          ),
        params,
      );
      const events = await received(conversation.send('Tell me'));
      expect(events.filter(({ type }) => type === 'resume')).toHaveLength(1);
      expect(said(conversation)[1]).toMatch(/^The quick br.* over the lazy dog$/);
      await received(conversation.send('Thanks'));
      expect(turns()).toHaveLength(3);
    });
  });

  it('sends thinking after a seam only if the reply started again', async () => {
    const retried = (request: Anthropic.MessageCreateParamsNonStreaming) =>
      fromMessages(http.client, request).pipe(
        retryResumable({
          resume: ({ partial }) => fromMessages(http.client, continueFrom(request, partial)),
        }),
      );
    const cut = (events: Iterable<StreamEvent>, beforeEvent: number): Reply => ({
      events,
      fault: { kind: 'end', beforeEvent },
    });
    const whole = messageEvents.thinking('Hm', signed).text('Hello');
    const typesAfter = async (broken: Reply) => {
      reply(broken, whole, messageEvents.text('Yes'));
      const conversation = new Conversation(retried, params);
      await received(conversation.send('Hi'));
      await received(conversation.send('So?'));
      return turns()[1]!.content.map(({ type }) => type);
    };
    expect(await typesAfter(cut(messageEvents.thinking('Well', signed), 3))).toEqual([
      'thinking',
      'text',
    ]);
    expect(await typesAfter(cut(messageEvents.text('Some words and more'), 5))).toEqual([
      'text',
      'text',
    ]);
  });

  describe('with tools', () => {
    const weather = defineTool({
      name: 'weather',
      description: 'The weather in a city',
      input,
      run: ({ city }) => concat(of('asking').pipe(delay(1)), of(`Sun in ${city}`).pipe(delay(5))),
    });
    const call = (id: string, name = 'weather') =>
      messageEvents.text('Let me see.').toolUse(name, { city: 'Lyon' }, { id });

    it('runs calls, shows their status, and sends the results', async () => {
      reply(call('a'), messageEvents.text('Sunny.'));
      const conversation = talk({ tools: [weather] });
      const states = statesOf(conversation);
      const events = await received(conversation.send('Weather in Lyon?'));
      expect(events.map(({ type }) => type).filter((type) => /tool|turn/.test(type))).toEqual([
        'tool_start',
        'tool_progress',
        'tool_result',
        'turn_end',
        'turn_end',
      ]);
      const turn = ['sending', 'streaming'];
      expect(changes(states)).toEqual(['idle', ...turn, 'tool', ...turn, 'idle']);
      const calls = states.map((state) => allOf(state)[1]?.blocks[1]?.call);
      expect(calls.filter((one, index) => one !== calls[index - 1])).toMatchObject([
        { status: 'running' },
        { status: 'running', progress: 'asking' },
        { status: 'done', progress: 'asking', result: { content: 'Sun in Lyon' } },
      ]);
      expect(said(conversation)).toEqual(['Weather in Lyon?', 'Let me see.', 'Sunny.']);
      expect(turns().map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
    });

    it('stops calls, and sends an error as their result', async () => {
      reply(call('a', 'slow'), messageEvents.text('Never mind.'));
      let signal: AbortSignal | undefined;
      const slow = defineTool({
        name: 'slow',
        description: 'Takes for ever',
        input,
        run: (_, context) => {
          ({ signal } = context);
          return NEVER;
        },
      });
      const conversation = talk({ tools: [slow] });
      const done = failure(conversation.send('Hi'));
      await until(() => conversation.state.status === 'tool' && signal !== undefined);
      conversation.stop();
      expect(await done).toMatchObject({ code: 'aborted' });
      expect(signal?.aborted).toBe(true);
      expect(conversation.messages[1]).toMatchObject({
        status: 'complete',
        blocks: [{}, { call: { status: 'stopped' } }],
      });
      await received(conversation.send('Stop that'));
      expect(turns()).toMatchObject([
        { content: [text('Hi')] },
        { content: [text('Let me see.'), { type: 'tool_use', id: 'a' }] },
        { content: [{ tool_use_id: 'a', is_error: true }, text('Stop that')] },
      ]);
    });

    it('sends the error of a tool to the model', async () => {
      reply(call('a', 'bad'), messageEvents.text('Sorry.'));
      const bad = defineTool({
        name: 'bad',
        description: 'Fails',
        input,
        run: () => throwError(() => new Error('no')),
      });
      const conversation = talk({ tools: [bad] });
      await received(conversation.send('Hi'));
      const blocks = conversation.messages[1]!.blocks;
      expect(blocks[1]).toMatchObject({ call: { status: 'failed', result: { is_error: true } } });
      expect(turns().at(-1)).toMatchObject({ content: [{ tool_use_id: 'a', is_error: true }] });
    });

    it('continues paused replies of server tools', async () => {
      const found = { type: 'web_search_tool_result', tool_use_id: 'srv_1', content: [] };
      for (const options of [{}, { tools: [weather] }]) {
        reply(
          messageEvents
            .text('Let me search.')
            .serverToolUse('web_search', { query: 'x' }, { id: 'srv_1' })
            .with({
              stopReason: 'pause_turn',
              container: { id: 'box', expires_at: '', skills: [] },
            }),
          messageEvents.block(found).text('Found.'),
          messageEvents.text('Yes'),
        );
        const conversation = talk(options);
        await received(conversation.send('Find it'));
        expect(turns().at(-1)).toMatchObject({ role: 'assistant', content: [{}, { id: 'srv_1' }] });
        expect(http.server.requests.at(-1)!.body.container).toBe('box');
        await received(conversation.send('Thanks'));
        expect(turns()[1]!.content.map(({ type }) => type)).toEqual([
          'text',
          'server_tool_use',
          'web_search_tool_result',
          'text',
        ]);
      }
    });

    it('does not run calls of plain definitions, and accepts their results', async () => {
      reply(call('a'), messageEvents.text('Sunny.'));
      const tools = [{ name: 'weather', input_schema: { type: 'object' as const } }];
      const conversation = talk({}, { tools });
      await received(conversation.send('Hi'));
      expect(conversation.state.status).toBe('idle');
      const wrong = conversation.send([{ type: 'tool_result', tool_use_id: 'b', content: 'x' }]);
      reply(messageEvents.text('?'));
      expect(await received(wrong.pipe(take(1)))).toHaveLength(1);
    });

    it('accepts the results of calls that the caller has run', async () => {
      reply(call('a'), messageEvents.text('Sunny.'));
      const tools = [{ name: 'weather', input_schema: { type: 'object' as const } }];
      const conversation = talk({}, { tools });
      await received(conversation.send('Hi'));
      await received(
        conversation.send([{ type: 'tool_result', tool_use_id: 'a', content: 'Sun' }]),
      );
      expect(turns().at(-1)).toEqual({
        role: 'user',
        content: [{ type: 'tool_result', tool_use_id: 'a', content: 'Sun' }],
      });
      const stray = conversation.send([{ type: 'tool_result', tool_use_id: 'a', content: 'Sun' }]);
      const error = await failure(stray);
      expect(error.message).toMatch(/no call waits for these tool results/);
      expect(said(conversation)).toEqual(['Hi', 'Let me see.', '', 'Sunny.']);
    });

    it('does not run a tool that a compaction reports as withdrawn', async () => {
      const removal = { type: 'tool_removal', tool: { type: 'tool_reference', name: 'weather' } };
      const compaction = { type: 'compaction', content: 'Said', tool_changes: [removal] };
      const messages = [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: [compaction] },
      ];
      const replies = [call('a'), messageEvents.text('No.')];
      const conversation = new Conversation(
        (_, { turn }) => replies[turn - 1]!,
        { ...params, messages } as never,
        { tools: [weather] },
      );
      const events = await received(conversation.send('How is it?'));
      expect(events.filter(({ type }) => type === 'tool_start')).toEqual([]);
      expect(events.find(({ type }) => type === 'tool_result')).toMatchObject({
        status: 'unknown_tool',
      });
      expect(conversation.state.outcome).toBe('end_turn');
    });

    it('sends at most maxTurns requests', async () => {
      reply(call('a'), call('b'));
      const conversation = talk({ tools: [weather], maxTurns: 2 });
      const events = await received(conversation.send('Hi'));
      expect(events.at(-1)).toMatchObject({ type: 'turn_end', outcome: 'max_turns' });
      expect(conversation.state).toMatchObject({ status: 'idle', outcome: 'max_turns' });
      reply(messageEvents.text('Yes'));
      const outcomes: unknown[] = [];
      const states = conversation.state$.subscribe(({ outcome }) => outcomes.push(outcome));
      await received(conversation.send('Well?'));
      states.unsubscribe();
      expect(outcomes.slice(0, 2)).toEqual(['max_turns', undefined]);
      expect(conversation.state.outcome).toBe('end_turn');
      expect(turns().at(-1)).toMatchObject({ content: [{ tool_use_id: 'b' }, text('Well?')] });
    });
  });

  describe('regenerate, edit and fork', () => {
    const talked = async () => {
      reply(messageEvents.text('One'), messageEvents.text('Two'));
      const conversation = talk();
      await received(conversation.send('1'));
      await received(conversation.send('2'));
      return conversation;
    };

    it('sends the last question again', async () => {
      const conversation = await talked();
      reply(messageEvents.text('Too'));
      const [question] = conversation.messages.slice(2);
      await received(conversation.regenerate());
      expect(said(conversation)).toEqual(['1', 'One', '2', 'Too']);
      expect(conversation.messages[2]).toBe(question);
      expect(turns()).toHaveLength(3);
      expect(await failure(talk().regenerate())).toMatchObject({ code: 'request' });
    });

    it('replaces a question, and removes everything after it', async () => {
      const conversation = await talked();
      reply(messageEvents.text('Uno'));
      await received(conversation.edit(0, 'uno'));
      expect(said(conversation)).toEqual(['uno', 'Uno']);
      expect(() => conversation.edit(1, 'x')).toThrow(/message 1 is not a message of the user/);
      expect(() => conversation.edit(7, 'x')).toThrow(TypeError);
      const late = conversation.edit(0, 'x');
      reply(messageEvents.text('Dos'));
      await received(conversation.edit(0, 'dos'));
      expect((await failure(late)).message).toMatch(/the message to edit was removed/);
    });

    it('uses no key twice, also after a reload', async () => {
      const conversation = await talked();
      reply(messageEvents.text('Uno'));
      const document: unknown = JSON.parse(JSON.stringify(conversation));
      const loaded = Conversation.fromJSON(document, http.client, params);
      await received(loaded.edit(0, 'uno'));
      expect(loaded.messages.map(({ key }) => key)).toEqual(['m5', 'm6']);
    });

    it('forks into two independent conversations with the same messages', async () => {
      const conversation = await talked();
      const fork = conversation.fork(2);
      expect(fork.messages).toEqual(conversation.messages.slice(0, 2));
      expect(fork.messages[0]).toBe(conversation.messages[0]);
      reply(messageEvents.text('Zwei'));
      await received(fork.send('zwei'));
      expect(said(fork)).toEqual(['1', 'One', 'zwei', 'Zwei']);
      expect(said(conversation)).toEqual(['1', 'One', '2', 'Two']);
    });

    it('forks a reply that is being written, up to there', async () => {
      reply({
        events: messageEvents.text('Hello wide world', { chunk: 6 }),
        fault: { kind: 'stall', beforeEvent: 3 },
      });
      const conversation = talk();
      const subscription = conversation.send('Hi').subscribe();
      await until(() => said(conversation)[1] === 'Hello ');
      const fork = conversation.fork();
      expect(fork.state).toMatchObject({ status: 'idle' });
      expect(fork.messages[1]).toMatchObject({ status: 'stopped', text: 'Hello ' });
      expect(conversation.messages[1]).toMatchObject({ status: 'streaming' });
      subscription.unsubscribe();
    });
  });

  describe('state$', () => {
    it('replays the latest state, and keeps unchanged parts', async () => {
      reply(messageEvents.text('One'), messageEvents.thinking('Hm', signed).text('Two words'));
      const conversation = talk();
      const states = statesOf(conversation);
      await received(conversation.send('1'));
      await received(conversation.send('2'));
      expect(new Set(states).size).toBe(states.length);
      expect(await firstValueFrom(conversation.state$)).toBe(states.at(-1));
      expect(conversation.state).toBe(states.at(-1));
      const last = states.at(-1)!;
      const all = states.flatMap(allOf);
      // The list of settled messages is the same until one settles.
      expect(new Set(states.map(({ messages }) => messages)).size).toBe(5);
      for (const { key } of last.messages.slice(0, 3)) {
        const finished = all.filter((one) => one.key === key && one.text.length > 2);
        expect(new Set(finished).size).toBeLessThanOrEqual(3);
      }
      const questions = all.filter(({ role }) => role === 'user');
      expect(new Set(questions).size).toBe(2);
      // The thinking is whole while the text grows: the same object, under the same key.
      const thoughts = all
        .filter((one) => one.key === last.messages[3]!.key && one.blocks.length === 2)
        .map(({ blocks }) => blocks[0]);
      expect(thoughts.length).toBeGreaterThan(3);
      expect(new Set(thoughts).size).toBe(1);
    });

    it('gives the replacement of a withdrawn block a new key', async () => {
      const { client } = http;
      const ask = (request: Anthropic.MessageCreateParamsNonStreaming) =>
        fromMessages(client, request);
      reply(
        {
          events: messageEvents.text('Let me see.').toolUse('look', { city: 'Lyon' }),
          fault: { kind: 'end', beforeEvent: 8 },
        },
        messageEvents.text('Well.').toolUse('look', {}, { id: 'b' }),
      );
      const conversation = new Conversation(
        (request) =>
          ask(request).pipe(
            retryResumable({ resume: ({ partial }) => ask(continueFrom(request, partial)) }),
          ),
        params,
      );
      const states = statesOf(conversation);
      await received(conversation.send('Hi'));
      const all = states.flatMap((state): readonly KeyedBlock<{ type: string }>[] =>
        allOf(state)
          .slice(1)
          .flatMap(({ blocks }) => [...blocks]),
      );
      const last = conversation.messages[1]!.blocks.map(({ key }) => key);
      expect(new Set(all.map(({ key }) => key)).size).toBe(4);
      expect(new Set(last).size).toBe(3);
      const withdrawn = all.find(({ block }) => 'id' in block && block.id === 'toolu_1');
      expect(last).not.toContain(withdrawn?.key);
    });

    it('counts the usage and the cost of all replies', async () => {
      const usage = { input_tokens: 1_000, output_tokens: 100, cache_read_input_tokens: 4_000 };
      reply(messageEvents.text('One').with({ usage }), messageEvents.text('Two').with({ usage }));
      const conversation = talk({
        prices: (model) => (model ? { input: 5, output: 25 } : undefined),
      });
      await received(conversation.send('1'));
      await received(conversation.regenerate());
      expect(conversation.state.usage).toEqual({
        input_tokens: 2_000,
        output_tokens: 200,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 8_000,
      });
      expect(conversation.state.cost).toBeCloseTo(0.01 + 0.005 + 0.004);
      expect(talk().state.cost).toBeUndefined();
    });
  });

  describe('countTokens', () => {
    it('counts the next request, with its tools and a draft', async () => {
      reply(messageEvents.text('One'));
      const tool = defineTool({ name: 'look', description: 'Looks', input, run: () => 'x' });
      const conversation = talk({ tools: [tool] }, { system: 'Be brief' });
      const draft = await firstValueFrom(conversation.countTokens('1'));
      await received(conversation.send('1'));
      expect(http.server.requests[0]).toMatchObject({ path: '/v1/messages/count_tokens' });
      const { messages, system, tools } = http.server.requests[1]!.body;
      expect(http.server.requests[0]!.body).toEqual({
        model: params.model,
        messages,
        system,
        tools,
      });
      const later = await firstValueFrom(conversation.countTokens());
      expect(later).toBeGreaterThan(draft);
    });

    it('needs a client with countTokens', async () => {
      const request = () => NEVER as Observable<StreamEvent>;
      expect(() => new Conversation(request, params).countTokens()).toThrow(/option `client`/);
      const { client } = http;
      const counted = new Conversation(request, params, { client }).countTokens('Hi');
      expect(await firstValueFrom(counted)).toBeGreaterThan(5);
      expect(await failure(talk().countTokens())).toMatchObject({ code: 'request', status: 400 });
    });
  });

  describe('without streaming', () => {
    it('emits the same events from one reply', async () => {
      const answer = messageEvents.thinking('Hm', signed).text('Hello', { chunk: Infinity });
      reply(answer, answer);
      const streamed = await received(talk().send('Hi'));
      const conversation = talk({ stream: false });
      const whole = await received(conversation.send('Hi'));
      expect(http.server.requests[1]!.body.stream).toBe(false);
      expect(whole.map(({ type }) => type)).toEqual(streamed.map(({ type }) => type));
      expect(said(conversation)).toEqual(['Hi', 'Hello']);
    });
  });

  it.each<[string, () => unknown, RegExp]>([
    ['no client', () => new Conversation({} as never, params), /pass an SDK client/],
    ['nothing', () => new Conversation(undefined as never, params), /pass an SDK client/],
    [
      'tools in two places',
      () => talk({ tools: [] }, { tools: [] }),
      /pass all tools.*in the option `tools`/,
    ],
    ['an invalid limit', () => talk({ maxHistoryTokens: 0 }), /`maxHistoryTokens` must be/],
    [
      'an invalid cache',
      () => talk({ cache: '1d' as never }),
      /`cache` must be '5m' or '1h' or false/,
    ],
    ['invalid options of tools', () => talk({ concurrency: 0 }), /`concurrency` must be/],
    [
      'a history that begins with an answer',
      () => talk({}, { messages: [{ role: 'assistant', content: 'Hi' }] }),
      /params\.messages\[0\]\.role: the first message must be the user's/,
    ],
    [
      'a history with a block that is not valid',
      () => talk({}, { messages: [{ role: 'user', content: [{ type: 'text' } as never] }] }),
      /params\.messages\[0\]\.content\[0\]\.text: must be a string/,
    ],
  ])('refuses %s', (_, make, problem) => {
    expect(make).toThrow(TypeError);
    expect(make).toThrow(problem);
  });
});
