import { isServerCall, isServerResult, isThought } from '../../history/blockKinds.ts';
import { withBlock } from '../../history/blocks.ts';
import { SentHistory } from '../../history/SentHistory.ts';
import { callsAt } from '../../history/stopReasons.ts';
import { errorEvent, type ErrorTextOptions } from '../../message/errorEvent.ts';
import { MessageStreamError } from '../../message/MessageStreamError.ts';
import { asString, type Fields, fields } from '../../message/record.ts';
import type { ResumeEvent, TurnEndEvent } from '../../message/StreamEvent.ts';
import type { ToolProgressEvent, ToolResultEvent } from '../../message/ToolCallEvent.ts';
import { toMessageStreamError } from '../../message/toMessageStreamError.ts';
import type { BridgeWriter } from '../BridgeSubscriber.ts';
import type { FollowedBlock } from '../ReplyFollower.ts';
import type { AgUiEvent, AgUiMessage, AgUiRunRef } from './AgUiEvent.ts';
import type { PlainEvent } from './PlainEvent.ts';
import { AgUiThread } from './AgUiThread.ts';
import {
  argumentsOf,
  type Binding,
  callMetadata,
  type ClaudeMetadata,
  CUT_CALL,
  NO_RESULT,
  openThought,
  resultContent,
  sealThought,
  textContent,
} from './blockFields.ts';
import { readBeginning } from './conversationMessages.ts';
import { isSameForApi } from './isSameForApi.ts';
import { messageId } from './messageId.ts';
import {
  type AssistantPart,
  type CallPart,
  messageOf,
  type ReasoningPart,
  type ReplyPart,
  type ResultPart,
} from './ReplyParts.ts';
import { RunUsage } from './RunUsage.ts';

/** How a reply ended. */
interface Ending {
  stopReason: unknown;
  turn: TurnEndEvent | undefined;
}

/** Texts that a page shows for calls without a result. */
const NO_ANSWER = 'This call has no result.';
const CUT = 'This call was cut off.';
const WITHDRAWN = 'This call was withdrawn.';

export interface AgUiWriterOptions extends ErrorTextOptions {
  run: AgUiRunRef;
  emit: (event: AgUiEvent) => void;
  /** The message of the reply so far. */
  message: () => Fields | undefined;
}

/** Writes the steps of a reply as the events of an AG-UI run. */
export class AgUiWriter implements BridgeWriter {
  readonly #run: AgUiRunRef;
  readonly #emit: (event: AgUiEvent) => void;
  readonly #message: () => Fields | undefined;
  readonly #errorText: ErrorTextOptions;
  /** The messages of the thread; `undefined` if they are not known. */
  readonly #thread: AgUiThread | undefined;
  readonly #usage = new RunUsage();
  readonly #ids = new SentHistory();
  /** The ids of the calls in this run. */
  readonly #calls = new Set<string>();
  /** The messages of the earlier replies. */
  #settled: AgUiMessage[] = [];
  #parts: ReplyPart[] = [];
  /** The blocks of the reply, in order. */
  #blocks: FollowedBlock[] = [];
  #partOf = new Map<FollowedBlock, ReplyPart>();
  #callOf = new Map<FollowedBlock, CallPart>();
  readonly #openBlocks = new Set<FollowedBlock>();
  /** The open text of the last delta. */
  #writing: { block: FollowedBlock; part: AssistantPart } | undefined;
  /** The calls of earlier replies that the API runs: their results may come in a later reply. */
  #serverCalls: CallPart[] = [];
  #reply = 0;
  #position = 0;
  #isInReply = false;
  #ending: Ending | undefined;
  /** The number of blocks before the reply was continued. */
  #seam = Infinity;
  /** Withdrawn reasoning. A page keeps it if a snapshot has no reasoning at all. */
  #withdrawn: string[] = [];
  /**
   * Whether the model has seen content that the page cannot send back. Thinking from here on can then
   * not be sent back either.
   */
  #isUnbound = false;
  /** Whether text came for a block that was no longer the last block of its message. */
  #isDisordered = false;

