import { verifyEvents } from '@ag-ui/client';
import type { Message, RunAgentInput } from '@ag-ui/core';
import type Anthropic from '@anthropic-ai/sdk';
import type { StreamEvent } from 'claude-rx';
import { type AgUiEvent, fromRunInput, toAgUi } from 'claude-rx/ag-ui';
import { defineTool, runTools, type RunToolsOptions } from 'claude-rx/tools';
import {
  concat,
  defer,
  from,
  lastValueFrom,
  type Observable,
  of,
  take,
  throwError,
  toArray,
} from 'rxjs';
import { expect } from 'vitest';
import { z } from 'zod';
import type { RequestBody } from '../../src/testing/RequestBody.ts';
import { requestProblems } from '../../src/testing/requestProblems.ts';
import { SaidBefore } from '../../src/testing/SaidBefore.ts';
import { pageOf, reduced, runPage, user } from './agUiPage.ts';
import { seeded } from './continuingModel.ts';
import { pick, type Random, randomReply } from './randomReply.ts';

/** What happened, to be printed. */
export interface AgUiTally {
  cases: number;
  requests: number;
  /** The thinking and redacted thinking that was sent back. */
  thoughts: number;
  actions: Record<string, number>;
  endings: Record<string, number>;
}

/** At most so many runs has a page. */
const RUNS = 3;
/** Each so manieth run is made by the real client too, which has to have the same messages. */
const COMPARED = 400;

/**
 * Runs pages, each as its seed says, against all that the strict server checks. Throws for the first of
 * whose requests it would refuse one, or whose events AG-UI's verifier refuses.
 */
export async function runAgUiPages(seeds: readonly number[]): Promise<AgUiTally> {
  const tally: AgUiTally = { cases: 0, requests: 0, thoughts: 0, actions: {}, endings: {} };
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
  readonly #tally: AgUiTally;
  readonly #said = new SaidBefore();
  readonly #thinks: boolean;
  #messages: Message[] = [user('Hi', 'u0')];
  #count = 0;
  #runs = 0;

  constructor(seed: number, tally: AgUiTally) {
    this.#seed = seed;
    this.#random = seeded(seed * 1_000);
    this.#tally = tally;
    this.#thinks = this.#random() < 0.6;
  }

  async run(): Promise<void> {
    const length = 1 + Math.floor(this.#random() * RUNS);
    for (let index = 0; index < length; index++) {
      if (index > 0) this.#act();
      await this.#submit();
    }
  }

  /** What the user of the page does before the next run. */
  #act(): void {
    const random = this.#random;
    const what = random();
    const says = user(pick(random, ['So? ', 'half \ud83d', '.']), `u${this.#runs}`);
    if (what < 0.15) {
      this.#note('run again');
      return;
    }
    if (what < 0.3) {
      this.#note('edit and regenerate');
      const isUser = ({ role }: Message) => role === 'user';
      const users = this.#messages.flatMap((one, index) => (isUser(one) ? [index] : []));
      this.#messages = [...this.#messages.slice(0, pick(random, users)), says];
      return;
    }
    this.#messages.push(says);
    const place = Math.floor(random() * this.#messages.length);
    if (what < 0.35) {
      this.#note('change any message');
      this.#messages = this.#messages.map((one, index) => (index === place ? changed(one) : one));
    } else if (what < 0.4) {
      this.#note('delete any message');
      this.#messages = this.#messages.filter((_, index) => index !== place || index === 0);
    } else {
      this.#note('say');
    }
  }

  /** Sends all messages as JSON, as a client does, and takes the events in. */
  async #submit(): Promise<void> {
    const random = this.#random;
    const runId = `r${this.#runs++}`;
    const input: RunAgentInput = JSON.parse(
      JSON.stringify({ threadId: 't', runId, messages: this.#messages, tools: [], context: [] }),
    );
    const { messages } = fromRunInput(input);
    const thinking = this.#thinks ? { thinking: { type: 'adaptive' } } : {};
    const params = { model: 'claude-opus-5-5', max_tokens: 1_000, messages, ...thinking };
    const loop = runTools<StreamEvent, { messages: object[] }>(
      (body) => defer(() => this.#reply(body as unknown as RequestBody)),
      params,
      { tools: TOOLS, maxTurns: 2, eager: random() < 0.5 },
    );
    const events$ = loop.pipe(toAgUi(input, { errorText: ({ message }) => message }));
    // The page may lose its connection.
    const length = random() < 0.8 ? Infinity : 1 + Math.floor(random() * 30);
    const all = await lastValueFrom(
      events$.pipe(take(length), verifyEvents() as never, toArray<AgUiEvent>()),
    );
    const events = JSON.parse(JSON.stringify(all)) as AgUiEvent[];
    const last = events.at(-1)!;
    const ending = last.type === 'RUN_ERROR' ? `error ${last.code}` : String(last.type);
    this.#tally.endings[ending] = (this.#tally.endings[ending] ?? 0) + 1;
    if (last.type === 'RUN_ERROR') expect(last.message).toMatch(/: lost$|^Input of/);
    else if (length === Infinity) expect(last.type).toBe('RUN_FINISHED');
    const before = this.#messages;
    this.#messages = reduced(before, events);
    if ((this.#seed + this.#runs) % COMPARED > 0) return;
    const page = await runPage(pageOf(() => from(events), before));
    expect(page.messages).toEqual(this.#messages);
  }

  #reply(body: RequestBody): Observable<StreamEvent> {
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

function changed(message: Message): Message {
  if (message.role === 'reasoning') return { ...message, content: 'Changed' };
  return { ...message, content: 'Changed' } as Message;
}

const TOOLS: RunToolsOptions['tools'] = tools();

function tools(): RunToolsOptions['tools'] {
  const input = z.object({ value: z.string() });
  const description = 'For a test';
  const image = { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } };
  return [
    defineTool({ name: 'look', description, input, run: ({ value }) => value }),
    defineTool({ name: 'slow', description, input, run: () => of('one', { ok: [1, 'two'] }) }),
    defineTool({ name: 'fail', description, input, run: () => throwError(() => new Error('no')) }),
    defineTool({ name: 'empty', description, input, run: () => undefined }),
    defineTool({
      name: 'ask',
      description,
      input,
      run: ({ value }) => [{ type: 'text', text: value }, image],
    }),
  ];
}
