import Anthropic from '@anthropic-ai/sdk';
import {
  continueFrom,
  fromMessages,
  MessageStreamError,
  messageTimeout,
  retryResumable,
  unfinishedInput,
} from 'claude-rx';
import {
  Conversation,
  type ConversationMessage,
  type ConversationOptions,
  type ConversationParams,
  type ConversationRequest,
  type ConversationState,
  type UserContent,
} from 'claude-rx/conversation';
import { httpError, MessagesServer, type ReceivedRequest, type Reply } from 'claude-rx/testing';
import { defineTool } from 'claude-rx/tools';
import {
  concat,
  from,
  lastValueFrom,
  mergeMap,
  NEVER,
  type Observable,
  of,
  type Subscription,
  throwError,
  timer,
} from 'rxjs';
import { expect } from 'vitest';
import { z } from 'zod';
import { seeded } from './continuingModel.ts';
import { leftOver, resources } from './leftOver.ts';
import { pick, type Random, randomReply, words } from './randomReply.ts';

/** What happened, to be printed. */
export interface Tally {
  cases: number;
  requests: number;
  actions: Record<string, number>;
  replies: Record<string, number>;
  outcomes: Record<string, number>;
}

/** As many cases share a server, which remembers all that it has said. */
const BATCH = 250;
const AT_A_TIME = 8;
/** How long nothing comes before a stall is found, in milliseconds. */
const STALL = 500;
/** At most so many things are done with a conversation. */
const ACTIONS = 6;

/**
 * Runs conversations over HTTP, some at a time, each as its seed says: what is said, and what becomes
 * of each reply. Throws for the first in which a request was not valid, `state$` failed, or anything
 * else was not as it should be; and where a socket or timer is left.
 */
