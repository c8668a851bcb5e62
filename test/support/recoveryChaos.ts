import Anthropic from '@anthropic-ai/sdk';
import type { Message } from '@anthropic-ai/sdk/resources/messages/messages';
import {
  continueFrom,
  finalMessage,
  fromMessages,
  messageTimeout,
  retryResumable,
  type StreamEvent,
  textOnly,
} from 'claude-rx';
import { httpError, MessagesServer, type ReceivedRequest, type Reply } from 'claude-rx/testing';
import { from, lastValueFrom, mergeMap, tap } from 'rxjs';
import { expect } from 'vitest';
import { type Beginning, bodyOf, type ContinuingModel, seeded } from './continuingModel.ts';
import { leftOver, resources } from './leftOver.ts';
import { encodeEvent } from '../../src/sse/encodeEvent.ts';
import { requestProblems } from '../../src/testing/requestProblems.ts';
import { SaidBefore } from '../../src/testing/SaidBefore.ts';
import { checkEvents, joinedBlocks } from './splicedReply.ts';

/** `glued`: something else follows what was sent of a frame, and then the body ends. */
export const KINDS = ['end', 'fin', 'rst', 'error', 'stall', 'glued'] as const;
type Kind = (typeof KINDS)[number];

/** One reply: where and how it breaks first, and how often it breaks in all. */
export interface Case {
  model: string;
  kind: Kind;
  place: { event: number } | { byte: number };
  faults: number;
  /** Decides about everything else. */
  seed: number;
}

/** What happened, to be printed. */
export interface Tally {
  cases: number;
  requests: number;
  faults: Record<string, number>;
  beginnings: Record<string, number>;
}

/** What is known of a case while it runs. */
interface Run {
  number: number;
  case: Case;
  /** For each attempt that the server has heard of: what it was answered, up to which byte. */
  attempts: { fault: string; cut: number; startEnds: number }[];
  /** What it was answered, so that thinking is checked. */
  said: SaidBefore;
}

/** As many cases share a server, which remembers all that it was sent. */
const BATCH = 250;
const AT_A_TIME = 16;
/** How long nothing comes before a stall is found, in milliseconds. */
const STALL = 200;
/** So long nothing comes without a fault on no machine, however busy. */
const HANG = 60_000;
/** What a proxy, or a server that starts anew, may append to a frame that was cut. */
const GLUED = {
  frame: encodeEvent({
    type: 'content_block_delta',
    index: 0,
    delta: { type: 'text_delta', text: 'of another reply' },
  }),
  page: '<!DOCTYPE html>\n<html><head><title>502</title></head>\n\n<body>Bad gateway</body></html>\n',
  error: encodeEvent({ type: 'error', error: { type: 'api_error', message: 'Gone' } }),
};
const CHUNKS = ['all', 'all', 'all', 4_099, 65_536] as const;

/** How often a reply breaks: mostly once, and up to five times. */
export function pickFaults(random: () => number): number {
  return random() < 0.7 ? 1 : 2 + Math.floor(random() * 4);
}

/**
 * Runs the cases over HTTP, some at a time: each is a reply that breaks as the case says and is
 * continued by the model until it is whole. Throws for the first that does not come out right, or
 * when a socket or timer is left.
 */
