import type Anthropic from '@anthropic-ai/sdk';
import type { UIMessage } from 'ai';
import type { StreamEvent } from 'claude-rx';
import { defineTool, runTools, type RunToolsOptions } from 'claude-rx/tools';
import { fromUiMessages, toUiMessages, type UiMessageChunk } from 'claude-rx/ui';
import { concat, defer, from, lastValueFrom, of, take, throwError, toArray } from 'rxjs';
import { expect } from 'vitest';
import { z } from 'zod';
import type { RequestBody } from '../../src/testing/RequestBody.ts';
import { requestProblems } from '../../src/testing/requestProblems.ts';
import { SaidBefore } from '../../src/testing/SaidBefore.ts';
import { seeded } from './continuingModel.ts';
import { pick, type Random, randomReply, words } from './randomReply.ts';
import { readStream } from './uiPage.ts';

/** What happened, to be printed. */
export interface UiTally {
  cases: number;
  requests: number;
  /** The thinking and redacted thinking that was sent back. */
  thoughts: number;
  actions: Record<string, number>;
}

/**
 * Runs pages with the AI SDK's own reader, each as its seed says, against all that the strict server
 * checks. Throws for the first of whose requests it would refuse one.
 */
export async function runPages(seeds: readonly number[]): Promise<UiTally> {
  const tally: UiTally = { cases: 0, requests: 0, thoughts: 0, actions: {} };
  for (const seed of seeds) {
    try {
      await new Page(seed, tally).run();
    } catch (error) {
      throw new Error(`${(error as Error).message}\nin the case of seed ${seed}`, { cause: error });
    }
    tally.cases++;
  }
  return tally;
}

class Page {
  readonly #seed: number;
  readonly #random: Random;
  readonly #tally: UiTally;
  readonly #said = new SaidBefore();
  readonly #thinks: boolean;
  #messages: UIMessage[] = [];
  #count = 0;

  constructor(seed: number, tally: UiTally) {
    this.#seed = seed;
    this.#random = seeded(seed * 1_000);
    this.#tally = tally;
    this.#thinks = this.#random() < 0.6;
  }

  async run(): Promise<void> {
    const length = this.#random() < 0.8 ? 2 : 4;
    for (let index = 0; index < length; index++) await this.#act();
  }

  async #act(): Promise<void> {
    const random = this.#random;
    const last = this.#messages.at(-1);
    const what = random();
    if (last?.role === 'assistant' && what < 0.15) {
      this.#note('regenerate');
      this.#messages.pop();
    } else if (last && what < 0.25) {
      this.#note('edit');
      const users = this.#messages.flatMap(({ role }, index) => (role === 'user' ? [index] : []));
      this.#messages.length = pick(random, users);
      this.#ask();
    } else {
      this.#note('send');
      this.#ask();
    }
    await this.#submit();
  }

  #ask(): void {
    const text = {
      type: 'text' as const,
      text: pick(this.#random, ['Hi', 'So? ', 'half \ud83d', '']),
    };
    const image = 'data:image/png;base64,aGk=';
    const file = { type: 'file' as const, mediaType: 'image/png', url: image };
    const parts =
      this.#random() < 0.1 ? [file, text] : [text, { type: 'text' as const, text: '.' }];
    this.#messages.push({ id: `u${this.#messages.length}`, role: 'user', parts });
  }

  /** Sends all messages as JSON, as a transport does, and takes the answer in. */
  async #submit(): Promise<void> {
    const random = this.#random;
    const sent = JSON.parse(JSON.stringify(this.#messages)) as UIMessage[];
    const { messages, messageId } = fromUiMessages(sent);
    const params = { model: 'claude-opus-5-5', max_tokens: 1_000, messages, ...this.#thinking() };
    const loop = runTools<StreamEvent, { messages: object[] }>(
      (body) => defer(() => this.#reply(body as unknown as RequestBody)),
      params,
      { tools: TOOLS, maxTurns: 2, eager: random() < 0.5 },
    );
    const chunks$ = loop.pipe(toUiMessages({ messageId, errorText: ({ message }) => message }));
    // The page stops, or its connection is lost.
    const length = random() < 0.7 ? Infinity : Math.floor(random() * 30);
    const chunks = await lastValueFrom(chunks$.pipe(take(length), toArray<UiMessageChunk>()));
    const refused = chunks.find(({ type }) => type === 'error');
    if (refused)
      expect(refused).toMatchObject({ errorText: expect.stringMatching(/: lost$|^Input of/) });
    const page = await readStream(streamOf(joined(chunks)) as never);
    if (!refused) expect(page.errors).toEqual([]);
    if (page.message.parts.length > 0) this.#messages.push(page.message);
  }

  #thinking(): object {
    return this.#thinks ? { thinking: { type: 'adaptive' } } : {};
  }

  #reply(body: RequestBody) {
    this.#tally.requests++;
    const problems = requestProblems(body, { said: this.#said });
    if (problems.length > 0) return throwError(() => new Error(problems.join('\n')));
    const blocks = body.messages.flatMap(({ content }) => (Array.isArray(content) ? content : []));
    this.#tally.thoughts += blocks.filter(({ type }) => type.endsWith('thinking')).length;
    const ids = `${this.#seed}_${++this.#count}`;
    const random = seeded(this.#seed * 1_000 + this.#count);
    const { events } = randomReply(random, ids, body.messages as Anthropic.MessageParam[]);
    const heard = from(this.#said.listen(events, body));
    if (random() < 0.9) return heard;
    const lost = throwError(() => new Error('lost'));
    return concat(heard.pipe(take(1 + Math.floor(random() * 20))), lost);
  }

  #note(name: string): void {
    this.#tally.actions[name] = (this.#tally.actions[name] ?? 0) + 1;
  }
}

/** Texts that follow each other as one: the AI SDK copies the whole message for each of them. */
function joined(chunks: readonly UiMessageChunk[]): UiMessageChunk[] {
  const all: UiMessageChunk[] = [];
  for (const chunk of chunks) {
    const last = all.at(-1);
    if (last && 'delta' in last && 'delta' in chunk && last.id === chunk.id)
      all[all.length - 1] = { ...last, delta: last.delta + chunk.delta };
    else if (
      last?.type === 'tool-input-delta' &&
      chunk.type === last.type &&
      chunk.toolCallId === last.toolCallId
    )
      all[all.length - 1] = { ...last, inputTextDelta: last.inputTextDelta + chunk.inputTextDelta };
    else all.push(chunk);
  }
  return all;
}

function streamOf<T>(values: readonly T[]): ReadableStream<T> {
  return new ReadableStream({
    start(controller) {
      for (const value of values) controller.enqueue(value);
      controller.close();
    },
  });
}

const TOOLS: RunToolsOptions['tools'] = tools();

function tools(): RunToolsOptions['tools'] {
  const input = z.object({ value: z.string() });
  const description = 'For a test';
  return [
    defineTool({ name: 'look', description, input, run: ({ value }) => value }),
    defineTool({ name: 'slow', description, input, run: () => of('one', { ok: [1, 'two'] }) }),
    defineTool({ name: 'fail', description, input, run: () => throwError(() => new Error('no')) }),
    defineTool({ name: 'empty', description, input, run: () => undefined }),
    defineTool({
      name: 'ask',
      description,
      input,
      run: () => [{ type: 'text', text: words(seeded(1)) }],
    }),
  ];
}
