import { type AnyBlock, type Turn, withBlock } from './blocks.ts';

/**
 * Everything that is sent before a block. Its fingerprint is computed once, on the first access: a
 * conversation without thinking does not need it.
 */
export class Prefix {
  #fingerprint: string | undefined;
  #before: Prefix | undefined;
  #role: Turn['role'] | undefined;
  #content: readonly AnyBlock[] = [];

  constructor(seed: string) {
    this.#fingerprint = seed;
  }

  /** The prefix with more blocks at its end. */
  with(role: Turn['role'], content: readonly AnyBlock[]): Prefix {
    const longer = new Prefix('');
    longer.#fingerprint = undefined;
    longer.#before = this;
    longer.#role = role;
    longer.#content = content;
    return longer;
  }

  get fingerprint(): string {
    if (this.#fingerprint !== undefined) return this.#fingerprint;
    const open: Prefix[] = [this];
    let before = this.#before!;
    for (; before.#fingerprint === undefined; before = before.#before!) open.push(before);
    return open.reduceRight((fingerprint, one) => one.#compute(fingerprint), before.#fingerprint);
  }

  #compute(before: string): string {
    this.#fingerprint = this.#content.reduce(withBlock(this.#role!), before);
    this.#before = undefined;
    this.#content = [];
    return this.#fingerprint;
  }
}
