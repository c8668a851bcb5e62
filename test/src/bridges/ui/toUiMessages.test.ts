import {
  type AnyStreamEvent,
  type BetaStreamEvent,
  errorEvent,
  finalMessage,
  fromMessages,
  MessageStreamError,
  pipeToResponse,
  retryResumable,
  continueFrom,
  type StreamEvent,
  takeUntilAborted,
} from 'claude-rx';
import { createRelay } from 'claude-rx/relay';
import { messageEvents } from 'claude-rx/testing';
import { defineTool, runTools, type RunToolsOptions } from 'claude-rx/tools';
import { toUiMessages, UI_MESSAGE_SSE, type UiMessageChunk } from 'claude-rx/ui';
import type { RequestListener } from 'node:http';
import {
  concat,
  concatMap,
  EMPTY,
  from,
  lastValueFrom,
  map,
  NEVER,
  type Observable,
  of,
  Subject,
  take,
  throwError,
  timer,
  toArray,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { drawn } from '../../../diagrams/drawn.ts';
import { mergeAdjacent } from '../../../../src/message/mergeAdjacent.ts';
import { useHttpServers } from '../../../support/httpServers.ts';
import { testScheduler } from '../../../support/marbles.ts';
import { contentOfBlocks, contentOfUiMessage } from '../../../support/pageContent.ts';
import { recordings, repliesOf } from '../../../support/recordings.ts';
import { expectPageOfFault, faultKinds, faultsOf } from '../../../support/replyFaults.ts';
import { params, received, until, useServer } from '../../../support/server.ts';
import { readChunks, readPage } from '../../../support/uiPage.ts';

const chunksOf = (events: Iterable<AnyStreamEvent>): Promise<UiMessageChunk[]> =>
  received(from(events).pipe(toUiMessages()));
const hello = Array.from(messageEvents.text('Hello', { chunk: 3 }));
const types = (chunks: readonly UiMessageChunk[]) => chunks.map(({ type }) => type);

/** Joins several deltas of a long recording: the AI SDK copies the whole message for each delta. */
function shortened(events: readonly BetaStreamEvent[]): BetaStreamEvent[] {
  const most = Math.ceil(events.length / 100);
  const short: BetaStreamEvent[] = [];
  let count = 0;
  for (const event of events) {
    const merged =
      count < most && short.length > 0 ? mergeAdjacent(short.at(-1)!, event) : undefined;
    if (merged === undefined) {
      short.push(event);
      count = 0;
    } else {
      short[short.length - 1] = merged;
      count++;
    }
  }
  return short;
}

describe('toUiMessages', () => {
  it(
    'writes each event at once, and how the reply ended',
    drawn('toUiMessages', () =>
      testScheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
        const [m, begin, a, b, end, x, S] = hello;
        const events = { m, '[': begin, a, b, ']': end, x, S } as Record<string, AnyStreamEvent>;
        const chunks = {
          s: { type: 'start', messageId: expect.any(String) },
          t: { type: 'start-step' },
          u: { type: 'text-start', id: '0' },
          a: { type: 'text-delta', id: '0', delta: 'Hel' },
          b: { type: 'text-delta', id: '0', delta: 'lo' },
          v: { type: 'text-end', id: '0' },
          f: { type: 'finish-step' },
          F: { type: 'finish', finishReason: 'stop' },
        };
        const source = cold('--m---[-a-b-]-x-S|', events);
        const result = '     --(st)u-a-b-v---f(F|)';
        expectObservable(source.pipe(toUiMessages())).toBe(result, chunks);
        expectSubscriptions(source.subscriptions).toBe('^----------------!');
      }),
    ),
  );

  it('writes a reply as a message with one step', async () => {
    const events = messageEvents.ping().thinking('Hm', { signature: 's1' }).text('Hi');
    expect(await chunksOf(events)).toEqual([
      { type: 'start', messageId: expect.stringMatching(/^msg_/) },
      { type: 'start-step' },
      { type: 'reasoning-start', id: '0' },
      { type: 'reasoning-delta', id: '0', delta: 'Hm' },
      { type: 'reasoning-end', id: '0', providerMetadata: { anthropic: { signature: 's1' } } },
      { type: 'text-start', id: '1' },
      { type: 'text-delta', id: '1', delta: 'Hi' },
      { type: 'text-end', id: '1' },
      { type: 'finish-step' },
      { type: 'finish', finishReason: 'stop' },
    ]);
  });

  it('writes a call, which is available when it is proven complete', async () => {
    const events = messageEvents.toolUse('look', { at: 'x' }, { id: 't1', chunk: 5 });
    const chunks = await chunksOf(events);
    const call = { toolCallId: 't1', toolName: 'look', dynamic: true };
    const direct = { providerMetadata: { anthropic: { caller: { type: 'direct' } } } };
    expect(chunks.filter(({ type }) => type.startsWith('tool'))).toEqual([
      { type: 'tool-input-start', ...call, ...direct },
      { type: 'tool-input-delta', toolCallId: 't1', inputTextDelta: '{"at"' },
      { type: 'tool-input-delta', toolCallId: 't1', inputTextDelta: ':"x"}' },
      { type: 'tool-input-available', ...call, input: { at: 'x' } },
    ]);
    expect(chunks.at(-1)).toEqual({ type: 'finish', finishReason: 'tool-calls' });
    const fixed = await received(from(events).pipe(toUiMessages({ dynamic: false })));
    expect(fixed[2]).toEqual({
      type: 'tool-input-start',
      toolCallId: 't1',
      toolName: 'look',
      ...direct,
    });
  });

  it.each(['max_tokens', 'end_turn'])('makes no call available at %s', async (stopReason) => {
    const events = messageEvents.toolUse('look', { at: 'x' }).with({ stopReason });
    const { message, errors } = await readChunks(from(events).pipe(toUiMessages()));
    expect(errors).toEqual([]);
    expect(message.parts.at(-1)).toMatchObject({ type: 'dynamic-tool', state: 'input-streaming' });
  });

  it.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['refusal', 'content-filter'],
    ['pause_turn', 'other'],
    ['new', 'other'],
  ])('finishes a reply that stopped at %s with %s', async (stopReason, finishReason) => {
    const chunks = await chunksOf(messageEvents.text('a').with({ stopReason }));
    expect(chunks.at(-1)).toEqual({ type: 'finish', finishReason });
  });

  it('gives the message the id and the metadata of the options', async () => {
    const metadata = ({ message }: { message: { model?: unknown } }) => ({ model: message.model });
    const page = await readChunks(from(hello).pipe(toUiMessages({ messageId: 'm7', metadata })));
    expect(page.message).toMatchObject({ id: 'm7', metadata: { model: 'claude-opus-5-5' } });
  });

  it('leaves out pings, notices and unknown events, and keeps unknown blocks for the way back', async () => {
    const block = { type: 'from_the_future', content: [1] };
    const events = [...messageEvents.text('a').block(block)];
    const strange = [
      { type: 'notice', kind: 'x', text: 'secret' },
      { type: 'unheard_of', index: 0, text: 'secret' },
      { type: 'content_block_delta', index: 0, delta: { type: 'new_delta', text: 'secret' } },
    ] as unknown as StreamEvent[];
    events.splice(2, 0, ...strange, { type: 'ping' });
    const { message, errors, chunks } = await readChunks(from(events).pipe(toUiMessages()));
    expect(errors).toEqual([]);
    expect(JSON.stringify(chunks)).not.toContain('secret');
    expect(message.parts.slice(1)).toEqual([
      { type: 'text', text: 'a', state: 'done', providerMetadata: undefined },
      { type: 'data-claude-block', data: block },
    ]);
  });

  it('writes text that continues after its end as another part', async () => {
    const late = {
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'text_delta', text: '!' },
    };
    const events = [...hello.slice(0, -2), late as StreamEvent, ...hello.slice(-2)];
    const { message, errors } = await readChunks(from(events).pipe(toUiMessages()));
    expect(errors).toEqual([]);
    expect(contentOfUiMessage(message).text).toBe('Hello!');
    expect(message.parts.at(-1)).toMatchObject({ state: 'done' });
  });

  it('unsubscribes from the source at the chunk at which the reader leaves', async () => {
    let emitted = 0;
    const source = from(hello).pipe(map((event) => (emitted++, event)));
    expect(await received(source.pipe(toUiMessages(), take(3)))).toHaveLength(3);
    expect(emitted).toBe(2);
  });

  it('survives a reader that leaves at the last chunk', async () => {
    for (const source of [from(hello), EMPTY]) {
      const all = await received(source.pipe(toUiMessages()));
      const left = source.pipe(toUiMessages(), take(all.length));
      expect(await received(left)).toHaveLength(all.length);
    }
  });

  it.each([
    [{ messageId: '' }, /messageId must be the id/],
    [{ dynamic: 1 }, /dynamic must be a boolean/],
    [{ metadata: {} }, /metadata must be a function/],
    [{ errorText: 'x' }, /errorText must be a function/],
    [null, /pass an object of options/],
  ])('refuses %j when it is called', (config, message) => {
    expect(() => toUiMessages(config as never)).toThrow(message);
  });

  describe('with each recording', () => {
    const replies = recordings.flatMap((recording) =>
      repliesOf(recording).map((events, index) => ({ name: `${recording.name} ${index}`, events })),
    );

    it.each(replies)('gives a page what finalMessage has: $name', async ({ events }) => {
      const source = from(shortened(events));
      const whole = await lastValueFrom(source.pipe(finalMessage()));
      const { message, errors } = await readChunks(source.pipe(toUiMessages()));
      expect(errors).toEqual([]);
      expect(contentOfUiMessage(message)).toEqual(contentOfBlocks(whole.content));
    });
  });

  describe('endings', () => {
    const secret = new MessageStreamError('db-7.internal said no', { code: 'connection' });

    it('masks an error, and ends with it', async () => {
      const events = hello.slice(0, 3);
      const broken = concat(
        from(events),
        throwError(() => secret),
      );
      const chunks = await received(broken.pipe(toUiMessages()));
      expect(chunks.at(-1)).toEqual({
        type: 'error',
        errorText: 'The connection to the model was lost.',
      });
      const told = await received(broken.pipe(toUiMessages({ errorText: ({ code }) => code })));
      expect(told.at(-1)).toEqual({ type: 'error', errorText: 'connection' });
    });

    it.each<[string, Observable<AnyStreamEvent>, string]>([
      ['a source that just ends', from(hello.slice(0, 4)), 'The reply was cut off.'],
      ['nothing at all', EMPTY, 'The reply was cut off.'],
      [
        'an error that arrives as an event',
        of(errorEvent(secret)) as never,
        'The connection to the model was lost.',
      ],
      ['any thrown value', throwError(() => ({ odd: true })), 'Something went wrong.'],
    ])('says that %s is no good end', async (_, source, errorText) => {
      const page = await readChunks(source.pipe(toUiMessages()));
      expect(page.errors).toEqual([errorText]);
      expect(page.chunks[0]?.type).toBe('start');
    });

    it('says that a loop between two turns is not over', async () => {
      const loop = looped(messageEvents.toolUse('look', { at: 'x' }), messageEvents.text('Done'));
      const events = await received(loop);
      const end = events.findIndex(({ type }) => type === 'turn_end');
      expect((await chunksOf(events.slice(0, end + 1))).at(-1)).toMatchObject({ type: 'error' });
      expect((await chunksOf(events)).at(-1)).toMatchObject({ type: 'finish' });
    });

    it('ends with an abort chunk after a stop', async () => {
      const controller = new AbortController();
      const stopped = concat(from(hello.slice(0, 3)), NEVER).pipe(
        takeUntilAborted(controller.signal),
        toUiMessages(),
        toArray(),
      );
      const chunks = lastValueFrom(stopped);
      controller.abort(new Error('by user 17'));
      expect((await chunks).at(-1)).toEqual({ type: 'abort', reason: 'The reply was stopped.' });
    });

    it('reports what `metadata` throws as an error', async () => {
      const fail = () => {
        throw new Error('secret');
      };
      const page = await readChunks(from(hello).pipe(toUiMessages({ metadata: fail })));
      expect(page.errors).toEqual(['Something went wrong.']);
    });
  });

  describe('a reply that breaks and is carried on', () => {
    const seam = (keep: number): AnyStreamEvent => ({
      type: 'resume',
      attempt: 2,
      keep,
      error: new MessageStreamError('lost', { code: 'connection' }),
    });
    const delta = (index: number, text: string) =>
      ({ type: 'content_block_delta', index, delta: { type: 'text_delta', text } }) as StreamEvent;

    it('resets the step, and sends the kept content again', async () => {
      const start = [...messageEvents.thinking('Hm', { signature: 's' }).text('Hel')].slice(0, -3);
      const call = [...messageEvents.toolUse('look', { a: 1 })].slice(1, 3);
      const begun = call.map((event) => ({ ...event, index: 2 })) as StreamEvent[];
      const rest = [delta(1, 'lo'), ...hello.slice(-3).map((e) => ({ ...e, index: 1 }))];
      const events = [...start, ...begun, seam(2), ...(rest as StreamEvent[])];
      const chunks = await chunksOf(events);
      const reset = types(chunks).indexOf('reset-step');
      expect(types(chunks).slice(reset)).toEqual([
        'reset-step',
        'reasoning-start',
        'reasoning-delta',
        'reasoning-end',
        'text-start',
        'text-delta',
        'text-delta',
        'text-end',
        'data-claude-turn',
        'finish-step',
        'finish',
      ]);
      const { message, errors } = await readChunks(from(events).pipe(toUiMessages()));
      expect(errors).toEqual([]);
      expect(contentOfUiMessage(message)).toMatchObject({
        text: 'Hello',
        reasoning: 'Hm',
        calls: [],
      });
    });

    it('starts again if another message comes before the end', async () => {
      const other = messageEvents.text('Bye').with({ id: 'msg_other' });
      const page = await readChunks(from([...hello.slice(0, 4), ...other]).pipe(toUiMessages()));
      expect(page.errors).toEqual([]);
      expect(contentOfUiMessage(page.message).text).toBe('Bye');
    });
  });

  describe('a loop of tools', () => {
    it('shows each turn as a step, and what becomes of calls', async () => {
      const loop = looped(
        messageEvents
          .toolUse('look', { at: 'a' }, { id: 't1' })
          .toolUse('fail', {}, { id: 't2' })
          .toolUse('deny', {}, { id: 't3' })
          .toolUse('nobody', {}, { id: 't4' })
          .toolUse('look', { at: 7 }, { id: 't5' })
          .toolUse('list', {}, { id: 't6' }),
        messageEvents.text('Done'),
      );
      const { message, errors, chunks } = await readChunks(loop.pipe(toUiMessages()));
      expect(errors).toEqual([]);
      const parts = message.parts.filter(({ type }) => type === 'dynamic-tool');
      expect(parts).toMatchObject([
        { toolCallId: 't1', state: 'output-available', output: 'at a', preliminary: undefined },
        { toolCallId: 't2', state: 'output-error', errorText: 'Error: broken' },
        { toolCallId: 't3', state: 'output-denied', approval: { approved: false, reason: 'no' } },
        { toolCallId: 't4', state: 'output-error' },
        { toolCallId: 't5', state: 'output-error', input: { at: 7 } },
        { toolCallId: 't6', state: 'output-available', output: [{ n: 1 }] },
      ]);
      expect(message.parts.filter(({ type }) => type === 'step-start')).toHaveLength(2);
      expect(chunks.filter((chunk) => 'preliminary' in chunk)).toMatchObject([
        { toolCallId: 't1', output: 'half' },
      ]);
      expect(JSON.stringify(chunks)).not.toContain('of this process');
    });
  });

  describe('over HTTP', () => {
    const http = useServer();
    const listen = useHttpServers();
    const serve = async (listener: RequestListener) => (await listen(listener)).url;
    const service = (reply$: () => Observable<AnyStreamEvent>) =>
      serve((_, response) => {
        pipeToResponse(reply$().pipe(toUiMessages()), response, UI_MESSAGE_SSE);
      });

    it.each(faultKinds)(
      'shows what had arrived, and how it ended, after the fault %s',
      async (kind) => {
        for (const fault of faultsOf(kind)) {
          await expectPageOfFault(http, fault, async (reply$) => {
            const { message, errors } = await readPage(undefined, await service(() => reply$));
            return { content: contentOfUiMessage(message), isError: errors.length > 0 };
          });
        }
      },
    );

    it('shows a reply that was carried on as one', async () => {
      const rest = messageEvents.text(' world');
      const events = messageEvents.thinking('Hm').text('Hello wide world', { chunk: 4 });
      http.server.reply({ events, fault: { kind: 'rst', beforeEvent: 8 } }, rest);
      const ask = () =>
        fromMessages(http.client, params).pipe(
          retryResumable({
            resume: ({ partial }) => fromMessages(http.client, continueFrom(params, partial)),
            delay: 0,
          }),
        );
      const page = await readPage(undefined, await service(ask));
      expect(page.errors).toEqual([]);
      expect(types(page.chunks as UiMessageChunk[])).toContain('reset-step');
      expect(contentOfUiMessage(page.message).text).toMatch(/^Hello.* world$/);
    });

    it('has the headers and the last frame of the wire', async () => {
      const api = await service(() => from(hello));
      const response = await fetch(api);
      expect(response.headers.get('x-vercel-ai-ui-message-stream')).toBe('v1');
      expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
      const body = await response.text();
      expect(body.endsWith('data: [DONE]\n\n')).toBe(true);
      for (const line of body.split('\n')) expect(line).toMatch(/^(data: .*)?$/);
    });

    it('is an error for the page where the service ends it while the page is there', async () => {
      const reply$ = new Subject<StreamEvent>();
      let end!: () => void;
      const api = await serve((_, response) => {
        const chunks$ = reply$.pipe(toUiMessages());
        const subscription = pipeToResponse(chunks$, response, UI_MESSAGE_SSE);
        end = () => subscription.unsubscribe();
      });
      const page = readPage(undefined, api);
      await until(() => reply$.observed);
      for (const event of hello.slice(0, 4)) reply$.next(event);
      await new Promise((resolve) => setTimeout(resolve, 5));
      end();
      expect((await page).errors).toEqual(['The reply was stopped.']);
    });

    it('follows a reply of the relay from its start, and states its stop', async () => {
      const relay = createRelay();
      const source = new Subject<StreamEvent>();
      const { id } = await relay.publish(source);
      const api = await service(() => relay.follow(id).pipe(map(({ event }) => event)));
      let seen = 0;
      const watched = relay.follow(id).subscribe({ next: () => seen++, error: () => {} });
      for (const event of hello.slice(0, 3)) source.next(event);
      await until(() => seen === 3);
      const page = readPage(undefined, api);
      await relay.stop(id, 'by user 17');
      const { chunks, message } = await page;
      expect(chunks.at(-1)).toEqual({ type: 'abort', reason: 'The reply was stopped.' });
      expect(contentOfUiMessage(message).text).toBe('Hel');
      watched.unsubscribe();
      await relay.close();
    });
  });
});

const input = z.object({ at: z.string().optional() });
const TOOLS: RunToolsOptions['tools'] = [
  defineTool({
    name: 'look',
    description: 'For a test',
    input: z.object({ at: z.string() }),
    run: ({ at }) => concat(of('half'), timer(1).pipe(map(() => `at ${at}`))),
  }),
  defineTool({
    name: 'fail',
    description: 'For a test',
    input,
    run: () => throwError(() => new Error('broken', { cause: 'of this process' })),
  }),
  defineTool({ name: 'deny', description: 'For a test', input, run: () => 'never' }),
  defineTool({ name: 'list', description: 'For a test', input, run: () => [{ n: 1 }] }),
];

function looped(...replies: Iterable<StreamEvent>[]): Observable<AnyStreamEvent> {
  const queue = [...replies];
  return runTools<StreamEvent, { messages: object[] }>(
    () => from(queue.shift()!),
    { messages: [{ role: 'user', content: 'Hi' }] },
    {
      tools: TOOLS,
      approve: ({ name }) =>
        of({ approved: name !== 'deny', reason: 'no' }).pipe(concatMap((a) => of(a))),
    },
  );
}
