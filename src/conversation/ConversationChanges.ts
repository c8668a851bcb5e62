import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import {
  type DocumentMessage,
  documentOf,
  fail,
  type Kept,
  list,
  type PathOf,
  readDocument,
  record,
  toDocumentMessage,
} from './ConversationDocument.ts';
import type { ConversationMessage, ConversationUsage } from './ConversationState.ts';
import { settled } from './settled.ts';
import { NO_USAGE } from './usage.ts';

const FORMAT = 'claude-rx/conversation-changes';

/** The changes of a conversation since a version: an entry of a log, as plain JSON. */
export interface ConversationChanges {
  format: typeof FORMAT;
  /** The version before the changes; 0 is the conversation without messages. */
  since: number;
  /** The version after the changes. */
  version: number;
  /** The id of the `Conversation` object: two objects that were loaded from one log have different ids. */
  writer: string;
  /** How many messages stay; `messages` replaces all messages after them. */
  keep: number;
  messages: DocumentMessage[];
  usage: ConversationUsage;
  cost?: number;
}

/** Counts the versions of a conversation, and returns the changes between them. */
export class ChangeLog<E extends AnyStreamEvent> {
  readonly #writer = Math.random().toString(36).slice(2);
  #version: number;
  #known: Kept<E>;
  /** By message: the version of its last change. */
  #changedAt: number[];

  constructor(
    known: Kept<E> = { messages: [], usage: NO_USAGE, cost: undefined },
    version: number = 0,
  ) {
    this.#known = known;
    this.#version = version;
    this.#changedAt = known.messages.map(() => version);
  }

  get version(): number {
    return this.#version;
  }

  /** The changes since `version` in a conversation whose content is `now`; `undefined` if there are none. */
  changesSince(version: number, now: Kept<E>): ConversationChanges | undefined {
    this.#update(now);
    if (!(version <= this.#version)) {
      throw new TypeError(
        `Conversation.changesSince: \`version\` is ${version}, but the conversation is at version ` +
          `${this.#version}: pass the \`version\` of the last changes of this conversation, or 0 for all`,
      );
    }
    if (version === this.#version) return undefined;
    const { messages, usage, cost } = now;
    const first = this.#changedAt.findIndex((changedAt) => changedAt > version);
    const keep = first < 0 ? messages.length : first;
    return {
      format: FORMAT,
      since: version,
      version: this.#version,
      writer: this.#writer,
      keep,
      messages: messages.slice(keep).map((message) => toDocumentMessage(settled(message))),
      usage,
      ...(cost !== undefined && { cost }),
    };
  }

  #update(now: Kept<E>): void {
    const { messages, usage } = this.#known;
    const same = commonLength(messages, now.messages);
    const isSame =
      same === messages.length &&
      same === now.messages.length &&
      // The cost changes only together with the usage.
      usage === now.usage;
    if (isSame) return;
    this.#known = now;
    this.#version++;
    this.#changedAt.length = same;
    while (this.#changedAt.length < now.messages.length) this.#changedAt.push(this.#version);
  }
}

function commonLength<E extends AnyStreamEvent>(
  some: readonly ConversationMessage<E>[],
  others: readonly ConversationMessage<E>[],
): number {
  let same = 0;
  while (same < some.length && same < others.length && some[same] === others[same]) same++;
  return same;
}

const pathOf: PathOf = (field) => `Conversation.fromChanges: ${field}`;

/**
 * Reads a log of changes, and returns the content of the conversation and its version.
 *
 * @throws TypeError with the path of the problem
 */
export function readChanges<E extends AnyStreamEvent>(
  log: readonly unknown[],
  maxDocumentBlocks?: number,
): { kept: Kept<E>; version: number } {
  const messages: unknown[] = [];
  let version = 0;
  let lastWriter: unknown;
  /** By writer: its last version. */
  const written = new Map<unknown, number>();
  let usage: unknown = NO_USAGE;
  let cost: unknown;
  for (const [index, entry] of list(log, 'the log', pathOf).entries()) {
    const pathIn: PathOf = (field) => pathOf(`changes[${index}]${field}`);
    const changes = record(entry, '', pathIn);
    if (changes['format'] !== FORMAT) fail(pathIn('.format'), `must be '${FORMAT}'`);
    const end = count(changes['version'], '.version', pathIn);
    const since = count(changes['since'], '.since', pathIn);
    const keep = count(changes['keep'], '.keep', pathIn);
    const { writer } = changes;
    // An entry may have been written twice, for example after a lost response of the store.
    if (end <= (written.get(writer) ?? -1)) continue;
    if (since > version) {
      fail(
        pathIn('.since'),
        `is ${since}, but the entries before end with version ${version}: one is missing`,
      );
    }
    if (since < version && writer !== lastWriter) {
      fail(
        pathIn('.since'),
        `is ${since}, but the entries before end with version ${version}: another process has written ` +
          'to the log; append only where the last `version` in the log is `since`',
      );
    }
    if (keep > messages.length) {
      fail(pathIn('.keep'), `is ${keep}, but there are ${messages.length} messages`);
    }
    messages.length = keep;
    for (const message of list(changes['messages'], '.messages', pathIn)) messages.push(message);
    ({ usage, cost } = changes);
    version = end;
    lastWriter = writer;
    written.set(writer, end);
  }
  return {
    kept: readDocument<E>(
      documentOf(messages as never, usage as never, cost as never),
      maxDocumentBlocks,
      pathOf,
    ),
    version,
  };
}

function count(value: unknown, field: string, pathIn: PathOf): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  return fail(pathIn(field), 'must be a whole number from 0 on');
}