  constructor({ run, emit, message, errorText }: AgUiWriterOptions) {
    this.#run = run;
    this.#emit = emit;
    this.#message = message;
    this.#errorText = { errorText };
    const { messages } = run;
    if (messages === undefined) return;
    this.#thread = new AgUiThread({ ...run, messages });
    const ids = messages.flatMap((one) =>
      one.role === 'assistant' ? (one.toolCalls ?? []).map(({ id }) => id) : [],
    );
    this.#ids.add({ ids: new Set(ids), open: new Map(), hasAskedToGoOn: false });
  }

  start(): void {
    const { threadId, runId } = this.#run;
    this.#write({ type: 'RUN_STARTED', threadId, runId });
  }

  replyStart(): void {
    this.#settle([], 'goes on');
    this.#reply++;
    this.#isInReply = true;
    this.#write({ type: 'STEP_STARTED', stepName: this.#stepName });
  }

  replyReset(event: ResumeEvent | undefined): void {
    const keep = event?.keep ?? 0;
    this.#close();
    const isGone = ({ position }: FollowedBlock) => position >= keep;
    // A client takes each call without a result for a call that it must answer.
    const withdrawn = new Set<string>();
    for (const [block, call] of this.#callOf) {
      if (!isGone(block)) continue;
      this.#answer(call, WITHDRAWN, NO_RESULT);
      withdrawn.add(call.id);
      this.#calls.delete(call.id);
    }
    const before = this.#parts;
    const isShown = [...this.#partOf.keys()].some(isGone);
    this.#parts = before
      .filter((part) => !(part.kind === 'tool' && withdrawn.has(part.toolCallId)))
      .flatMap((part) => standing(part, isGone));
    for (const block of this.#partOf.keys()) {
      if (!isGone(block)) continue;
      this.#partOf.delete(block);
      this.#callOf.delete(block);
    }
    this.#openBlocks.clear();
    this.#blocks.length = Math.min(this.#blocks.length, keep);
    this.#ending = undefined;
    // A reply that starts again has no seam.
    this.#seam = keep > 0 ? Math.min(this.#seam, keep) : Infinity;
    for (const part of before) {
      if (part.kind === 'reasoning' && !this.#parts.includes(part)) this.#withdrawn.push(part.id);
    }
    if (this.#thread) this.#snapshot();
    else if (isShown) throw withoutMessages();
    if (this.#isInReply) return;
    this.#isInReply = true;
    this.#write({ type: 'STEP_STARTED', stepName: this.#stepName });
  }

  blockStart(block: FollowedBlock): void {
    this.#blocks[block.position] = block;
    this.#openBlocks.add(block);
    const { kind } = block;
    const isKnown = this.#partOf.has(block);
    if (kind === 'text') {
      if (!isKnown) this.#text(block, asString(block.block['text']));
    } else if (kind === 'thinking') {
      if (!isKnown) this.#think(block);
    } else if (kind === 'tool_use' || isServerCall({ type: asString(kind) })) {
      if (!isKnown) this.#call(block);
    } else if (!isKnown) {
      this.#leave();
      this.#add(block, this.#opaque(block));
    }
  }

  blockText(block: FollowedBlock, text: string): void {
    // Most events are deltas of the same text as the last delta.
    if (block === this.#writing?.block) {
      const { id } = this.#writing.part;
      return this.#write({ type: 'TEXT_MESSAGE_CONTENT', messageId: id, delta: text });
    }
    if (block.kind === 'text') return this.#text(block, text);
    const call = this.#callOf.get(block);
    if (call) {
      if (!call.isOpen) return;
      call.hasArguments = true;
      return this.#write({ type: 'TOOL_CALL_ARGS', toolCallId: call.id, delta: text });
    }
    const part = this.#partOf.get(block);
    if (part?.kind !== 'reasoning') return;
    if (!part.isOpen) this.#openReasoning(part);
    this.#write({ type: 'REASONING_MESSAGE_CONTENT', messageId: part.id, delta: text });
  }

  blockEnd(block: FollowedBlock): void {
    this.#openBlocks.delete(block);
    const part = this.#partOf.get(block);
    const call = this.#callOf.get(block);
    if (call) {
      // A client-side call ends when it is proven complete.
      if (block.kind !== 'tool_use') this.#endCall(call);
    } else if (part?.kind === 'tool') {
      this.#giveResult(part, resultContent(block.block));
    } else if (part?.kind === 'reasoning') {
      // Redacted thinking that cannot be sent back is not shown.
      const isLost = block.kind === 'redacted_thinking' && this.#binding(part) === undefined;
      if (block.kind !== 'thinking' && !isLost) this.#openReasoning(part);
      if (part.isShown) this.#closeReasoning(part);
    }
  }

  callReady(block: FollowedBlock): void {
    const call = this.#callOf.get(block);
    if (call === undefined || call.state === 'ready') return;
    call.state = 'ready';
    this.#endCall(call);
  }

  callInvalid(block: FollowedBlock): void {
    const call = this.#callOf.get(block);
    if (call === undefined) return;
    call.state = 'invalid';
    this.#endCall(call);
  }

  callProgress({ tool_use_id, progress }: ToolProgressEvent, block?: FollowedBlock): void {
    const toolCallId = (block && this.#callOf.get(block)?.id) ?? tool_use_id;
    this.#write({ type: 'CUSTOM', name: 'tool_progress', value: { toolCallId, progress } });
  }

  callResult({ result, tool_use_id }: ToolResultEvent, block?: FollowedBlock): void {
    const call = block && this.#callOf.get(block);
    if (call?.hasResult) return;
    if (call) this.#endCall(call);
    const part = this.#newResult(call?.id ?? tool_use_id);
    if (call) call.hasResult = true;
    this.#parts.push(part);
    this.#giveResult(part, resultContent(result as unknown as Fields));
  }

  replyEnd(stopReason: unknown, turn: TurnEndEvent | undefined): void {
    this.#ending = { stopReason, turn };
    this.#close();
    if (this.#isDisordered && this.#thread) this.#snapshot();
    this.#isDisordered = false;
    this.#endStep();
  }

  interrupted(): void {
    this.#ending = { stopReason: 'interrupted', turn: undefined };
  }

  /** The run is complete. */
  finish(): void {
    const { stopReason, turn } = this.#ending ?? { stopReason: undefined, turn: undefined };
    const waiting = this.#waiting(stopReason, turn);
    this.#settle(waiting, 'ends');
    // A page takes all calls without a result for its own, unless `pendingToolCallIds` names some.
    if (waiting.length === 0) this.#answerServerCalls();
    const { threadId, runId } = this.#run;
    const approvals = turn?.pending?.filter(({ awaits }) => awaits === 'approval') ?? [];
    const asked = waiting.filter(({ came }) => approvals.some(({ id }) => id === came));
    const isInterrupted = turn?.outcome === 'interrupted' && asked.length > 0;
    for (const call of waiting) if (!asked.includes(call)) this.#askPage(call);
    this.#write({
      type: 'RUN_FINISHED',
      threadId,
      runId,
      result: { stopReason: turn?.outcome ?? stopReason ?? 'unknown' },
      outcome: isInterrupted
        ? { type: 'interrupt', interrupts: asked.map(interrupt) }
        : {
            type: 'success',
            ...(waiting.length > 0 && { pendingToolCallIds: waiting.map(({ id }) => id) }),
          },
      ...this.#usage.field,
    });
  }

  /** The run has failed, or was stopped. */
  fail(thrown: unknown): void {
    this.#close();
    this.#settle([], 'ends');
    this.#answerServerCalls();
    const { threadId, runId } = this.#run;
    if (toMessageStreamError(thrown).code === 'aborted') {
      const outcome = { type: 'cancelled' } as const;
      this.#write({ type: 'RUN_FINISHED', threadId, runId, outcome, ...this.#usage.field });
      return;
    }
    this.#write({ ...runError(thrown, this.#errorText), ...this.#usage.field });
  }

  #write(event: PlainEvent): void {
    this.#emit(event as unknown as AgUiEvent);
  }

  get #stepName(): string {
    return `turn ${this.#reply}`;
  }

  #newId(): string {
    return messageId(this.#run.runId, this.#reply, ++this.#position);
  }

  #add(block: FollowedBlock, part: ReplyPart): void {
    this.#partOf.set(block, part);
    this.#parts.push(part);
  }

  #text(block: FollowedBlock, text: string): void {
    if (text === '') return;
    let part = this.#partOf.get(block);
    if (part === undefined) {
      this.#writing = undefined;
      part = this.#assistant((last) => last.calls.length === 0 && !this.#isWriting(last));
      part.texts.push(block);
      this.#partOf.set(block, part);
    }
    if (part.kind !== 'assistant') return;
    if (!part.isOpen) {
      part.isOpen = true;
      this.#write({ type: 'TEXT_MESSAGE_START', messageId: part.id, role: 'assistant' });
    }
    if (part.texts.at(-1) !== block) this.#isDisordered = true;
    else this.#writing = { block, part };
    this.#write({ type: 'TEXT_MESSAGE_CONTENT', messageId: part.id, delta: text });
  }

