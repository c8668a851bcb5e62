import type { Cost } from './Allowance.ts';

/** A largest value of late is lowered by this with each request: by half in 7,000 requests. */
const FORGET = 0.9999;
/** How much larger than the largest of late the next may be. */
const MARGIN = 1.1;
/** Means are of so many replies, about. */
const LATE = 10;

/** What a request uses: as it is given, and learned from the usage of the requests before it. */
export class UsageEstimate {
  /** The largest input of requests of which none was given. */
  #largestInput = 0;
  /** By how much the input was larger than the given one, at most. */
  #extraInput = 0;
  #largestOutput = 0;
  #meanOutput = 0;
  #extraOutput = 0;
  /** Output of replies of late, and how long they took. */
  #written = 0;
  #writing = 0;

  /** What a request is charged with before its usage is known: its input at most, its mean output. */
  cost({ input, output = this.#meanOutput }: Partial<Cost>): Cost {
    const most =
      input === undefined ? this.#largestInput * MARGIN : input + this.#extraInput * MARGIN;
    return { input: Math.round(most), output };
  }

  /** By how much the output of a request may be larger than its cost. */
  headroom({ output }: Partial<Cost>): number {
    return output === undefined ? this.#largestOutput - this.#meanOutput : this.#extraOutput;
  }

  /** How long it takes to write so much output, in milliseconds; 0 while no reply has shown it. */
  duration(output: number): number {
    return this.#written > 0 ? (output * this.#writing) / this.#written : 0;
  }

  learnInput({ input }: Partial<Cost>, used: number): void {
    if (input === undefined) this.#largestInput = Math.max(used, this.#largestInput * FORGET);
    else this.#extraInput = Math.max(used - input, this.#extraInput * FORGET);
  }

  /** A reply that is being written has so much output already. */
  learnLength({ output }: Partial<Cost>, written: number): void {
    if (output === undefined) this.#largestOutput = Math.max(this.#largestOutput, written);
    else this.#extraOutput = Math.max(this.#extraOutput, written - output);
  }

  learnOutput({ output }: Partial<Cost>, used: number, ms: number): void {
    this.#written += used - this.#written / LATE;
    this.#writing += ms - this.#writing / LATE;
    if (output !== undefined) {
      this.#extraOutput = Math.max(used - output, this.#extraOutput * FORGET);
      return;
    }
    const mean = this.#meanOutput;
    this.#meanOutput = mean === 0 ? used : mean + (used - mean) / LATE;
    this.#largestOutput = Math.max(used, this.#largestOutput * FORGET, this.#meanOutput);
  }
}
