import type { MessageParam } from '@anthropic-ai/sdk/resources/messages/messages';
import type { ResumeEntry, Tool } from '@ag-ui/core';
import type { AnyBlock } from '../../history/blocks.ts';
import { isCall } from '../../history/blockKinds.ts';
import type { StandardSchema } from '../../json/StandardSchema.ts';
import { fields } from '../../message/record.ts';
import type { DefinedTool } from '../../tools/Tool.ts';
import type { ToolAnswer } from '../../tools/ToolAnswer.ts';
import type { AgUiInput } from './AgUiEvent.ts';
import { AgUiThread, systemOf } from './AgUiThread.ts';
import { requireRunInput } from './requireRunInput.ts';

/** The input of a page, as the parts of a request. */
export interface RunInput {
  messages: MessageParam[];
  /** The system messages of the page, and its context. Absent if there are none. */
  system?: string;
  /** The tools that the page runs: they have no `run`. */
  tools: DefinedTool[];
  /** The answers to the pending calls of an earlier run. */
  answers: ToolAnswer[];
}

/**
 * Converts the input of an AG-UI run, which a page sends, into the parts of a request.
 *
 * ```text
 * fromRunInput({ messages, tools, context, resume, ... })
 *   messages   a history that the API accepts, even if its replies were cut off
 *   system     the page's system messages, and its context
 *   tools      the page's tools: they have no `run`, so their calls wait for the page
 *   answers    the answers to pending calls, from `resume`
 * ```
 *
 * - The content that `toAgUi` sent comes back unchanged: blocks, citations, ids, results, and thinking
 *   with its signature. The messages of one reply are one turn again.
 * - Thinking is left out if anything before it has changed, in the messages, the context or the tools,
 *   because the API would refuse it (docs: /docs/en/build-with-claude/preserved-thinking).
 * - A call without a result gets an error as its result; a call that was cut off is left out.
 * - If the history ends with a reply, the user message "Continue." is added, because a request cannot
 *   end with a reply.
 * - Images and documents of the user become blocks; audio and video are refused.
 * - `resume`: an entry with the payload `true` or `{ approved: true }` is an approval, an entry with
 *   `{ result }` or `{ error }` is the result of the call, and any other entry denies the call.
 *
 * The input is not trusted: a page can send messages that the model never wrote, including calls and
 * approvals. Check in each tool what its user may do, and use `system` only if the page may instruct
 * the model.
 *
 * @throws TypeError when `messages`, `tools`, `context` or `resume` is not a list, when there is no user
 * message, or when a part of a message is not a text, an image or a document. Answer with status 400.
 *
 * @example
 * ```ts
 * import type { RunAgentInput } from '@ag-ui/core';
 * import Anthropic from '@anthropic-ai/sdk';
 * import { toSseResponse } from 'claude-rx';
 * import { AG_UI_SSE, fromRunInput, toAgUi } from 'claude-rx/ag-ui';
 * import { runTools } from 'claude-rx/tools';
 *
 * const client = new Anthropic();
 *
 * export async function POST(request: Request): Promise<Response> {
 *   const input: RunAgentInput = await request.json();
 *   const { messages, tools, answers } = fromRunInput(input);
 *   const params = { model: 'claude-opus-5-5', max_tokens: 1024, messages };
 *   const events$ = runTools(client, params, { tools, answers }).pipe(toAgUi(input));
 *   return toSseResponse(events$, AG_UI_SSE);
 * }
 * ```
 */
export function fromRunInput(input: AgUiInput): RunInput {
  const { messages, tools = [], context = [], resume = [] } = input ?? {};
  requireRunInput({ messages, tools, context, resume });
  if (!messages.some(({ role }) => role === 'user')) {
    throw new TypeError('fromRunInput: `messages` must include a message with the role `user`');
  }
  const { turns } = new AgUiThread({ messages, tools, context, resume });
  const system = systemOf({ messages, context });
  return {
    messages: turns as unknown as MessageParam[],
    ...(system !== undefined && { system }),
    tools: tools.map(pageTool),
    answers: answersOf(resume, turns.findLast(({ role }) => role === 'assistant')?.content ?? []),
  };
}

function pageTool({ name, description, parameters }: Tool): DefinedTool {
  const input_schema = { type: 'object', ...fields(parameters) } as const;
  return { name, definition: { name, description, input_schema }, input: ANYTHING };
}

/** The input is not validated here: the page validates the input of its own tools. */
const ANYTHING: StandardSchema = {
  '~standard': { version: 1, vendor: 'claude-rx', validate: (value) => ({ value }) },
};

/** The answers to the calls of the last reply. */
function answersOf(resume: readonly ResumeEntry[], reply: readonly AnyBlock[]): ToolAnswer[] {
  const calls = new Set(reply.filter(isCall).map(({ id }) => id));
  return resume.filter(({ interruptId }) => calls.has(interruptId)).map(answerOf);
}

/** A call is only approved by an explicit approval. */
function answerOf({ interruptId: id, status, payload }: ResumeEntry): ToolAnswer {
  if (status !== 'resolved') return { id, approved: false };
  const { approved, reason, result, error } = fields(payload);
  if (payload === true || approved === true) return { id, approved: true };
  if (result !== undefined) return { id, result };
  if (error !== undefined) return { id, error };
  return { id, approved: false, ...(typeof reason === 'string' && { reason }) };
}
