import type { FollowedBlock } from '../ReplyFollower.ts';
import type { AgUiMessage } from './AgUiEvent.ts';
import {
  argumentsOf,
  type Binding,
  callMetadata,
  type ResultContent,
  textContent,
} from './blockFields.ts';

/** Consecutive text blocks and the calls after them: one message of the page. */
export interface AssistantPart {
  kind: 'assistant';
  id: string;
  texts: FollowedBlock[];
  calls: CallPart[];
  /** Whether its text is open. */
  isOpen: boolean;
}

export interface CallPart {
  id: string;
  /** The id that came with it. */
  came: unknown;
  block: FollowedBlock;
  isOpen: boolean;
  hasArguments: boolean;
  state: 'written' | 'ready' | 'invalid';
  hasResult: boolean;
}

/** Thinking, or a block that a page cannot show. */
export interface ReasoningPart {
  kind: 'reasoning';
  id: string;
  block: FollowedBlock;
  isOpen: boolean;
  /** Whether the page has it. */
  isShown: boolean;
  /** The content that it is bound to, if it may be sent back. */
  binding?: Binding | undefined;
  /** The part of its signature or data that was sent. */
  encrypted?: string;
}

export interface ResultPart {
  kind: 'tool';
  id: string;
  toolCallId: string;
  /** Of a tool that the API ran: the result block. */
  block?: FollowedBlock;
  /** Of a result that has arrived. */
  result?: ResultContent;
}

export type ReplyPart = AssistantPart | ReasoningPart | ResultPart;

/** The part as the page has it; `undefined` if the page has nothing. */
export function messageOf(part: ReplyPart): AgUiMessage | undefined {
  const { id } = part;
  if (part.kind === 'tool') {
    const { toolCallId, result } = part;
    return result && ({ id, role: 'tool', toolCallId, ...result } as AgUiMessage);
  }
  if (part.kind === 'reasoning') {
    const { block, encrypted } = part;
    if (!part.isShown) return undefined;
    const { thinking } = block.block;
    return {
      id,
      role: 'reasoning',
      content: typeof thinking === 'string' ? thinking : '',
      ...(encrypted !== undefined && { encryptedValue: encrypted }),
    };
  }
  const { texts, calls } = part;
  return {
    id,
    role: 'assistant',
    ...(texts.length > 0 && textContent(texts.map(({ block }) => block))),
    ...(calls.length > 0 && { toolCalls: calls.map(toolCall) }),
  };
}

function toolCall({ id, block }: CallPart) {
  const call = block.block;
  const { name } = call;
  return {
    id,
    type: 'function' as const,
    function: { name: String(name), arguments: argumentsOf(call) },
    ...callMetadata(call),
  };
}
