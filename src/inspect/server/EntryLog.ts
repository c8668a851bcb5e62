/** A reported line, with the process or page that sent it. */
export interface LoggedEntry {
  from: number;
  type: string;
  id: unknown;
  json: string;
}

export interface EntryLogOptions {
  /** The maximum number of entries that are kept. Default: 50,000. */
  entries?: number;
  /** The maximum size of the kept JSON, in UTF-16 code units. Default: 32 million. */
  size?: number;
}

/** The maximum number of stages whose first entries are kept after they leave the log. */
const MOST_BEGINNINGS = 2_000;

/** The latest entries in a ring buffer: numbered, and bounded in number and size. */
export class EntryLog {
  readonly #most: Required<EntryLogOptions>;
  #entries: LoggedEntry[] = [];
  /** The index of the oldest entry in `#entries`. */
  #head = 0;
  #size = 0;
  /** The number of the oldest entry. */
  #first = 0;
  /** Entries out of the ring that later entries need: their processes, stages and links. */
  readonly #beginnings = new Map<string, LoggedEntry>();

  constructor({ entries = 50_000, size = 32_000_000 }: EntryLogOptions = {}) {
    this.#most = { entries, size };
  }

  /** The number of the oldest kept entry, and the number of the next entry. */
  get first(): number {
    return this.#first;
  }

  get next(): number {
    return this.#first + this.#entries.length - this.#head;
  }

  /** The first entries of stages whose later entries may still be in the log. */
  get beginnings(): readonly LoggedEntry[] {
    return [...this.#beginnings.values()];
  }

  push(entry: LoggedEntry): void {
    this.#entries.push(entry);
    this.#size += entry.json.length;
    while (this.next - this.#first > this.#most.entries || this.#size > this.#most.size) {
      this.#evict();
    }
  }

  /** At most `count` entries from number `from` on, without dropped entries. */
  read(from: number, count: number): readonly LoggedEntry[] {
    const begin = this.#head + Math.max(0, from - this.#first);
    return this.#entries.slice(begin, begin + count);
  }

  #evict(): void {
    const entry = this.#entries[this.#head++]!;
    this.#first++;
    this.#size -= entry.json.length;
    if (this.#head > 10_000) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    const stage = `${entry.from} ${String(entry.id)}`;
    switch (entry.type) {
      case 'process':
      case 'subscribe':
      case 'join':
        this.#beginnings.set(`${entry.type} ${stage}`, entry);
        break;
      case 'complete':
      case 'error':
      case 'unsubscribe':
        this.#beginnings.delete(`subscribe ${stage}`);
        this.#beginnings.delete(`join ${stage}`);
    }
    if (this.#beginnings.size > MOST_BEGINNINGS) {
      this.#beginnings.delete(this.#beginnings.keys().next().value!);
    }
  }
}
