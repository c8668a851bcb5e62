import { fields } from '../message/record.ts';
import type { Cost } from './Allowance.ts';

/** For a reply that was cut: the mean length of a token in English, in characters. */
const CHARACTERS_PER_TOKEN = 4;

/**
 * What a request has really used, as its events report it. Cached input that is read does not count,
 * as on most models (docs: /docs/en/api/rate-limits#cache-aware-itpm).
 */
export class TokenCount {
  #counters: Readonly<Record<string, number>> | undefined;
  #characters = 0;
  /** Whether the counter of the output is the one at the end. */
  #isWhole = false;
  /** The messages before the one that is received, where there are several. */
  #before: Cost = { input: 0, output: 0 };

  /** Takes the next event in; returns whether it reported usage. */
  push(event: unknown): boolean {
    const { type, delta, message, usage } = fields(event);
    if (type === 'content_block_delta') {
      const { text, thinking, partial_json } = fields(delta);
      this.#characters += String(text ?? thinking ?? partial_json ?? '').length;
      return false;
    }
    if (type === 'message_start') {
      this.#before = this.used ?? this.#before;
      this.#counters = undefined;
      this.#characters = 0;
      return this.#read(fields(message)['usage']);
    }
    return type === 'message_delta' && this.#read(usage);
  }

  /** What has been used so far; `undefined` where nothing was reported. */
  get used(): Cost | undefined {
    if (this.#counters === undefined) return undefined;
    const { input_tokens = 0, cache_creation_input_tokens = 0 } = this.#counters;
    return {
      input: this.#before.input + input_tokens + cache_creation_input_tokens,
      output: this.output,
    };
  }

  /** The output that has been written so far: 0 where nothing was reported. */
  get output(): number {
    if (this.#counters === undefined) return this.#before.output;
    const { output_tokens = 0 } = this.#counters;
    // The counter comes with the end: what was cut, or is being written, has only its text.
    const written = this.#isWhole ? 0 : Math.ceil(this.#characters / CHARACTERS_PER_TOKEN);
    return this.#before.output + Math.max(output_tokens, written);
  }

  #read(usage: unknown): boolean {
    const numbers = Object.entries(fields(usage)).filter(([, value]) => typeof value === 'number');
    if (numbers.length === 0) return false;
    this.#isWhole = this.#counters !== undefined;
    this.#counters = {
      ...this.#counters,
      ...(Object.fromEntries(numbers) as Record<string, number>),
    };
    return true;
  }
}
