import { fields } from '../message/record.ts';
import type { Cost } from './Allowance.ts';

/** Estimate for a reply that was cut off: the mean length of an English token, in characters. */
const CHARACTERS_PER_TOKEN = 4;

/**
 * The real usage of a request, from its events. Input that is read from the cache does not count, as
 * on most models (docs: /docs/en/api/rate-limits#cache-aware-itpm).
 */
export class TokenCount {
  #counters: Readonly<Record<string, number>> | undefined;
  #characters = 0;
  /** Whether the final output counter has come. */
  #isWhole = false;
  /** The usage of the earlier messages, if the stream has several. */
  #before: Cost = { input: 0, output: 0 };

  /** Adds the next event; returns whether it reported usage. */
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

  /** The usage so far; `undefined` if none was reported. */
  get used(): Cost | undefined {
    if (this.#counters === undefined) return undefined;
    const { input_tokens = 0, cache_creation_input_tokens = 0 } = this.#counters;
    return {
      input: this.#before.input + input_tokens + cache_creation_input_tokens,
      output: this.output,
    };
  }

  /** The output tokens written so far: 0 if none were reported. */
  get output(): number {
    if (this.#counters === undefined) return this.#before.output;
    const { output_tokens = 0 } = this.#counters;
    // The final counter comes at the end: before that, tokens are estimated from the text.
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