  /** Whether a text of the part continues. */
  #isWriting({ texts }: AssistantPart): boolean {
    return texts.some((block) => this.#openBlocks.has(block));
  }

  /** The last part, if it is an assistant part that fits; else a new part. */
  #assistant(fits: (last: AssistantPart) => boolean): AssistantPart {
    const last = this.#parts.at(-1);
    if (last?.kind === 'assistant' && fits(last)) return last;
    this.#leave();
    const part: AssistantPart = {
      kind: 'assistant',
      id: this.#newId(),
      texts: [],
      calls: [],
      isOpen: false,
    };
    this.#parts.push(part);
    return part;
  }

  /** Ends the text of the last part, unless the text is still streaming. */
  #leave(): void {
    const last = this.#parts.at(-1);
    if (last?.kind === 'assistant' && !this.#isWriting(last)) this.#closeText(last);
  }

  #closeText(part: AssistantPart): void {
    if (!part.isOpen) return;
    part.isOpen = false;
    this.#writing = undefined;
    const { metadata } = textContent(part.texts.map(({ block }) => block));
    this.#write({ type: 'TEXT_MESSAGE_END', messageId: part.id, ...(metadata && { metadata }) });
  }

  #think(block: FollowedBlock): void {
    this.#leave();
    const part: ReasoningPart = {
      kind: 'reasoning',
      id: this.#newId(),
      block,
      isOpen: false,
      isShown: false,
    };
    this.#add(block, part);
    this.#openReasoning(part);
    const thinking = asString(block.block['thinking']);
    if (thinking !== '') this.blockText(block, thinking);
  }

  #opaque(block: FollowedBlock): ReasoningPart | ResultPart {
    const { type, tool_use_id } = block.block;
    if (isServerResult({ type: asString(type) })) {
      const call = this.#serverCall(tool_use_id);
      if (call) call.hasResult = true;
      return { ...this.#newResult(call?.id ?? String(tool_use_id)), block };
    }
    return {
      kind: 'reasoning',
      id: this.#newId(),
      block,
      isOpen: false,
      isShown: false,
    };
  }

  /**
   * The fingerprints of everything that the block is bound to: before the reply, and in the reply up to
   * the block. `undefined` if the page cannot send that content back unchanged.
   */
  #binding(part: ReasoningPart): Binding | undefined {
    const { block: followed, id } = part;
    const { block, position } = followed;
    const { block: returned } = openThought({
      content: block['thinking'],
      encryptedValue: sealThought(block, id, {}),
    });
    if (position >= this.#seam || this.#isUnbound || returned === undefined) return undefined;
    const parts = this.#parts.slice(0, this.#parts.indexOf(part));
    const beginning = readBeginning(parts.flatMap((one) => messageOf(one) ?? []));
    const came = this.#blocks.slice(0, position).map((one) => one.block);
    if (!isSameForApi(beginning.blocks, came)) return undefined;
    if (this.#thread === undefined) return {};
    const blocks = withBlock('assistant')(beginning.fingerprint, returned);
    return { prefix: this.#thread.prefix, blocks };
  }

  #openReasoning(part: ReasoningPart): void {
    const { id } = part;
    if (part.isOpen) return;
    part.isOpen = true;
    part.isShown = true;
    this.#write({ type: 'REASONING_START', messageId: id });
    this.#write({ type: 'REASONING_MESSAGE_START', messageId: id, role: 'reasoning' });
  }

  #closeReasoning(part: ReasoningPart): void {
    const { id } = part;
    if (part.isOpen) {
      part.binding = isThought(part.block.block as { type: string }) ? this.#binding(part) : {};
      this.#write({ type: 'REASONING_MESSAGE_END', messageId: id });
    }
    this.#encrypt(part);
    if (part.isOpen) this.#write({ type: 'REASONING_END', messageId: id });
    part.isOpen = false;
  }

  /** Sends the signature or the data of a block; not after a seam, where neither may be sent back. */
  #encrypt(part: ReasoningPart): void {
    const { id, binding, block: followed } = part;
    const { block, kind } = followed;
    if (binding === undefined || (kind === 'thinking' && asString(block['signature']) === ''))
      return;
    const value = sealThought(block, id, binding);
    if (value === part.encrypted) return;
    part.encrypted = value;
    this.#write({
      type: 'REASONING_ENCRYPTED_VALUE',
      subtype: 'message',
      entityId: id,
      encryptedValue: value,
    });
  }

  #call(block: FollowedBlock): void {
    const parent = this.#assistant(() => true);
    if (!this.#isWriting(parent)) this.#closeText(parent);
    const came = block.block['id'];
    const id = this.#ids.idFor(came, this.#calls);
    this.#calls.add(id);
    const call: CallPart = {
      id,
      came,
      block,
      isOpen: true,
      hasArguments: false,
      state: 'written',
      hasResult: false,
    };
    parent.calls.push(call);
    this.#partOf.set(block, parent);
    this.#callOf.set(block, call);
    this.#write({
      type: 'TOOL_CALL_START',
      toolCallId: id,
      toolCallName: asString(block.block['name']),
      parentMessageId: parent.id,
      ...callMetadata(block.block),
    });
  }

  #endCall(call: CallPart): void {
    if (!call.isOpen) return;
    call.isOpen = false;
    const { id, block } = call;
    if (!call.hasArguments) {
      const delta = argumentsOf(block.block);
      this.#write({ type: 'TOOL_CALL_ARGS', toolCallId: id, delta });
    }
    this.#write({ type: 'TOOL_CALL_END', toolCallId: id });
  }

  /** The call with this id that the API runs: of several, the first without a result. */
  #serverCall(came: unknown): CallPart | undefined {
    const all = [...this.#serverCalls, ...this.#callOf.values()];
    const same = all.filter((call) => call.came === came && call.block.kind !== 'tool_use');
    return same.find(({ hasResult }) => !hasResult) ?? same.at(-1);
  }

  #newResult(toolCallId: string): ResultPart {
    this.#leave();
    return { kind: 'tool', id: this.#newId(), toolCallId };
  }

  #giveResult(part: ResultPart, result: ResultPart['result']): void {
    if (part.result !== undefined || result === undefined) return;
    part.result = result;
    const { id, toolCallId } = part;
    this.#write({
      type: 'TOOL_CALL_RESULT',
      messageId: id,
      toolCallId,
      role: 'tool',
      ...(result as { content: string; metadata?: ClaudeMetadata }),
    });
  }

  /** The calls that the page must answer. */
  #waiting(stopReason: unknown, turn: TurnEndEvent | undefined): CallPart[] {
    const open = [...this.#callOf.values()].filter(({ hasResult }) => !hasResult);
    if (turn === undefined) {
      if (callsAt(stopReason) !== 'run') return [];
      return open.filter(({ block, state }) => block.kind === 'tool_use' && state === 'ready');
    }
    const ids = new Set<unknown>(turn.pending?.map(({ id }) => id));
    return open.filter(({ came }) => ids.has(came));
  }

  /** TanStack AI runs a tool of the page at this event; other clients read `pendingToolCallIds`. */
  #askPage({ id: toolCallId, block: { block } }: CallPart): void {
    const value = { toolCallId, toolName: asString(block['name']), input: block['input'] ?? {} };
    this.#write({ type: 'CUSTOM', name: 'tool-input-available', value });
  }

  /** Ends all open parts. */
  #close(): void {
    for (const part of this.#parts) {
      if (part.kind === 'reasoning' && part.isShown) this.#closeReasoning(part);
      if (part.kind !== 'assistant') continue;
      this.#closeText(part);
      for (const call of part.calls) this.#endCall(call);
    }
  }

  /** Ends the reply: each call gets a result, except the calls that wait for one. */
  #settle(waiting: readonly CallPart[], run: 'goes on' | 'ends'): void {
    this.#close();
    for (const call of this.#callOf.values()) {
      if (call.hasResult || waiting.includes(call)) continue;
      if (call.block.kind !== 'tool_use') {
        this.#serverCalls.push(call);
        continue;
      }
      if (call.state === 'written') this.#answer(call, CUT, CUT_CALL);
      else this.#answer(call, NO_ANSWER, NO_RESULT);
    }
    this.#endStep();
    // Only later content is bound to it.
    if (run === 'goes on') this.#remember(this.#messages);
    this.#parts = [];
    this.#blocks = [];
    this.#partOf = new Map();
    this.#callOf = new Map();
    this.#openBlocks.clear();
    this.#position = 0;
    this.#seam = Infinity;
    this.#withdrawn = [];
    this.#isDisordered = false;
    this.#ending = undefined;
  }

  /** Adds the reply, as the page has it, to the thread. */
  #remember(messages: readonly AgUiMessage[]): void {
    const { stopReason, turn } = this.#ending ?? {};
    if (this.#thread === undefined) return;
    const start = turn?.outcome === 'continue' ? this.#thread.length : 0;
    if (messages.length > 0) {
      this.#settled.push(...messages);
      this.#thread.add(messages, stopReason);
    }
    if (turn?.outcome !== 'continue') return;
    if (!this.#thread.endsWith(turn.appended, start)) this.#isUnbound = true;
  }

  #answerServerCalls(): void {
    for (const call of this.#serverCalls) {
      this.#answer(call, NO_ANSWER, NO_RESULT);
    }
    this.#serverCalls = [];
  }

  /** Gives a call without a result a text instead. */
  #answer(call: CallPart, content: string, metadata: ClaudeMetadata): void {
    if (call.hasResult) return;
    call.hasResult = true;
    const part = this.#newResult(call.id);
    this.#parts.push(part);
    this.#giveResult(part, { content, metadata });
  }

  #endStep(): void {
    if (!this.#isInReply) return;
    this.#isInReply = false;
    this.#usage.add(this.#message());
    this.#write({ type: 'STEP_FINISHED', stepName: this.#stepName });
  }

  /** The messages of the page that were made from this reply. */
  get #messages(): AgUiMessage[] {
    return this.#parts.flatMap((part) => messageOf(part) ?? []);
  }

  /** Sends all messages of the thread, without the withdrawn content. */
  #snapshot(): void {
    const known = (this.#run.messages ?? []).filter(({ role }) => role !== 'activity');
    const messages: AgUiMessage[] = [...known, ...this.#settled, ...this.#messages];
    if (!messages.some(({ role }) => role === 'reasoning')) {
      const emptied = this.#withdrawn.map((id) => ({
        id,
        role: 'reasoning' as const,
        content: '',
      }));
      messages.push(...emptied);
    }
    this.#write({ type: 'MESSAGES_SNAPSHOT', messages });
  }
}

