import { addUsage } from '../message/addUsage.ts';

type Usage = object & { attempts?: object[] };

/** Adds up and lists the usage of all attempts at a reply: a lower bound if an attempt was cut off. */
export class AttemptUsage {
  #current: Usage = {};
  readonly #spent: object[] = [];

  /** Whether there was an earlier attempt. */
  get isSum(): boolean {
    return this.#spent.length > 0;
  }

  get total(): Usage {
    const attempts = [...this.#spent, ...attemptsOf(this.#current)];
    return { ...attempts.reduce(addUsage, {}), attempts };
  }

  /** The usage of this attempt, or of the attempts that it consists of. */
  set(usage: object = {}): void {
    this.#current = usage;
  }

  /** Updates the counters of the attempt. They are totals, so they replace earlier ones unless null. */
  update(usage: object | null | undefined): void {
    const known = Object.entries(usage ?? {}).filter(([, value]) => value != null);
    this.#current = { ...this.#current, ...Object.fromEntries(known) };
  }

  /** Another attempt begins, with this usage. */
  next(usage: object | undefined): void {
    this.#spent.push(...attemptsOf(this.#current));
    this.set(usage);
  }
}

function attemptsOf(usage: Usage): object[] {
  return usage.attempts ?? [usage];
}
