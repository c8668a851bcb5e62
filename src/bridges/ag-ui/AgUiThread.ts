import type { ConversationMessage } from '../../conversation/ConversationState.ts';
import { HistoryCache } from '../../conversation/history.ts';
import { fingerprint } from '../../history/fingerprint.ts';
import type { AnyBlock, Turn } from '../../history/blocks.ts';
import type { AgUiInput, AgUiMessage } from './AgUiEvent.ts';
import { isSameForApi } from './isSameForApi.ts';
import { conversationMessages, type ConversationMessagesOptions } from './conversationMessages.ts';

/** The messages of a thread in the form of a request, with the fingerprints that thinking is bound to. */
export class AgUiThread {
  readonly #history: HistoryCache<never>;
  #known: readonly AgUiMessage[];
  #messages: ConversationMessage[];

  /** @throws TypeError for a message with content that the API does not accept */
  constructor({ messages, tools = [], context = [], resume = [] }: AgUiInput) {
    const seed = fingerprint('', [systemOf({ messages, context }) ?? '', tools]);
    this.#history = new HistoryCache({ seed });
    this.#known = messages;
    const pending = new Set(resume.map(({ interruptId }) => interruptId));
    this.#messages = fromUser(messages, { isAsked: resume.length === 0, pending });
  }

  /** The fingerprint of everything before the next reply. */
  get prefix(): string {
    return this.#history.of(this.#messages as never).prefix.fingerprint;
  }

  get turns(): Turn[] {
    return this.#history.of(this.#messages as never).turns;
  }

  /** Adds a reply with its stop reason, or the results of calls that waited for them. */
  add(messages: readonly AgUiMessage[], stopReason: unknown): void {
    this.#known = [...this.#known, ...messages];
    if (messages.every(({ role }) => role === 'tool')) {
      this.#messages = fromUser(this.#known);
      return;
    }
    const replies = conversationMessages(messages).map((message) => ({
      ...message,
      stop_reason: stopReason as never,
    }));
    this.#messages = [...this.#messages, ...(replies as ConversationMessage[])];
  }

  /** The number of blocks in a request. */
  get length(): number {
    return this.turns.reduce((length, { content }) => length + content.length, 0);
  }

  /** Whether the request has exactly these turns from its block at `start` on. */
  endsWith(turns: readonly { role: string; content?: unknown }[], start: number): boolean {
    const own = this.turns.flatMap(blocksIn).slice(start);
    const wanted = turns.flatMap(blocksIn);
    return isSameForApi(own, wanted);
  }
}

function blocksIn({ role, content }: { role: string; content?: unknown }): object[] {
  return (content as AnyBlock[]).map((block) => ({ role, block }));
}

/** The messages from the first user message on: a request must begin with one. */
function fromUser(
  messages: readonly AgUiMessage[],
  options?: ConversationMessagesOptions,
): ConversationMessage[] {
  const all = conversationMessages(messages, options);
  const first = all.findIndex(({ role }) => role === 'user');
  return first < 0 ? [] : all.slice(first);
}

/** The system prompt of a page: its system messages and its context. */
export function systemOf({
  messages,
  context = [],
}: Pick<AgUiInput, 'messages' | 'context'>): string | undefined {
  const said = messages.flatMap((message) =>
    message.role === 'system' || message.role === 'developer' ? [message.content] : [],
  );
  const known = context.map(({ description, value }) => `${description}:\n${value}`);
  return [...said, ...known].join('\n\n') || undefined;
}