export async function runCases(model: ContinuingModel, cases: readonly Case[]): Promise<Tally> {
  const tally: Tally = { cases: 0, requests: 0, faults: {}, beginnings: {} };
  for (let begin = 0; begin < cases.length; begin += BATCH) {
    const before = resources();
    await runBatch(model, cases.slice(begin, begin + BATCH), tally);
    for (let turn = 0; turn < 1_000 && leftOver(before).length > 0; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(leftOver(before)).toEqual([]);
  }
  return tally;
}

async function runBatch(
  model: ContinuingModel,
  cases: readonly Case[],
  tally: Tally,
): Promise<void> {
  const server = await MessagesServer.start();
  const client = new Anthropic({ apiKey: 'test', baseURL: server.url, maxRetries: 0 });
  const runs = cases.map((one, number) => ({
    number,
    case: one,
    attempts: [],
    said: new SaidBefore(),
  }));
  server.handle((request) => answer(model, request, runs, tally));
  try {
    await lastValueFrom(
      from(runs).pipe(mergeMap((run) => runCase(model, client, run, tally), AT_A_TIME)),
    );
    await server.idle();
    tally.cases += cases.length;
    tally.requests += server.requests.length;
  } finally {
    await server.close();
  }
}

async function runCase(
  model: ContinuingModel,
  client: Anthropic,
  run: Run,
  tally: Tally,
): Promise<void> {
  const params = {
    model: run.case.model,
    max_tokens: 64_000,
    messages: [{ role: 'user' as const, content: 'Tell me all' }],
  };
  const ask = (request: typeof params, attempt: number) => {
    const kind = kindOf(run.case, attempt);
    // Not where the server answers: it may not have heard of a request that was given up.
    tally.faults[kind] = (tally.faults[kind] ?? 0) + 1;
    const liveness = kind === 'stall' ? STALL : HANG;
    // The server learns from it which case this is; a request that was given up may be late.
    const metadata = { user_id: `${run.number} ${attempt}` };
    return fromMessages(client, { ...request, metadata }).pipe(messageTimeout({ liveness }));
  };
  const events: StreamEvent[] = [];
  const reply = ask(params, 1).pipe(
    retryResumable({
      resume: ({ partial, attempt }) => ask(continueFrom(params, partial), attempt),
      count: run.case.faults,
    }),
    tap((event) => events.push(event)),
    finalMessage(),
  );
  try {
    checkReply(model, run, await lastValueFrom(reply), events);
  } catch (error) {
    throw new Error(
      `${(error as Error).message}\nin ${JSON.stringify({ ...run, said: undefined })}`,
      { cause: error },
    );
  }
}

function randomOf({ seed }: Case, attempt: number): () => number {
  return seeded(seed * 8 + attempt);
}

/** By what an attempt breaks, if it does. */
function kindOf(one: Case, attempt: number): Kind | 'http' | 'none' {
  if (attempt > one.faults) return 'none';
  if (attempt === 1) return one.kind;
  const random = randomOf(one, attempt);
  return random() < 0.05 ? 'http' : pick(random, KINDS);
}

/** What the server says to a request of a case. */
function answer(
  model: ContinuingModel,
  request: ReceivedRequest,
  runs: Run[],
  tally: Tally,
): Reply {
  const [number = 0, attempt = 0] = request.body.metadata.user_id.split(' ').map(Number);
  const run = runs[number]!;
  const random = randomOf(run.case, -attempt);
  const kind = kindOf(run.case, attempt);
  if (kind === 'http') {
    run.attempts[attempt - 1] = { fault: kind, cut: 0, startEnds: Infinity };
    return httpError(529, { headers: { 'retry-after-ms': '1' } });
  }
  const [problem] = requestProblems(request.body as never, { said: run.said });
  if (problem !== undefined) return httpError(400, { message: problem });
  const beginning = attempt === 1 ? 'plain' : pickBeginning(random);
  const usage = { input_tokens: 1_000 + attempt, output_tokens: 10 + attempt };
  const events = model.answer(request.body, { beginning, usage });
  const { body, offsets } = bodyOf([...run.said.listen(events, request.body as never)]);
  const name = typeof beginning === 'string' ? beginning : 'repeat';
  if (attempt > 1) tally.beginnings[name] = (tally.beginnings[name] ?? 0) + 1;
  const chunk = pick(random, CHUNKS);
  const cut = kind === 'none' ? Infinity : placeOf(run.case, attempt, body.length, offsets, random);
  run.attempts[attempt - 1] = { fault: kind, cut, startEnds: offsets[1]! };
  if (kind === 'none') return { body, chunk };
  if (kind !== 'glued') return { body, chunk, fault: { kind, atByte: cut } };
  const what = pick(random, ['frame', 'page', 'error'] as const);
  const atByte = gluedAt(what, cut, body, offsets);
  run.attempts[attempt - 1]!.cut = atByte;
  return {
    body,
    chunk,
    faults: [
      { kind: 'garbage', atByte, data: GLUED[what] },
      { kind: 'end', atByte },
    ],
  };
}

/**
 * Where a frame is cut that something is glued to. Of a first frame must have come so much that this is
 * an event stream. Another frame is glued to half JSON: behind half an `event:` line it would be whole.
 */
function gluedAt(
  what: keyof typeof GLUED,
  cut: number,
  body: Buffer,
  offsets: readonly number[],
): number {
  const least = body.indexOf('{"type"') + '{"type"'.length;
  const at = Math.max(cut, least);
  if (what !== 'frame' || at >= body.length) return at;
  const frame = offsets.findLastIndex((offset) => offset <= at);
  const begin = body.indexOf('{', offsets[frame]) + 1;
  const end = (offsets[frame + 1] ?? body.length) - 2;
  return Math.min(Math.max(at, begin), end);
}

/** Where the reply is cut: as the case says, and from the second attempt on anywhere. */
function placeOf(
  one: Case,
  attempt: number,
  length: number,
  offsets: readonly number[],
  random: () => number,
): number {
  let at: number;
  if (attempt > 1) at = Math.floor(random() * (length + 1));
  else if ('event' in one.place) at = offsets[one.place.event] ?? length;
  else at = Math.min(one.place.byte, length);
  // A server that still can say that it is overloaded has not stopped in the middle of an event.
  const isBetween = kindOf(one, attempt) === 'error';
  return isBetween ? (offsets.find((offset) => offset >= at) ?? length) : at;
}

function pickBeginning(random: () => number): Beginning {
  const number = random();
  if (number < 0.4) return { repeat: 12 + Math.floor(random() * 29) };
  return number < 0.7 ? 'anchor' : 'plain';
}

function pick<T>(random: () => number, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)]!;
}

