import { isCall, isServerCall, isServerResult } from '../../history/blockKinds.ts';
import { isPausedBy } from '../../history/stopReasons.ts';
import { unfinishedInput } from '../../message/BlockBuilder.ts';
import { errorEvent, type ErrorTextOptions } from '../../message/errorEvent.ts';
import type { MessageStreamError } from '../../message/MessageStreamError.ts';
import { asString, type Fields, fields } from '../../message/record.ts';
import type { ResumeEvent, TurnEndEvent } from '../../message/StreamEvent.ts';
import type { ToolProgressEvent, ToolResultEvent } from '../../message/ToolCallEvent.ts';
import { toMessageStreamError } from '../../message/toMessageStreamError.ts';
import type { BridgeWriter } from '../BridgeSubscriber.ts';
import { type FollowedBlock, otherFields } from '../ReplyFollower.ts';
import { contentText, isShownExactly, shownContent } from '../shownResult.ts';
import { deniedReason } from './denial.ts';
import type { UiFinishReason, UiMessageChunk, UiProviderMetadata } from './UiMessageChunk.ts';
import { sourcesOf } from './sourcesOf.ts';

export interface UiMessageWriterOptions extends ErrorTextOptions {
  messageId: string | undefined;
  dynamic: boolean;
  metadata: ((end: { readonly message: Fields }) => unknown) | undefined;
}

/** The kinds of blocks that are parts of their own, with the names of the parts. */
const PROSE: ReadonlyMap<unknown, 'text' | 'reasoning'> = new Map([
  ['text', 'text'],
  ['thinking', 'reasoning'],
]);

/** Writes the steps of a reply as chunks of the UI message stream. */
export class UiMessageWriter implements BridgeWriter {
  readonly #emit: (chunk: UiMessageChunk) => void;
  readonly #options: UiMessageWriterOptions;
  readonly #dynamic: { dynamic?: true };
  #hasStarted = false;
  /** The calls that the API runs, by id. */
  readonly #serverCalls = new Map<string, FollowedBlock>();
  /** The ids of the calls in the page. They must be unique, because the page finds calls by id. */
  readonly #ids = new Map<FollowedBlock, string>();
  readonly #usedIds = new Set<string>();
  /** The block of the last delta. */
  #writing:
    | { followed: FollowedBlock; type: 'text-delta' | 'reasoning-delta' | undefined; id: string }
    | undefined;
  #sources = new Set<string>();
  #seam: number | undefined;
  #finishReason: UiFinishReason = 'other';

  constructor(options: UiMessageWriterOptions, emit: (chunk: UiMessageChunk) => void) {
    this.#options = options;
    this.#emit = emit;
    this.#dynamic = options.dynamic ? { dynamic: true } : {};
  }

