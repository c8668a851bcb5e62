import type { ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages/messages';
import { isCall } from '../history/blockKinds.ts';
import { type AnyBlock, isResult } from '../history/blocks.ts';
import { isIdOf } from '../history/SentHistory.ts';
import { fields } from '../message/record.ts';
import type { InterruptedSubagent, PendingCall, PlainCall } from '../message/StreamEvent.ts';
import { type AnyTool, isDefined, type ToolUse } from './Tool.ts';
import type { ResumedSubagent, ToolAnswer } from './ToolAnswer.ts';
import { type ToolContent, toolContent } from './toolContent.ts';

/** A valid answer, in a form that names its kind. */
export type CheckedAnswer = { readonly id: string } & (
  | { readonly kind: 'run' }
  | { readonly kind: 'denied'; readonly reason: string | undefined }
  | { readonly kind: 'result'; readonly value: unknown; readonly content: ToolContent }
  | { readonly kind: 'error'; readonly error: unknown }
  | { readonly kind: 'resume'; readonly resumed: ResumedSubagent }
);

/** A pending call of a history, and its answer. */
export interface AnsweredCall<Call extends PlainCall = ToolUse> {
  /** The block in the history. */
  readonly block: Call;
  readonly answer: CheckedAnswer;
}

/** The calls of a history that wait for an answer. */
interface OpenCalls {
  /** The index after the message with the calls. */
  readonly start: number;
  readonly open: readonly ToolUse[];
}

/** The calls in the last reply of `messages` that have no result. */
function openCalls(messages: readonly object[]): OpenCalls {
  const start = messages.findLastIndex((message) => fields(message)['role'] === 'assistant') + 1;
  const calls = blocksOf(messages[start - 1]).filter(isCall);
  const results = messages.slice(start).flatMap(blocksOf).filter(isResult);
  const answered = new Set(results.map(({ tool_use_id }) => tool_use_id));
  const open = calls.filter(({ id }) => !answered.has(id));
  return { start, open: open as unknown as ToolUse[] };
}

function blocksOf(message: object | undefined): AnyBlock[] {
  const { content } = fields(message);
  return Array.isArray(content) ? content : [];
}

/**
 * The pending calls in the last reply of `messages`, each with its answer; `undefined` if no call is
 * pending.
 *
 * @throws TypeError for a malformed answer, two answers to one call, an answer to a call that is not
 * pending, a pending call without an answer, an approved call of a tool without `run`, and `answers` for the
 * subagent of a tool without `resume`
 */
export function answeredCalls(
  messages: readonly object[],
  answers: readonly ToolAnswer[] | undefined,
  tools: readonly AnyTool[],
): { start: number; calls: AnsweredCall[] } | undefined {
  const { start, open } = openCalls(messages);
  const calls = matchAnswers('runTools', open, answers, tools);
  return open.length === 0 ? undefined : { start, calls };
}

/**
 * The calls, each with its answer.
 *
 * @throws TypeError as `answeredCalls`
 */
export function matchAnswers<Call extends PlainCall>(
  caller: string,
  open: readonly Call[],
  answers: readonly ToolAnswer[] | undefined,
  tools: readonly AnyTool[],
): AnsweredCall<Call>[] {
  const given = checkedAnswers(caller, answers);
  const answerOf = new Map<Call, CheckedAnswer>();
  const take = (block: Call, answer: CheckedAnswer) => {
    requireRunnable(caller, block, answer, tools);
    answerOf.set(block, answer);
  };
  const rest = given.filter((answer) => {
    const block = open.find((call) => call.id === answer.id && !answerOf.has(call));
    if (block) take(block, answer);
    return block === undefined;
  });
  for (const answer of rest) {
    const { id } = answer;
    const named = open.filter((call) => call.id === id || isIdOf(id, call.id));
    const waits = named.filter((call) => !answerOf.has(call));
    if (named.length > 0 && waits.length === 0) throw duplicate(caller, id);
    // Of calls that came with the same id, the answers are in the order of the calls.
    const isShared = rest.every(
      (other) => other.id === id || !waits.some((call) => isIdOf(other.id, call.id)),
    );
    const isTwice = given.some((other) => other !== answer && other.id === id);
    const block = only(waits) ?? (isShared && isTwice ? waits[0] : undefined);
    if (block === undefined) {
      const waiting = open.length === 0 ? 'no call waits' : `waiting: ${listOf(open)}`;
      throw new TypeError(
        `${caller}: there is an answer with id '${id}', but no such call waits for an answer; ${waiting}`,
      );
    }
    take(block, answer);
  }
  const missing = open.filter((call) => !answerOf.has(call));
  if (missing.length > 0) {
    throw new TypeError(
      `${caller}: calls of the last reply wait for answers: ${listOf(missing)}; ` +
        'give an answer to each in `answers`',
    );
  }
  return open.map((block) => ({ block, answer: answerOf.get(block)! }));
}

/** Throws for an answer that cannot be carried out. */
function requireRunnable(
  caller: string,
  { name, awaits }: Partial<PendingCall>,
  { id, kind }: CheckedAnswer,
  tools: readonly AnyTool[],
): void {
  const tool = tools.filter(isDefined).find((one) => one.name === name);
  if (kind === 'run' && awaits === 'subagent') {
    throw new TypeError(
      `${caller}: the subagent of the call '${id}' (${name}) has already started: answer its pending calls ` +
        'with `answers`, or end it with `approved: false`',
    );
  }
  if (kind === 'run' && (awaits === 'result' || (tool && !tool.run))) {
    throw new TypeError(
      `${caller}: the tool '${name}' has no \`run\`, so the call '${id}' cannot be approved: ` +
        'answer it with `result` or `error`',
    );
  }
  if (kind === 'resume' && tool && !tool.resume) {
    throw new TypeError(
      `${caller}: the tool '${name}' has no \`resume\`, so the subagent of the call '${id}' cannot continue: ` +
        'answer it with `result`, `error` or `approved: false`',
    );
  }
}

/** The answers, each to a subagent with the `subagent` of the pending call: one in the answer is ignored. */
export function withSubagents(
  pending: readonly PendingCall[],
  answers: readonly ToolAnswer[],
): ToolAnswer[] {
  return answers.map((answer) => {
    const { subagent } = pending.find(({ id }) => id === answer.id) ?? {};
    return subagent && 'answers' in answer ? { ...answer, subagent } : answer;
  });
}

function listOf(calls: readonly PlainCall[]): string {
  return calls.map(({ id, name }) => `'${id}' (${name})`).join(', ');
}

function only<T>(found: readonly T[]): T | undefined {
  return found.length === 1 ? found[0] : undefined;
}

function duplicate(caller: string, id: string): TypeError {
  return new TypeError(
    `${caller}: there are two answers to the call '${id}': give one to each call`,
  );
}

/**
 * Checks the answers, and returns them in a form that names their kind.
 *
 * @throws TypeError for a malformed answer
 */
function checkedAnswers(caller: string, answers: readonly ToolAnswer[] = []): CheckedAnswer[] {
  if (!Array.isArray(answers)) {
    throw new TypeError(
      `${caller}: \`answers\` must be a list of answers, such as [{ id, approved: true }]`,
    );
  }
  return answers.map((answer: ToolAnswer, index) =>
    checkedAnswer(answer, `${caller}: answers[${index}]`),
  );
}

function checkedAnswer(answer: unknown, at: string): CheckedAnswer {
  const { id, approved, reason, result, error, answers, subagent } = fields(answer);
  if (typeof id !== 'string') {
    throw new TypeError(`${at} must have the \`id\` of the call that it answers`);
  }
  const kinds = [approved, error, result, answers].filter((value) => value !== undefined).length;
  if (kinds > 1 || (kinds === 0 && !('result' in (answer as object)))) {
    throw new TypeError(
      `${at} must have one of \`approved\`, \`result\`, \`error\` and \`answers\``,
    );
  }
  if (answers !== undefined) {
    return { id, kind: 'resume', resumed: resumedBy(answers as ToolAnswer[], subagent, at) };
  }
  if (error !== undefined) return { id, kind: 'error', error };
  if (approved === undefined) {
    return { id, kind: 'result', value: result, content: contentOf(result, at) };
  }
  if (typeof approved !== 'boolean') {
    throw new TypeError(`${at}.approved must be true or false, not ${String(approved)}`);
  }
  if (approved) return { id, kind: 'run' };
  if (reason !== undefined && typeof reason !== 'string') {
    throw new TypeError(`${at}.reason must be a text, not ${typeof reason}`);
  }
  return { id, kind: 'denied', reason };
}

/** Checks the answers to the calls of a subagent, and those of its own subagents. */
function resumedBy(answers: readonly ToolAnswer[], subagent: unknown, at: string): ResumedSubagent {
  const { appended, pending } = fields(subagent);
  if (!Array.isArray(appended) || !Array.isArray(pending)) {
    throw new TypeError(
      `${at} must have the \`subagent\` of the pending call besides \`answers\`: { ...call, answers }`,
    );
  }
  const calls = pending as InterruptedSubagent['pending'];
  const given = Array.isArray(answers) ? withSubagents(calls, answers) : answers;
  matchAnswers(`${at}.answers`, calls, given, []);
  return { appended: appended as ResumedSubagent['appended'], answers: given };
}

function contentOf(result: unknown, at: string): ToolContent {
  try {
    return toolContent(result);
  } catch (cause) {
    throw new TypeError(`${at}.result cannot be sent: ${(cause as Error).message}`, { cause });
  }
}

/** The messages after the reply with the calls, with the results of the answered calls added. */
export function withResults(
  messages: readonly object[],
  given: readonly ToolResultBlockParam[],
): object[] {
  if (given.length === 0) return [...messages];
  const index = messages.findIndex((message) => fields(message)['role'] === 'user');
  if (index < 0) return [{ role: 'user', content: given }, ...messages];
  const { content, ...rest } = fields(messages[index]);
  const blocks = Array.isArray(content) ? content : [{ type: 'text', text: content }];
  const results = blocks.filter(isResult);
  const others = blocks.filter((block) => !isResult(block));
  const user = { ...rest, content: [...results, ...given, ...others] };
  return messages.map((message, position) => (position === index ? user : message));
}
