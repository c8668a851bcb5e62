import type { Cost } from './Allowance.ts';

/** The largest recent value is multiplied by this at each request: it halves in 7,000 requests. */
const FORGET = 0.9999;
/** The next request may be this factor larger than the largest recent one. */
const MARGIN = 1.1;
/** Means cover about this number of recent replies. */
const LATE = 10;

/** Estimates the usage of a request, from the caller's estimate and from earlier requests. */
export class UsageEstimate {
  /** The largest input of requests without an estimate. */
  #largestInput = 0;
  /** The largest recent difference between the real input and the estimate. */
  #extraInput = 0;
  #largestOutput = 0;
  #meanOutput = 0;
  #extraOutput = 0;
  /** The output of recent replies, and their time in milliseconds. */
  #written = 0;
  #writing = 0;

  /** The charge before the usage is known: the largest expected input, and the mean output. */
  cost({ input, output = this.#meanOutput }: Partial<Cost>): Cost {
    const most =
      input === undefined ? this.#largestInput * MARGIN : input + this.#extraInput * MARGIN;
    return { input: Math.round(most), output };
  }

  /** How much more output than its cost a request may have. */
  headroom({ output }: Partial<Cost>): number {
    return output === undefined ? this.#largestOutput - this.#meanOutput : this.#extraOutput;
  }

  /** The time to write this output, in milliseconds; 0 while no reply has been measured. */
  duration(output: number): number {
    return this.#written > 0 ? (output * this.#writing) / this.#written : 0;
  }

  learnInput({ input }: Partial<Cost>, used: number): void {
    if (input === undefined) this.#largestInput = Math.max(used, this.#largestInput * FORGET);
    else this.#extraInput = Math.max(used - input, this.#extraInput * FORGET);
  }

  /** Learns from a running reply, which has written this output already. */
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
