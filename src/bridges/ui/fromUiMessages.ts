import type { MessageParam } from '@anthropic-ai/sdk/resources/messages/messages';
import { addTurn } from '../../history/addTurn.ts';
import type { AnyBlock, Turn } from '../../history/blocks.ts';
import { sendableContent } from '../../history/sendableBlock.ts';
import { pendingResult, sendBack } from '../../history/sendBack.ts';
import { idMatcher, SentHistory } from '../../history/SentHistory.ts';
import { isPausedBy } from '../../history/stopReasons.ts';
import { asString, isRecord } from '../../message/record.ts';
import type { ToolAnswer } from '../../tools/ToolAnswer.ts';
import { fileBlock } from './fileBlock.ts';
import type { UiMessage } from './UiMessage.ts';
import { type UiStep, uiSteps } from './uiSteps.ts';

/** The messages of a page, in the form that `runTools` and `toUiMessages` need. */
export interface UiRequest {
  /** The history, for `params.messages`. */
  messages: MessageParam[];
  /** The answers to waiting calls, for the option `answers` of `runTools`; absent if there are none. */
  answers?: ToolAnswer[];
  /**
   * The id of the message that the run continues, for `toUiMessages`; absent if the run begins a new
   * message.
   */
  messageId?: string;
}

/**
 * Converts the messages that a page sends (`UIMessage[]` of the AI SDK) into the history for `runTools` and
 * `fromMessages`.
 *
 * ```text
 * user       text, file             a turn of the user
 * assistant  step-start             a reply, followed by the results of its calls
 *            text, reasoning, tool  its blocks, as Claude wrote them
 *            approval               an answer
 * ```
 *
 * The same rules apply as in `runTools` and `Conversation`: unfinished calls and thinking without a
 * signature are left out, a call without a result gets an error as its result, and roles alternate. So
 * the API accepts the replies of `toUiMessages` that a page sends back, with their thinking and
 * signatures.
 *
 * - `answers`: approvals and denials of waiting calls. The outputs of tools that the page ran are in
 *   `messages` already.
 * - Files: images, PDFs and texts as `data:` URLs, images and PDFs as web addresses.
 * - A message with the role `system` is left out: a page must not write the system prompt.
 * - A page can send anything. If it matters, check in your own store that an approved call was made, and
 *   with which input.
 *
 * @throws TypeError when the argument is not a list of messages, and for a file that Claude does not
 * accept.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, toSseResponse } from 'claude-rx';
 * import { fromUiMessages, toUiMessages, UI_MESSAGE_SSE } from 'claude-rx/ui';
 *
 * const client = new Anthropic();
 *
 * export async function POST(request: Request): Promise<Response> {
 *   const body = await request.json();
 *   const { messages } = fromUiMessages(body.messages);
 *   const reply$ = fromMessages(client, { model: 'claude-opus-5-5', max_tokens: 1024, messages });
 *   return toSseResponse(reply$.pipe(toUiMessages()), UI_MESSAGE_SSE);
 * }
 * ```
 */
export function fromUiMessages(messages: readonly UiMessage[]): UiRequest {
  if (!Array.isArray(messages)) {
    throw new TypeError(
      `fromUiMessages: pass the messages of the page, a list of { id, role, parts }, not ${typeof messages}`,
    );
  }
  const turns: Turn[] = [];
  const sent = new SentHistory();
  let answers: ToolAnswer[] = [];
  for (const [index, message] of messages.entries()) {
    check(message, index);
    if (message.role === 'user') addTurn(turns, 'user', userContent(message), OWN);
    if (message.role !== 'assistant') continue;
    const isLast = index === messages.length - 1;
    const steps = uiSteps(message);
    for (const [place, step] of steps.entries()) {
      const isLastStep = place === steps.length - 1;
      answers = isLast && isLastStep ? step.answers : [];
      addStep(turns, step, sent, { isPending: answers.length > 0, goesOn: !isLastStep });
    }
  }
  const last = messages.at(-1);
  const id = last?.role === 'assistant' ? last.id : undefined;
  return {
    messages: turns as unknown as MessageParam[],
    ...(answers.length > 0 && { answers }),
    ...(id !== undefined && id !== '' && { messageId: id }),
  };
}

const OWN = { isOwn: true };

function userContent({ parts }: UiMessage): AnyBlock[] {
  return parts.flatMap((part) => {
    const block = part.type === 'file' ? fileBlock(part) : textBlock(part);
    return (block && sendableContent(block)) ?? [];
  });
}

function textBlock(part: { type: string; text?: unknown }): AnyBlock | undefined {
  return part.type === 'text' ? { type: 'text', text: asString(part.text) } : undefined;
}

/** Adds a reply in the same form as `runTools`, so that thinking in later replies stays valid. */
function addStep(
  turns: Turn[],
  { blocks, results, answers, approved, turn, steering }: UiStep,
  sent: SentHistory,
  { isPending, goesOn }: { isPending: boolean; goesOn: boolean },
): void {
  const pending = isPending ? answers.map(({ id }) => pendingResult(id)) : [];
  const { turns: added, after } = sendBack([{ blocks, seam: turn.seam }], sent, {
    results: [...results, ...pending],
    goesOn: goesOn && isPausedBy(turn.stopReason),
  });
  sent.add(after);
  for (const { role, content } of added) {
    addTurn(turns, role, role === 'user' ? answeredLast(content, approved) : content, OWN);
  }
  addTurn(
    turns,
    'user',
    steering.flatMap((parts) => userContent({ role: 'user', parts })),
    OWN,
  );
}

/** Moves the results of approved calls behind the others, in the same order as `runTools`. */
function answeredLast(content: readonly AnyBlock[], approved: readonly unknown[]): AnyBlock[] {
  const isApproved = idMatcher(approved);
  const isLate = ({ tool_use_id }: AnyBlock) => isApproved(String(tool_use_id));
  return [...content.filter((one) => !isLate(one)), ...content.filter(isLate)];
}

function check(message: unknown, index: number): asserts message is UiMessage {
  const { role, parts } = isRecord(message) ? message : {};
  const isList = Array.isArray(parts) && parts.every((part) => isRecord(part) && 'type' in part);
  if (typeof role === 'string' && isList) return;
  throw new TypeError(
    `fromUiMessages: messages[${index}] must be { role, parts: [{ type }] }, as the AI SDK sends it`,
  );
}
