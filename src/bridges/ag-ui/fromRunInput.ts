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

/** What a page asks for, for a request. */
export interface RunInput {
  messages: MessageParam[];
  /** The messages of the page for the system, and its context. Absent where there are none. */
  system?: string;
  /** The tools that the page runs: tools without `run`. */
  tools: DefinedTool[];
  /** The answers to the calls that an earlier run has left pending. */
  answers: ToolAnswer[];
}

/**
 * Reads the input of a run of AG-UI: what the page sends, as the parts of a request.
 *
 * ```text
 * fromRunInput({ messages, tools, context, resume, ... })
 *   messages   the history, as the API takes it, whatever became of its replies
 *   system     the page's messages for the system, and its context
 *   tools      the page's tools: they have no `run`, so their calls wait for the page
 *   answers    the answers to pending calls, from `resume`
 * ```
 *
 * - What `toAgUi` has sent comes back as it was: blocks, citations, ids, results, and thinking with its
 *   signature. Messages that were one reply are one turn again.
 * - Thinking is left out where anything before it has changed since, in the messages, the context or
 *   the tools, because the API would refuse it (docs: /docs/en/build-with-claude/preserved-thinking).
 * - A call without a result is answered by an error that says so; one that was cut is left out.
 * - A history that ends with a reply is followed by "Continue.", since it cannot end a request.
 * - Images and documents of the user become blocks; audio and video are refused.
 * - `resume`: an entry with the payload `true` or `{ approved: true }` is an approval, one with
 *   `{ result }` or `{ error }` the result of the call, and everything else a refusal.
 *
 * All of it is what the page says: a page can send messages that the model never wrote, calls and
 * approvals among them. Check in each tool what its user may do, and use `system` only if the page may
 * instruct the model.
 *
 * @throws TypeError when `messages`, `tools`, `context` or `resume` is not a list, no message is the
 * user's, or a part of a message is neither text, nor an image, nor a document. Answer with status 400.
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
  for (const [name, list] of Object.entries({ messages, tools, context, resume })) {
    if (Array.isArray(list)) continue;
    throw new TypeError(`fromRunInput: \`${name}\` must be a list: pass the input of the run`);
  }
  if (!messages.some(({ role }) => role === 'user')) {
    throw new TypeError('fromRunInput: `messages` must have a message of the user');
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

/** The page checks the input of its own tools. */
const ANYTHING: StandardSchema = {
  '~standard': { version: 1, vendor: 'claude-rx', validate: (value) => ({ value }) },
};

/** The answers to the calls of the last reply. */
function answersOf(resume: readonly ResumeEntry[], reply: readonly AnyBlock[]): ToolAnswer[] {
  const calls = new Set(reply.filter(isCall).map(({ id }) => id));
  return resume.filter(({ interruptId }) => calls.has(interruptId)).map(answerOf);
}

/** Only an approval that is stated is one. */
function answerOf({ interruptId: id, status, payload }: ResumeEntry): ToolAnswer {
  if (status !== 'resolved') return { id, approved: false };
  const { approved, reason, result, error } = fields(payload);
  if (payload === true || approved === true) return { id, approved: true };
  if (result !== undefined) return { id, result };
  if (error !== undefined) return { id, error };
  return { id, approved: false, ...(typeof reason === 'string' && { reason }) };
}