  /** Begins the message, if it has not begun. */
  start(messageId: unknown): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    const id = this.#options.messageId ?? (typeof messageId === 'string' ? messageId : undefined);
    this.#emit({ type: 'start', ...(id !== undefined && { messageId: id }) });
  }

  finish(message: Fields | undefined): void {
    const messageMetadata = this.#options.metadata?.({ message: message ?? {} });
    this.start(undefined);
    this.#emit({
      type: 'finish',
      finishReason: this.#finishReason,
      ...(messageMetadata !== undefined && { messageMetadata }),
    });
  }

  fail(thrown: unknown): void {
    const error = toMessageStreamError(thrown);
    this.start(undefined);
    const errorText = this.#errorText(error);
    if (error.code === 'aborted') this.#emit({ type: 'abort', reason: errorText });
    else this.#emit({ type: 'error', errorText });
  }

  replyStart(message: Fields): void {
    this.start(message['id']);
    this.#seam = undefined;
    this.#sources = new Set();
    this.#emit({ type: 'start-step' });
  }

  replyReset(event: ResumeEvent | undefined): void {
    const keep = event?.keep ?? 0;
    this.#seam = keep > 0 ? Math.min(this.#seam ?? Infinity, keep) : undefined;
    this.#sources = new Set();
    this.#emit({ type: 'reset-step' });
  }

  blockStart(followed: FollowedBlock): void {
    const { block, kind, isReopened } = followed;
    const prose = PROSE.get(kind);
    if (prose) {
      const part = isReopened ? { providerMetadata: { anthropic: { goesOn: true } } } : {};
      this.#emit({ type: `${prose}-start`, id: String(followed.position), ...part });
      if (!isReopened) this.blockText(followed, asString(block[String(kind)]));
      return;
    }
    if (isReopened || !(isCall(block as never) || isServerCall(block as never))) return;
    this.#emit({ type: 'tool-input-start', ...this.#call(followed), ...this.#metadata(followed) });
    this.blockText(followed, asString(block[unfinishedInput]));
  }

  blockText(followed: FollowedBlock, text: string): void {
    if (text === '') return;
    // Most events are deltas of the same text as the last delta.
    const { type, id } =
      followed === this.#writing?.followed ? this.#writing : this.#write(followed);
    // Does not read `block`, which would join all pieces of the text so far.
    if (type !== undefined) this.#emit({ type, id, delta: text });
    else if (this.#ids.has(followed))
      this.#emit({
        type: 'tool-input-delta',
        toolCallId: this.#idOf(followed),
        inputTextDelta: text,
      });
  }

  #write(followed: FollowedBlock) {
    const prose = PROSE.get(followed.kind);
    const type = prose === undefined ? undefined : (`${prose}-delta` as const);
    this.#writing = { followed, type, id: String(followed.position) };
    return this.#writing;
  }

  blockEnd(followed: FollowedBlock): void {
    const { block, kind, position } = followed;
    const id = String(position);
    const prose = PROSE.get(kind);
    if (prose) {
      this.#emit({ type: `${prose}-end`, id, ...metadata(otherFields(block, String(kind))) });
      this.#tellSources(followed);
    } else if (kind === 'redacted_thinking') {
      const part = metadata({ ...otherFields(block, 'data'), redactedData: block['data'] });
      this.#emit({ type: 'reasoning-start', id, ...part });
      this.#emit({ type: 'reasoning-end', id });
    } else if (isServerCall(block as never)) {
      this.#serverCalls.set(String(block['id']), followed);
      this.callReady(followed);
    } else if (isServerResult(block as never) && this.#serverCalls.has(resultId(block))) {
      this.#serverResult(followed);
      this.#tellSources(followed);
    } else if (!isCall(block as never)) {
      this.#emit({ type: 'data-claude-block', data: block });
    }
  }

  callReady(followed: FollowedBlock): void {
    const input = followed.block['input'] ?? {};
    this.#emit({ type: 'tool-input-available', ...this.#call(followed), input });
  }

  callInvalid(call: FollowedBlock, error: MessageStreamError): void {
    this.#invalid(call, this.#errorText(error), {});
  }

  callProgress(event: ToolProgressEvent, call: FollowedBlock | undefined): void {
    // The events of a subagent are not the output of its tool.
    if ('parent_tool_use_id' in event) return;
    const { tool_use_id, progress } = event;
    const toolCallId = call ? this.#idOf(call) : tool_use_id;
    // Values that JSON cannot hold are only for readers in this process.
    if (isJson(progress))
      this.#emit({
        type: 'tool-output-available',
        toolCallId,
        output: progress,
        preliminary: true,
        ...this.#dynamic,
      });
  }

  callResult(event: ToolResultEvent, call: FollowedBlock | undefined): void {
    const { tool_use_id, status, result } = event;
    const toolCallId = call ? this.#idOf(call) : tool_use_id;
    this.start(undefined);
    const { content } = result;
    const rest = otherFields(result as unknown as Fields, 'tool_use_id', 'content', 'is_error');
    const told = isShownExactly(content) ? {} : { content: content ?? null };
    const common = { toolCallId, ...this.#dynamic };
    switch (status) {
      case 'done':
        this.#emit({
          type: 'tool-output-available',
          ...common,
          output: shownContent(content),
          ...metadata({ ...rest, ...told }),
        });
        return;
      case 'denied':
        if (call) this.#denied(call, contentText(content), { ...rest, content });
        this.#emit({ type: 'tool-output-denied', toolCallId });
        return;
      default: {
        const errorText = contentText(content);
        const exact = content === errorText ? {} : { content: content ?? null };
        const part = { ...rest, ...exact };
        if (call && status === 'invalid_input') this.#invalid(call, errorText, part);
        else this.#emit({ type: 'tool-output-error', ...common, errorText, ...metadata(part) });
      }
    }
  }

  replyEnd(stopReason: unknown, turn: TurnEndEvent | undefined): void {
    const goesOn = isPausedBy(stopReason) ? { stopReason: String(stopReason) } : {};
    for (const { id, awaits } of turn?.pending ?? []) {
      const toolCallId = this.#pageId(id);
      if (awaits === 'approval' && toolCallId !== undefined)
        this.#emit({ type: 'tool-approval-request', approvalId: toolCallId, toolCallId });
    }
    const data = { ...goesOn, ...(this.#seam !== undefined && { seam: this.#seam }) };
    if (Object.keys(data).length > 0) this.#emit({ type: 'data-claude-turn', data });
    this.#emit({ type: 'finish-step' });
    this.#finishReason = finishReason(turn?.outcome ?? stopReason);
  }

  interrupted(): void {
    this.#finishReason = finishReason('interrupted');
  }

  #serverResult({ block, position, reply }: FollowedBlock): void {
    const call = this.#serverCalls.get(resultId(block))!;
    const toolCallId = this.#idOf(call);
    const { content, is_error } = block;
    // The part belongs to the call. If the call is of an earlier reply, the block has another position.
    const isElsewhere = call.reply !== reply;
    if (isElsewhere) this.#emit({ type: 'data-claude-block', data: block });
    const rest = otherFields(block, 'tool_use_id', 'content');
    const place = {
      ...rest,
      type: block['type'],
      ...(isElsewhere ? { isElsewhere } : { position }),
    };
    const common = { toolCallId, providerExecuted: true, ...this.#dynamic } as const;
    const code = fields(content)['error_code'];
    if (is_error === true || typeof code === 'string') {
      const errorText = typeof code === 'string' ? code : contentText(content);
      const part = metadata({ ...place, content });
      this.#emit({ type: 'tool-output-error', ...common, errorText, ...part });
    } else {
      const output = content ?? null;
      this.#emit({ type: 'tool-output-available', ...common, output, ...metadata(place) });
    }
  }

  #invalid(call: FollowedBlock, errorText: string, told: Fields): void {
    const { [unfinishedInput]: text, input } = call.block;
    this.#emit({
      type: 'tool-input-error',
      ...this.#call(call),
      input: text ?? input ?? null,
      errorText,
      ...metadata({ ...told, ...(text !== undefined && { isText: true }) }),
    });
  }

  #denied(call: FollowedBlock, text: string, denial: Fields): void {
    const reason = deniedReason(text);
    const toolCallId = this.#idOf(call);
    const { providerMetadata } = this.#metadata(call);
    this.#emit({ type: 'tool-approval-request', approvalId: toolCallId, toolCallId });
    this.#emit({
      type: 'tool-approval-response',
      approvalId: toolCallId,
      approved: false,
      ...(reason !== undefined && { reason }),
      // It replaces the part of the call.
      providerMetadata: { anthropic: { ...providerMetadata?.anthropic, denial } },
    });
  }

  /** The id that the page has for the last call with this id. */
  #pageId(came: string): string | undefined {
    return [...this.#ids].findLast(([{ block }]) => String(block['id']) === came)?.[1];
  }

  #idOf(call: FollowedBlock): string {
    let id = this.#ids.get(call);
    if (id === undefined) {
      const came = String(call.block['id']);
      id = came;
      for (let number = 2; this.#usedIds.has(id); number++) id = `${came}_${number}`;
      this.#usedIds.add(id);
      this.#ids.set(call, id);
    }
    return id;
  }

  /** The fields of a chunk with the input of a call. */
  #call(call: FollowedBlock) {
    return {
      toolCallId: this.#idOf(call),
      toolName: String(call.block['name']),
      ...(isServerCall(call.block as never) && { providerExecuted: true }),
      ...this.#dynamic,
    };
  }

  #metadata(call: FollowedBlock): { providerMetadata?: UiProviderMetadata } {
    const { block } = call;
    const { id, type } = block;
    return metadata({
      ...otherFields(block, 'id', 'name', 'input'),
      ...(isServerCall(block as never) && { type }),
      ...(this.#idOf(call) !== id && { id }),
    });
  }

  #tellSources({ block, position, reply }: FollowedBlock): void {
    for (const source of sourcesOf(block)) {
      const key = 'url' in source ? source.url : source.title;
      if (this.#sources.has(key)) continue;
      this.#sources.add(key);
      const sourceId = `${reply}-${position}-${this.#sources.size}`;
      this.#emit(
        'url' in source
          ? { type: 'source-url', sourceId, ...source }
          : { type: 'source-document', sourceId, ...source },
      );
    }
  }

  #errorText(error: MessageStreamError): string {
    return errorEvent(error, this.#options).error.message;
  }
}

function resultId(block: Fields): string {
  return String(block['tool_use_id']);
}

function metadata(given: Fields | undefined): { providerMetadata?: UiProviderMetadata } {
  if (given === undefined || Object.keys(given).length === 0) return {};
  return { providerMetadata: { anthropic: given } };
}

const FINISH_REASONS: ReadonlyMap<unknown, UiFinishReason> = new Map([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['refusal', 'content-filter'],
  ['tool_use', 'tool-calls'],
  ['interrupted', 'tool-calls'],
]);

function finishReason(outcome: unknown): UiFinishReason {
  return FINISH_REASONS.get(outcome) ?? 'other';
}

function isJson(value: unknown): boolean {
  try {
    return JSON.stringify(value) !== undefined;
  } catch {
    return false;
  }
}