function checkReply(
  model: ContinuingModel,
  run: Run,
  message: Message,
  events: StreamEvent[],
): void {
  let text = '';
  from(events)
    .pipe(textOnly())
    .subscribe((piece) => (text += piece));
  expect(text === model.text || firstDifference(text, model.text)).toBe(true);
  expect(joinedBlocks(message.content)).toEqual(joinedBlocks(model.message.content));
  expect(message.stop_reason).toBe(model.message.stop_reason);
  checkEvents(events);
  checkUsage(message, run);
}

function firstDifference(text: string, expected: string): string {
  let at = 0;
  while (text[at] === expected[at]) at++;
  const around = (whole: string) => JSON.stringify(whole.slice(at - 30, at + 30));
  return `at ${at} of ${expected.length}: ${around(text)}, not ${around(expected)}`;
}

/** The sum of what each attempt had reported when it was cut. */
function checkUsage({ usage }: Message, { attempts, case: { faults } }: Run): void {
  const listed = (usage as { attempts?: Message['usage'][] }).attempts ?? [usage];
  const sum = (field: 'input_tokens' | 'output_tokens') =>
    listed.reduce((total, attempt) => total + attempt[field], 0);
  expect([usage.input_tokens, usage.output_tokens]).toEqual([
    sum('input_tokens'),
    sum('output_tokens'),
  ]);
  const numbers = listed.map(({ input_tokens }) => input_tokens - 1_000);
  expect(numbers).toEqual([...new Set(numbers)].toSorted((one, other) => one - other));
  const last = attempts.length;
  expect(last).toBeLessThanOrEqual(faults + 1);
  expect(listed.at(-1)).toMatchObject({ input_tokens: 1_000 + last, output_tokens: 10 + last });
  attempts.forEach(({ fault, cut, startEnds }, index) => {
    // An event is whole without the empty line behind it.
    if (cut < startEnds - 2) expect(numbers).not.toContain(index + 1);
    // With a connection may be lost what was sent shortly before.
    if (cut >= startEnds && /end|error|glued|none/.test(fault))
      expect(numbers).toContain(index + 1);
  });
}
