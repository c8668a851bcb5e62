import { isServerCall, isServerResult } from './blockKinds.ts';
import type { AnyBlock } from './blocks.ts';

/** Facts about the messages before a reply that `sendBack` needs. */
export class SentHistory {
  /** The ids of calls that are in use. */
  readonly #ids = new Set<string>();
  /** The last number that was appended to an id, so that the search for a free id starts there. */
  readonly #wanted = new Map<string, number>();
  /** Server calls without a result yet: from the original id to the id that is sent. */
  #open: ReadonlyMap<unknown, string> = new Map();
  /** Whether the last turn sent was "Continue.", after a reply without sendable content. */
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

  /** Adds the result of `sendBack` for a run of replies. */
  add({ ids, open, hasAskedToGoOn }: SentAfter): void {
    for (const id of ids) this.#ids.add(id);
    this.#open = open;
    this.#hasAskedToGoOn = hasAskedToGoOn;
  }

  /**
   * The id under which a call is sent: the original id, in the pattern of the API (`^[a-zA-Z0-9_-]+$`), with
   * a number appended if the history or `more` already has that id. `given` keeps the last number
   * of each id in `more`, so that the search for a free id does not start from the beginning each time.
   */
  idFor(came: unknown, more: ReadonlySet<string>, given: Map<string, number> = new Map()): string {
    const wanted = wantedId(came);
    const isFree = (id: string) => !this.#ids.has(id) && !more.has(id);
    if (isFree(wanted)) return wanted;
    let number = this.#wanted.get(wanted) ?? 2;
    while (this.#ids.has(`${wanted}_${number}`)) number++;
    this.#wanted.set(wanted, number);
    number = Math.max(number, given.get(wanted) ?? 2);
    while (!isFree(`${wanted}_${number}`)) number++;
    given.set(wanted, number);
    return `${wanted}_${number}`;
  }
}

/** Whether a call with the original id `came` may have been sent as `id`: see `SentHistory.idFor`. */
export function isIdOf(came: unknown, id: string): boolean {
  return idMatcher([came])(id);
}

/** A function that returns whether a call with one of the original ids may have been sent as `id`. */
export function idMatcher(came: readonly unknown[]): (id: string) => boolean {
  const wanted = new Set(came.map(wantedId));
  return (id) => wanted.has(id) || wanted.has(id.replace(/_\d+$/, ''));
}

function wantedId(came: unknown): string {
  return (
    (typeof came === 'object' ? '' : String(came ?? '')).replaceAll(/[^a-zA-Z0-9_-]/g, '_') ||
    'call'
  );
}

/** The changes of `SentHistory` after a run of replies. */
export interface SentAfter {
  /** The ids of the calls in the replies. */
  ids: ReadonlySet<string>;
  open: ReadonlyMap<unknown, string>;
  hasAskedToGoOn: boolean;
}
