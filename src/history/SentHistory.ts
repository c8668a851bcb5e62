import { isServerCall, isServerResult } from './blockKinds.ts';
import type { AnyBlock } from './blocks.ts';

/** What of the messages that are sent already matters to the next reply that is sent back. */
export class SentHistory {
  /** The ids of calls in use. */
  readonly #ids = new Set<string>();
  /** How often an id was wanted, so that the search for a free one does not begin anew each time. */
  readonly #wanted = new Map<string, number>();
  /** The calls that the API runs itself and that have no result yet: the id that came, and that is sent. */
  #open: ReadonlyMap<unknown, string> = new Map();
  /** Whether the model was last asked to go on with a reply of which nothing was left. */
  #hasAskedToGoOn = false;

  constructor(messages: readonly { role?: unknown; content?: unknown }[] = []) {
    const open = new Map<unknown, string>();
    for (const { role, content } of messages) {
      if (role !== 'assistant' || !Array.isArray(content)) continue;
      for (const block of content as AnyBlock[]) {
        if (typeof block?.id === 'string') this.#ids.add(block.id);
        if (isServerCall(block)) open.set(block['id'], String(block['id']));
        if (isServerResult(block)) open.delete(block['tool_use_id']);
      }
    }
    this.#open = open;
  }

  get open(): ReadonlyMap<unknown, string> {
    return this.#open;
  }

  get hasAskedToGoOn(): boolean {
    return this.#hasAskedToGoOn;
  }

  /** Takes in what is sent back of a run of replies. */
  add({ ids, open, hasAskedToGoOn }: SentAfter): void {
    for (const id of ids) this.#ids.add(id);
    this.#open = open;
    this.#hasAskedToGoOn = hasAskedToGoOn;
  }

  /**
   * The id under which a call is sent: the one that came, in the pattern of the API
   * (`^[a-zA-Z0-9_-]+$`), with a number behind it where the history or `more` has that already.
   */
  idFor(came: unknown, more: ReadonlySet<string>): string {
    const wanted = wantedId(came);
    const isFree = (id: string) => !this.#ids.has(id) && !more.has(id);
    if (isFree(wanted)) return wanted;
    let number = this.#wanted.get(wanted) ?? 2;
    while (this.#ids.has(`${wanted}_${number}`)) number++;
    this.#wanted.set(wanted, number);
    while (!isFree(`${wanted}_${number}`)) number++;
    return `${wanted}_${number}`;
  }
}

/** Whether a call that came with the id `came` may have been sent as `id`: see `SentHistory.idFor`. */
export function isIdOf(came: unknown, id: string): boolean {
  const wanted = wantedId(came);
  return (
    id === wanted || (id.startsWith(`${wanted}_`) && /^\d+$/.test(id.slice(wanted.length + 1)))
  );
}

function wantedId(came: unknown): string {
  return String(came ?? '').replaceAll(/[^a-zA-Z0-9_-]/g, '_') || 'call';
}

/** What a run of replies changes in the history that is sent. */
export interface SentAfter {
  /** The ids of its calls. */
  ids: ReadonlySet<string>;
  open: ReadonlyMap<unknown, string>;
  hasAskedToGoOn: boolean;
}
