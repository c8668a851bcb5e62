/**
 * The price of a million tokens, in any currency. Cache prices that are left out are multiples of
 * `input`: 0.1 for tokens read from the cache, 1.25 and 2 for tokens written to it for 5 minutes and for
 * an hour
 * (docs: /docs/en/build-with-claude/prompt-caching#pricing).
 */
export interface TokenPrices {
  input: number;
  output: number;
  cacheRead?: number;
  cacheWrite?: number;
  cacheWrite1h?: number;
}

/** Token prices: one for all models, or a function of the model. */
export type Prices = TokenPrices | ((model: string) => TokenPrices | undefined);

/** The usage counters of a reply, if present. */
export interface Counters {
  input_tokens?: number | null;
  output_tokens?: number | null;
  cache_creation_input_tokens?: number | null;
  cache_read_input_tokens?: number | null;
  cache_creation?: { ephemeral_1h_input_tokens?: number | null } | null;
}

/** A gateway may report anything. */
export function countOf(value: unknown): number {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value) ? value : 0;
}

/** The number of input tokens of a reply's request. */
export function promptTokens(usage: Counters | null | undefined): number {
  const { input_tokens, cache_creation_input_tokens, cache_read_input_tokens } = usage ?? {};
  return (
    countOf(input_tokens) + countOf(cache_creation_input_tokens) + countOf(cache_read_input_tokens)
  );
}

/** The cost of the tokens of a reply. */
export function costOf(usage: Counters | null | undefined, prices: TokenPrices): number {
  const { input, output } = prices;
  const { cacheRead = 0.1 * input, cacheWrite = 1.25 * input, cacheWrite1h = 2 * input } = prices;
  const written = countOf(usage?.cache_creation_input_tokens);
  const forAnHour = Math.min(countOf(usage?.cache_creation?.ephemeral_1h_input_tokens), written);
  return (
    (countOf(usage?.input_tokens) * input +
      countOf(usage?.output_tokens) * output +
      countOf(usage?.cache_read_input_tokens) * cacheRead +
      (written - forAnHour) * cacheWrite +
      forAnHour * cacheWrite1h) /
    1_000_000
  );
}

/** The cost of the tokens of a reply of this model; 0 if the model has no price. */
export function costIn(
  prices: Prices | undefined,
  model: string | undefined,
  usage: Counters | null | undefined,
): number {
  const known = typeof prices === 'function' ? prices(model ?? '') : prices;
  return known ? costOf(usage, known) : 0;
}