/** The rest of a part when blocks are withdrawn. */
function standing(part: ReplyPart, isGone: (block: FollowedBlock) => boolean): ReplyPart[] {
  if (part.kind !== 'assistant') return part.block && isGone(part.block) ? [] : [part];
  part.texts = part.texts.filter((block) => !isGone(block));
  part.calls = part.calls.filter(({ block }) => !isGone(block));
  return part.texts.length + part.calls.length > 0 ? [part] : [];
}

/** An interrupt that asks for an approval. */
function interrupt({ id, block: { block } }: CallPart) {
  const { name, input } = block;
  const toolName = asString(name);
  return {
    id,
    reason: 'approval_required',
    toolCallId: id,
    message: `Approve the call of ${toolName}?`,
    // TanStack AI recognises an approval by these fields.
    metadata: { kind: 'approval', toolName, input: input ?? {} },
    responseSchema: {
      type: 'object',
      properties: { approved: { type: 'boolean' }, reason: { type: 'string' } },
      required: ['approved'],
    },
  };
}

/** The last event of a failed run. */
function runError(thrown: unknown, options: ErrorTextOptions): PlainEvent & { type: 'RUN_ERROR' } {
  const { message, claude_rx } = errorEvent(thrown, options).error;
  const code = asString(fields(claude_rx)['code']);
  return { type: 'RUN_ERROR', message, code };
}

function withoutMessages(): MessageStreamError {
  return new MessageStreamError(
    'toAgUi: the reply withdrew content that the page shows, and the messages of the run are not known: ' +
      'pass the whole input of the run, with its `messages`',
    { code: 'protocol' },
  );
}
