import Anthropic from '@anthropic-ai/sdk';
import {
  fromMessages,
  fromResponse,
  MessageStreamError,
  retryResumable,
  type StreamEvent,
  toMessageStreamError,
} from 'claude-rx';
import { streamEvents } from 'claude-rx/agent';
import { Conversation } from 'claude-rx/conversation';
import { fromClaudeCode } from 'claude-rx/node';
import { httpError, messageEvents, type MessagesServer } from 'claude-rx/testing';
import { defineTool, runTools } from 'claude-rx/tools';
import { inspect } from 'node:util';
import { concat, EMPTY, lastValueFrom, type Observable, of, tap, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { standIn } from './agent/standIn.ts';
import { useServer } from './support/server.ts';
import { SINKS } from './support/sinks.ts';

/** What is nobody's business, by where it stands. */
const MARK = 'hush-';
const KEY = `${MARK}key`;
const PROMPT = `${MARK}prompt`;
const HEADER = `${MARK}header`;
const ENVIRONMENT = `${MARK}environment`;
const STACK = `${MARK}stack`;
const CAUSE = `${MARK}cause`;
const VALUE = `${MARK}value`;
const STDERR = `${MARK}stderr`;

const params = {
  model: 'claude-opus-5-5',
  max_tokens: 1024,
  system: PROMPT,
  messages: [{ role: 'user' as const, content: PROMPT }],
};

class MarkedError extends Error {
  override readonly stack = `Error\n  at /srv/${STACK}.js`;
  readonly config = { headers: { 'x-api-key': KEY }, data: PROMPT };
}
const lost = () => new MessageStreamError(CAUSE, { code: 'connection', cause: marked() });
const marked = () => new MarkedError('It broke', { cause: new Error(CAUSE) });

const clientAt = (baseURL: string, apiKey = KEY) =>
  new Anthropic({ apiKey, baseURL, maxRetries: 0, logLevel: 'off', defaultHeaders: { h: HEADER } });
const request = (client: Anthropic) =>
  fromMessages(client, params, { request: { headers: { own: HEADER } } });

const look = defineTool({
  name: 'look',
  description: 'Looks',
  input: z.object({ at: z.string() }),
  run: () => ({ toJSON: () => 'shown', row: VALUE, cause: CAUSE }),
});
const call = [...messageEvents.toolUse('look', { at: 'it' })];
const cut = [...messageEvents.text('Hello world')].slice(0, 3);

const claudeCode = (steps: Parameters<typeof standIn>[0], prompt: unknown = PROMPT) => {
  const { executable, env } = standIn(steps);
  const all = { ...env, SECRET: ENVIRONMENT };
  return fromClaudeCode({ prompts$: of(prompt as string), executable, env: all }).pipe(
    streamEvents(),
  );
};

type Scenario = (server: MessagesServer) => Observable<unknown>;

/** Replies that fail, each with marks in what it fails with. */
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'an HTTP error': (server) => {
    server.handle(() => httpError(401, { message: 'No' }));
    return request(clientAt(server.url));
  },
  'a reply that is cut': (server) => {
    server.handle(() => cut);
    return request(clientAt(server.url));
  },
  'no connection': () => request(clientAt('http://127.0.0.1:1')),
  'no connection, by fetch': () =>
    fromResponse(() => fetch('http://127.0.0.1:1', { headers: { h: HEADER } })),
  'a key that is no header': (server) => request(clientAt(server.url, `${KEY}\nx`)),
  'an invalid header': () =>
    fromResponse(() => fetch('http://127.0.0.1:1', { headers: { h: `${HEADER}\n\0` } })),
  'an address with a password': () => request(clientAt(`http://user:${KEY}@127.0.0.1:1`)),
  'an address with a password, by fetch': () =>
    fromResponse(() => fetch(`http://user:${KEY}@127.0.0.1:1/x`)),
  'an error with all of it': () => concat(cut, throwError(marked)),
  'an object with all of it': () =>
    concat(
      cut,
      throwError(() => ({ ...marked(), at: STACK })),
    ),
  'an error inside of a seam': () =>
    concat(cut, throwError(lost)).pipe(
      retryResumable({
        count: 1,
        delay: 0,
        resume: (): Observable<StreamEvent> => throwError(marked),
      }),
    ),
  'the value of a tool': () => {
    const replies = [call, cut];
    return runTools((_, { turn }) => concat(replies[turn - 1]!), params, { tools: [look] });
  },
  'a loop whose request fails': () =>
    runTools((): Observable<StreamEvent> => throwError(marked), params, { tools: [look] }),
  'a loop whose hook fails': () =>
    runTools(() => concat(call), params, {
      tools: [look],
      approve: () => {
        throw marked();
      },
      maxTurns: 1,
    }),
  'a conversation': (server) => {
    server.handle(() => cut);
    const { messages: _, ...rest } = params;
    return new Conversation(clientAt(server.url), rest).send(PROMPT);
  },
  'Claude Code that fails': () => claudeCode([{ stderr: STDERR }, { exit: 3 }]),
  'Claude Code that is killed': () => claudeCode([{ stderr: STDERR }, { kill: 'SIGKILL' }]),
  'Claude Code with an invalid prompt': () => claudeCode([], { text: PROMPT }),
  'Claude Code that is not there': () =>
    fromClaudeCode({
      prompt: PROMPT,
      executable: '/nowhere/claude',
      args: [PROMPT],
      env: { SECRET: ENVIRONMENT },
    }).pipe(streamEvents()),
};

describe('what is internal', () => {
  const api = useServer();

  it.each(Object.entries(SCENARIOS))('leaves through no sink: %s', async (_, scenario) => {
    const events: StreamEvent[] = [];
    const reply$ = scenario(api.server).pipe(tap((event) => events.push(event as StreamEvent)));
    const error = await lastValueFrom(reply$, { defaultValue: undefined }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    const end$ = error === undefined ? EMPTY : throwError(() => error);
    for (const [sink, read] of Object.entries(SINKS)) {
      expect(`${sink}: ${await read(concat(events, end$))}`).not.toContain(MARK);
    }
    // In the messages for the service's own log there may be more, but not this.
    const { message } = toMessageStreamError(error);
    for (const secret of [KEY, PROMPT, HEADER, ENVIRONMENT]) expect(message).not.toContain(secret);
  });

  it('is in no message that other platforms word in their own way', () => {
    for (const message of [
      `Headers.append: "${KEY}\n" is an invalid header value.`,
      `Header 'authorization' has invalid value: '${KEY}'`,
      `Invalid header value: "${KEY}"`,
      `Failed to parse URL from https://user:${KEY}@example.com/v1`,
      `Request cannot be constructed from a URL that includes credentials: https://${KEY}@a.b/`,
    ]) {
      const error = toMessageStreamError(new TypeError(message));
      expect(error.message).not.toContain(KEY);
      expect(inspect(error)).not.toContain(KEY);
    }
    const plain = new Error('An invalid "x" in https://example.com/a@b');
    expect(toMessageStreamError(plain).message).toContain(plain.message);
  });
});
