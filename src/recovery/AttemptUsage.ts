import { addUsage } from '../message/addUsage.ts';

type Usage = object & { attempts?: object[] };

/** Sums the usage of the attempts at a reply, and lists it: a lower bound where an attempt was cut. */
export class AttemptUsage {
  #current: Usage = {};
  readonly #spent: object[] = [];

  /** Whether there was an attempt before. */
  get isSum(): boolean {
    return this.#spent.length > 0;
  }

  get total(): Usage {
    const attempts = [...this.#spent, ...attemptsOf(this.#current)];
    return { ...attempts.reduce(addUsage, {}), attempts };
  }

  /** What this attempt has used, or the attempts that it is made of. */
  set(usage: object = {}): void {
    this.#current = usage;
  }

  /** Counters are totals: they replace, unless they are null. */
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