export async function runConversations(seeds: readonly number[]): Promise<Tally> {
  const tally: Tally = { cases: 0, requests: 0, actions: {}, replies: {}, outcomes: {} };
  for (let begin = 0; begin < seeds.length; begin += BATCH) {
    const before = resources();
    await runBatch(seeds.slice(begin, begin + BATCH), tally);
    for (let turn = 0; turn < 1_000 && leftOver(before).length > 0; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(leftOver(before)).toEqual([]);
  }
  return tally;
}

async function runBatch(seeds: readonly number[], tally: Tally): Promise<void> {
  const server = await MessagesServer.start({ strict: true });
  const client = new Anthropic({ apiKey: 'test', baseURL: server.url, maxRetries: 0 });
  const models = new Map<string, Model>();
  server.handle((request) => {
    const model = models.get(request.body.metadata.user_id);
    return model ? model.answer(request) : httpError(500, { message: 'no such case' });
  });
  try {
    await lastValueFrom(
      from(seeds).pipe(
        mergeMap(async (seed) => {
          const model = new Model(seed, tally);
          models.set(String(seed), model);
          try {
            await new Case(seed, client, tally).run();
          } catch (error) {
            throw new Error(`${(error as Error).message}\nin the case of seed ${seed}`, {
              cause: error,
            });
          }
        }, AT_A_TIME),
      ),
    );
    await server.idle();
    tally.cases += seeds.length;
    tally.requests += server.requests.length;
    for (const { body } of server.requests) expectAlternation(body.messages);
  } finally {
    await server.close();
  }
}

function expectAlternation(messages: { role: string }[]): void {
  const roles = messages.map(({ role }) => role);
  expect(roles).toEqual(roles.map((_, index) => (index % 2 ? 'assistant' : 'user')));
}

/** Somebody who says anything at all that the API may say. */
class Model {
  readonly #seed: number;
  readonly #tally: Tally;
  #count = 0;

  constructor(seed: number, tally: Tally) {
    this.#seed = seed;
    this.#tally = tally;
  }

  answer({ body }: ReceivedRequest): Reply {
    const number = ++this.#count;
    const random = seeded(this.#seed * 1_000 + number);
    if (random() < 0.06) {
      this.#note('http error');
      return httpError(pick(random, [429, 500, 529]), { headers: { 'retry-after-ms': '1' } });
    }
    const ids = `${this.#seed}_${number}`;
    const reply = randomReply(random, ids, body.messages);
    this.#note(reply.stopReason);
    const events = [...reply.events];
    const chunk = pick(random, ['all', 'all', 'event', 300] as const);
    if (random() < 0.7) return { events, chunk };
    const kind = random() < 0.04 ? 'stall' : pick(random, ['end', 'fin', 'rst', 'error'] as const);
    this.#note(kind);
    const beforeEvent = Math.floor(random() * events.length);
    return {
      events,
      chunk,
      fault: { kind, beforeEvent, ...(/fin|rst/.test(kind) && { delay: 1 }) },
    };
  }

  #note(name: string): void {
    this.#tally.replies[name] = (this.#tally.replies[name] ?? 0) + 1;
  }
}

/** One conversation, and what is done with it. */
class Case {
  readonly #random: Random;
  readonly #client: Anthropic;
  readonly #tally: Tally;
  readonly #params: ConversationParams;
  readonly #options: ConversationOptions;
  readonly #source: Anthropic | ConversationRequest;
  readonly #watched: Subscription[] = [];
  #conversation: Conversation;
  /** The first state that was not right. */
  #wrong: string | undefined;

  constructor(seed: number, client: Anthropic, tally: Tally) {
    const random = seeded(seed * 1_000);
    this.#random = random;
    this.#client = client;
    this.#tally = tally;
    const hasTools = random() < 0.8;
    const definition = { name: 'look', input_schema: { type: 'object' as const } };
    this.#params = {
      model: 'claude-opus-5-5',
      max_tokens: 1_000,
      metadata: { user_id: String(seed) },
      ...(random() < 0.6 && { thinking: { type: 'adaptive' as const } }),
      ...(random() < 0.5 && { system: 'Be brief.' }),
      ...(!hasTools && random() < 0.7 && { tools: [definition] }),
      ...(random() < 0.1 && { cache_control: { type: 'ephemeral' as const } }),
    };
    this.#options = {
      client,
      cache: pick(random, ['5m', '1h', false]),
      maxTurns: 6,
      ...(hasTools && { tools: TOOLS, eager: random() < 0.5, timeout: 5 }),
      ...(random() < 0.3 && { maxHistoryTokens: 60 + Math.floor(random() * 300) }),
      ...(random() < 0.5 && { prices: { input: 5, output: 25 } }),
    };
    this.#source = this.#request();
    this.#conversation = this.#watch(new Conversation(this.#source, this.#params, this.#options));
  }

  async run(): Promise<void> {
    const length = 2 + Math.floor(this.#random() * (ACTIONS - 1));
    for (let index = 0; index < length; index++) {
      await this.#act();
      expect(this.#wrong).toBeUndefined();
      expect(this.#conversation.state.status).toMatch(/^(idle|stopped|error)$/);
    }
    for (const watched of this.#watched) expect(watched.closed).toBe(false);
    for (const watched of this.#watched) watched.unsubscribe();
  }

  /** What the requests are made by: with clocks, since a reply may stall, and perhaps with retries. */
  #request(): ConversationRequest {
    const stream = this.#random() < 0.9;
    const ask = (params: Anthropic.MessageCreateParamsNonStreaming) =>
      fromMessages(this.#client, params, { stream }).pipe(messageTimeout({ liveness: STALL }));
    if (this.#random() < 0.6) return ask as ConversationRequest;
    return ((params: Anthropic.MessageCreateParamsNonStreaming) =>
      ask(params).pipe(
        retryResumable({
          resume: ({ partial }) => ask(continueFrom(params, partial)),
          count: 2,
        }),
      )) as ConversationRequest;
  }

  /** Whatever becomes of a conversation, its state must be right. */
  #watch(conversation: Conversation): Conversation {
    let before: ConversationState | undefined;
    const watched = conversation.state$.subscribe({
      next: (state) => {
        this.#wrong ??= problemOf(state, before);
        before = state;
      },
      error: () => expect.unreachable('state$ has failed'),
      complete: () => expect.unreachable('state$ has completed'),
    });
    this.#watched.push(watched);
    return conversation;
  }

  async #act(): Promise<void> {
    const random = this.#random;
    const { messages } = this.#conversation;
    const users = messages.flatMap(({ role }, index) => (role === 'user' ? [index] : []));
    const what = random();
    if (what < 0.5 || users.length === 0) {
      return this.#note('send', this.#follow(this.#conversation.send(this.#content())));
    }
    if (what < 0.6) return this.#note('regenerate', this.#follow(this.#conversation.regenerate()));
    if (what < 0.7) {
      const edited = this.#conversation.edit(pick(random, users), this.#content());
      return this.#note('edit', this.#follow(edited));
    }
    if (what < 0.8) {
      const length = random() < 0.5 ? undefined : users.at(-1)! + 1;
      this.#conversation = this.#watch(this.#conversation.fork(length));
      return this.#note('fork');
    }
    if (what < 0.9) {
      this.#load();
      return this.#note('save and load');
    }
    if (what < 0.95) {
      await lastValueFrom(this.#conversation.countTokens('How long?'));
      return this.#note('count');
    }
    return this.#note('overlap', this.#overlap());
  }

  #load(): void {
    const { messages, state } = this.#conversation;
    const document: unknown = JSON.parse(JSON.stringify(this.#conversation));
    const loaded = Conversation.fromJSON(document, this.#source, this.#params, this.#options);
    expect(JSON.parse(JSON.stringify(loaded))).toEqual(document);
    expect(loaded.messages.map(({ text }) => text)).toEqual(messages.map(({ text }) => text));
    expect(loaded.state.usage).toEqual(state.usage);
    this.#conversation = this.#watch(loaded);
  }

  async #overlap(): Promise<void> {
    const first = this.#follow(this.#conversation.send('One'));
    const wasBusy = !/^(idle|stopped|error)$/.test(this.#conversation.state.status);
    const said = this.#conversation.messages.length;
    const second = await lastValueFrom(this.#conversation.send('Two'), {
      defaultValue: undefined,
    }).then(
      () => undefined,
      (error: MessageStreamError) => error.message,
    );
    if (wasBusy) {
      expect(second).toMatch(/still being written/);
      expect(this.#conversation.messages.slice(0, said).at(-1)?.text).toBe('One');
    }
    await first;
  }

  /** To its end, or to some event, where it is stopped in one of the ways. */
  #follow(reply: Observable<unknown>): Promise<void> {
    const random = this.#random;
    const how = random();
    const last = how < 0.5 ? Infinity : Math.floor(random() * 25);
    return new Promise((resolve, reject) => {
      let count = 0;
      let isLeft = false;
      const done = (outcome: string) => {
        this.#tally.outcomes[outcome] = (this.#tally.outcomes[outcome] ?? 0) + 1;
        resolve();
      };
      const subscription = reply.subscribe({
        next: () => {
          if (count++ !== last) return;
          if (how < 0.8) return this.#conversation.stop();
          // Not yet assigned where the event comes at once.
          isLeft = true;
          subscription?.unsubscribe();
          done('left');
        },
        error: (error: MessageStreamError) => {
          try {
            expect(error).toBeInstanceOf(MessageStreamError);
            // Neither the API's refusal, nor a mistake of ours.
            const mayBe =
              /^(truncated|timeout|connection|overloaded|rate_limited|api|protocol|aborted)$/;
            const isOurs = /still being written|no call waits for these/.test(error.message);
            expect(isOurs || mayBe.test(error.code) || `${error.code} ${error.message}`).toBe(true);
            if (error.code === 'aborted') return done(this.#conversation.state.status);
            if (!isOurs) expect(this.#conversation.state).toMatchObject({ status: 'error', error });
            done(isOurs ? 'refused' : 'error');
          } catch (failed) {
            reject(failed as Error);
          }
        },
        complete: () => done(this.#conversation.state.status),
      });
      if (isLeft) subscription.unsubscribe();
    });
  }

  #content(): UserContent {
    const random = this.#random;
    const what = random();
    if (what < 0.6) return pick(random, ['Hi', 'So? ', 'half \ud83d', '  indented']);
    const cache_control = { type: 'ephemeral' as const };
    const text = { type: 'text' as const, text: words(random) };
    if (what < 0.75) return [{ ...text, text: 'Mark this', cache_control }];
    const source = { type: 'url' as const, url: 'https://example.com/a.png' };
    if (what < 0.85) return [text, { type: 'image', source }];
    const calls = this.#conversation.messages.flatMap((message) =>
      message.role === 'assistant'
        ? message.blocks.flatMap(({ block }) => (block.type === 'tool_use' ? block.id : []))
        : [],
    );
    const answers = calls
      .slice(-2)
      .map((id) => ({ type: 'tool_result' as const, tool_use_id: id, content: 'by hand' }));
    return [...answers, { type: 'text', text: 'So?' }];
  }

  async #note(name: string, done?: Promise<void>): Promise<void> {
    this.#tally.actions[name] = (this.#tally.actions[name] ?? 0) + 1;
    await done;
  }
}

const TOOLS: NonNullable<ConversationOptions['tools']> = makeTools();

function makeTools(): NonNullable<ConversationOptions['tools']> {
  const input = z.object({ value: z.string() });
  const description = 'For a test';
  return [
    defineTool({ name: 'look', description, input, run: ({ value }) => value }),
    defineTool({
      name: 'slow',
      description,
      input,
      run: () => concat(of('one', 'two'), timer(2), of({ ok: true })),
    }),
    defineTool({ name: 'fail', description, input, run: () => throwError(() => new Error('no')) }),
    defineTool({ name: 'empty', description, input, run: () => undefined }),
    defineTool({ name: 'ask', description, input, run: () => NEVER }),
  ];
}

/** What must hold of each state, and of what is the same as before; `expect` would take too long. */
function problemOf(
  state: ConversationState,
  before: ConversationState | undefined,
): string | undefined {
  const { status, error } = state;
  if (before && before.live === undefined && state.live === undefined) {
    const isSettled = before.messages.length === state.messages.length;
    if (isSettled && before.messages !== state.messages) {
      const isSame = state.messages.every((message, index) => message === before.messages[index]);
      if (isSame) return 'the list of messages is not the same array';
    }
  }
  const messages = allOf(state);
  if (new Set(messages.map(({ key }) => key)).size < messages.length) return 'a key is there twice';
  if ((status === 'error') !== (error !== undefined)) return `status ${status} with ${error}`;
  if (state === before) return 'a state came twice';
  const known = new Map((before ? allOf(before) : []).map((message) => [message.key, message]));
  for (const message of messages) {
    const earlier = known.get(message.key);
    if (earlier === undefined || earlier === message) continue;
    // Only a reply changes, and of it the blocks that have changed.
    if (message.role === 'user') return 'a message of the user has changed';
    const blocks = new Map<string, unknown>(message.blocks.map((one) => [one.key, one.block]));
    for (const { key, block } of earlier.blocks.slice(0, -1)) {
      if (!blocks.has(key) || unfinishedInput in block) continue;
      if (blocks.get(key) !== block) return `the block ${key} has changed`;
    }
  }
  return undefined;
}

function allOf({ messages, live }: ConversationState): readonly ConversationMessage[] {
  return live ? [...messages, live] : messages;
}
