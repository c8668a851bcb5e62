import type Anthropic from '@anthropic-ai/sdk';
import type { AnyStreamEvent, StreamEvent } from 'claude-rx';
import { defineTool, runTools, type RunToolsOptions, type ToolAnswer } from 'claude-rx/tools';
import { concat, defer, from, type Observable, of, take, throwError } from 'rxjs';
import { expect, it } from 'vitest';
import { z } from 'zod';
import type { RequestBody } from '../../src/testing/RequestBody.ts';
import { requestProblems } from '../../src/testing/requestProblems.ts';
import { SaidBefore } from '../../src/testing/SaidBefore.ts';
import { seeded } from './continuingModel.ts';
import { type Random, randomReply } from './randomReply.ts';

/** What happened, to be printed. */
export interface PageTally {
  cases: number;
  requests: number;
  /** The thinking and redacted thinking that was sent back. */
  thoughts: number;
  actions: Record<string, number>;
  endings: Record<string, number>;
}

/**
 * A page whose user does anything at all, with a model that says anything at all, against all that the
 * strict server checks.
 */
export abstract class RandomPage {
  protected readonly seed: number;
  protected readonly random: Random;
  readonly #tally: PageTally;
  readonly #said = new SaidBefore();
  readonly #thinks: boolean;
  #count = 0;

  constructor(seed: number, tally: PageTally) {
    this.seed = seed;
    this.random = seeded(seed * 1_000);
    this.#tally = tally;
    this.#thinks = this.random() < 0.6;
  }

  abstract run(): Promise<void>;

  /** What a service makes of the messages of the page. */
  protected loop(
    messages: Anthropic.MessageParam[],
    answers: ToolAnswer[] | undefined,
  ): Observable<AnyStreamEvent> {
    const thinking = this.#thinks ? { thinking: { type: 'adaptive' } } : {};
    const params = { model: 'claude-opus-5-5', max_tokens: 1_000, messages, ...thinking };
    return runTools<StreamEvent, { messages: object[] }>(
      (body) => defer(() => this.#reply(body as unknown as RequestBody)),
      params,
      { tools: TOOLS, answers, maxTurns: 2, eager: this.random() < 0.5 },
    );
  }

  /** After how many events the page loses its connection, or stops; mostly it does not. */
  protected patience(share: number): number {
    return this.random() < share ? Infinity : 1 + Math.floor(this.random() * 30);
  }

  /** Counts how a run ended, which must not be with a request that the API would refuse. */
  protected ended(ending: string, error: string | undefined): void {
    this.#tally.endings[ending] = (this.#tally.endings[ending] ?? 0) + 1;
    if (error !== undefined) expect(error).toMatch(/: lost$|^Input of/);
  }

  protected note(action: string): void {
    this.#tally.actions[action] = (this.#tally.actions[action] ?? 0) + 1;
  }

  #reply(body: RequestBody): Observable<StreamEvent> {
    this.#tally.requests++;
    const problems = requestProblems(body, { said: this.#said });
    if (problems.length > 0) return throwError(() => new Error(problems.join('\n')));
    const blocks = body.messages.flatMap(({ content }) => (Array.isArray(content) ? content : []));
    this.#tally.thoughts += blocks.filter(({ type }) => type.endsWith('thinking')).length;
    const ids = `${this.seed}_${++this.#count}`;
    const random = seeded(this.seed * 1_000 + this.#count);
    const { events } = randomReply(random, ids, body.messages as Anthropic.MessageParam[]);
    const heard = from(this.#said.listen(events, body));
    if (random() < 0.9) return heard;
    const lost = throwError(() => new Error('lost'));
    return concat(heard.pipe(take(1 + Math.floor(random() * 20))), lost);
  }
}

/**
 * Runs pages, each as its seed says. Throws for the first that makes a request which the strict server
 * would refuse.
 */
export async function runPages(
  seeds: readonly number[],
  Page: new (seed: number, tally: PageTally) => RandomPage,
): Promise<PageTally> {
  const tally: PageTally = { cases: 0, requests: 0, thoughts: 0, actions: {}, endings: {} };
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

/** 5,000 pages, in parts, so that a slow machine has time for each of them. */
export function acceptsPages(Page: new (seed: number, tally: PageTally) => RandomPage): void {
  it.each([0, 1, 2, 3, 4])(
    'whatever a page sends back is accepted, with its signatures: part %s of 5,000 pages',
    async (part) => {
      const tally = await runPages(
        Array.from({ length: 1_000 }, (_, index) => 1_001 + part * 1_000 + index),
        Page,
      );
      console.log(JSON.stringify(tally));
      expect(tally.cases).toBe(1_000);
      expect(tally.thoughts).toBeGreaterThan(100);
    },
    600_000,
  );
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
