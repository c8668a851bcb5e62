import { isCall } from '../../history/blockKinds.ts';
import type { AnyBlock } from '../../history/blocks.ts';
import { unfinishedInput } from '../../message/BlockBuilder.ts';
import { asString, type Fields, fields, isRecord, text } from '../../message/record.ts';
import { type ToolContent, toolContent } from '../../tools/toolContent.ts';
import type { ToolAnswer } from '../../tools/ToolAnswer.ts';
import { deniedText } from './denial.ts';
import type { UiMessage } from './UiMessage.ts';
import type { UiTurn } from './UiMessageChunk.ts';

/** A reply in a message of a page, with the results and answers of its calls. */
export interface UiStep {
  blocks: AnyBlock[];
  /** The results of calls, as the model received them. */
  results: AnyBlock[];
  /** The answers to calls that were approved or denied and have no result so far. */
  answers: ToolAnswer[];
  /** The ids of the calls that a page has approved or denied. */
  approved: unknown[];
  turn: UiTurn;
  /** The messages that users have added after the reply. */
  steering: UiMessage['parts'][];
}

interface OpenStep extends UiStep {
  /** Results of calls that the API ran, with their positions among the blocks. */
  placed: { position: number; block: AnyBlock }[];
}

/** The replies in a message of a page: each `step-start` begins one. */
export function uiSteps({ parts }: UiMessage): UiStep[] {
  const steps: OpenStep[] = [newStep()];
  for (const part of parts as readonly Fields[]) {
    if (part['type'] === 'step-start') steps.push(newStep());
    else addPart(steps.at(-1)!, part);
  }
  return steps
    .map(({ placed, blocks, ...step }) => {
      const all = [...blocks];
      for (const { position, block } of placed.toSorted((a, b) => a.position - b.position)) {
        all.splice(position, 0, block);
      }
      return { ...step, blocks: all };
    })
    .filter(({ blocks, steering, turn }) => blocks.length + steering.length > 0 || turn.stopReason);
}

function newStep(): OpenStep {
  return { blocks: [], results: [], answers: [], approved: [], turn: {}, steering: [], placed: [] };
}

function addPart(step: OpenStep, part: Fields): void {
  const type = asString(part['type']);
  const { blocks } = step;
  if (type === 'text') addText(blocks, part);
  else if (type === 'reasoning') blocks.push(thinkingBlock(part));
  else if (type === 'dynamic-tool') addTool(step, part, asString(part['toolName']));
  else if (type.startsWith('tool-')) addTool(step, part, type.slice('tool-'.length));
  else if (type === 'data-claude-block') {
    const block = part['data'];
    if (isRecord(block) && typeof block['type'] === 'string' && !isCall(block as never))
      blocks.push(block as unknown as AnyBlock);
  } else if (type === 'data-claude-turn') step.turn = turnOf(part['data']);
  else if (type === 'steering-message' && Array.isArray(part['parts']))
    step.steering.push(part['parts'].filter(isRecord) as unknown as UiMessage['parts']);
}

function addText(blocks: AnyBlock[], part: Fields): void {
  const { goesOn, ...rest } = own(part['providerMetadata']);
  const more = asString(part['text']);
  const last = blocks.at(-1);
  if (goesOn === true && last?.type === 'text') {
    blocks[blocks.length - 1] = { ...last, ...rest, text: `${asString(last['text'])}${more}` };
  } else {
    blocks.push({ ...rest, type: 'text', text: more });
  }
}

function thinkingBlock(part: Fields): AnyBlock {
  const { redactedData, goesOn: _, ...rest } = own(part['providerMetadata']);
  if (typeof redactedData === 'string')
    return { ...rest, type: 'redacted_thinking', data: redactedData };
  return { ...rest, type: 'thinking', thinking: asString(part['text']) };
}

function addTool(step: OpenStep, part: Fields, name: string): void {
  const { state } = part;
  const { denial, type, id: came, ...rest } = own(part['callProviderMetadata']);
  const id = asString(came ?? part['toolCallId']);
  const { isText } = own(part['resultProviderMetadata']);
  // An input that is not a JSON object becomes `{}` in the history, so later thinking is not valid.
  const unfinished = state === 'input-streaming' ? part['rawInput'] : isText && part['input'];
  const isUnfinished = state === 'input-streaming' || isText === true;
  const block: AnyBlock = {
    ...rest,
    type: part['providerExecuted'] === true ? asString(type) || 'server_tool_use' : 'tool_use',
    id,
    name,
    input: isUnfinished || part['input'] === undefined ? {} : part['input'],
    ...(isUnfinished && { [unfinishedInput]: asString(unfinished) }),
  };
  step.blocks.push(block);
  if (part['providerExecuted'] === true) return addServerResult(step, part, id);
  const result = resultOf(part, fields(denial));
  const isAnswered = typeof fields(part['approval'])['approved'] === 'boolean';
  if (isAnswered && denial === undefined) step.approved.push(id);
  if (result) step.results.push({ type: 'tool_result', tool_use_id: id, ...result });
  else step.answers.push(...answersTo(part, id));
}

function addServerResult({ placed, blocks }: OpenStep, part: Fields, tool_use_id: unknown): void {
  const { state, output } = part;
  if (state !== 'output-available' && state !== 'output-error') return;
  const { type, position, isElsewhere, ...rest } = own(part['resultProviderMetadata']);
  // Without these fields, the part came from another server.
  if (isElsewhere === true || typeof type !== 'string') return;
  const place = Number.isInteger(position) ? (position as number) : blocks.length;
  placed.push({ position: place, block: { content: output, ...rest, type, tool_use_id } });
}

/** The result of a call, as the model received it; `undefined` if there is none so far. */
function resultOf(part: Fields, denial: Fields): Fields | undefined {
  const { state, output, errorText, preliminary } = part;
  const { content, isText: _, ...rest } = own(part['resultProviderMetadata']);
  const told = (given: ToolContent) => {
    const exact = content === undefined ? given : (content ?? undefined);
    return { ...rest, ...(exact !== undefined && { content: exact }) };
  };
  switch (state) {
    case 'output-available':
      return preliminary === true ? undefined : told(toolContent(output));
    case 'output-error':
      return { ...told(asString(errorText)), is_error: true };
    case 'output-denied':
      return {
        content: deniedText(text(fields(part['approval'])['reason'])),
        ...denial,
        is_error: true,
      };
    default:
      return undefined;
  }
}

function answersTo({ state, approval }: Fields, id: string): ToolAnswer[] {
  const { approved, reason } = fields(approval);
  if (state !== 'approval-responded' || typeof approved !== 'boolean') return [];
  if (approved) return [{ id, approved }];
  return [{ id, approved, ...(asString(reason) !== '' && { reason: asString(reason) }) }];
}

/** The fields that this bridge, or the AI SDK's own provider, added to a part. */
function own(providerMetadata: unknown): Fields {
  return fields(fields(providerMetadata)['anthropic']);
}

function turnOf(data: unknown): UiTurn {
  const { stopReason, seam } = fields(data);
  return {
    ...(typeof stopReason === 'string' && { stopReason }),
    ...(Number.isInteger(seam) && { seam: seam as number }),
  };
}
