/**
 * What a million tokens cost, in any currency. What is left out is a multiple of `input`: 0.1 for
 * what is read from the cache, 1.25 and 2 for what is written to it for 5 minutes and for an hour
 * (docs: /docs/en/build-with-claude/prompt-caching#pricing).
 */
export interface TokenPrices {
  input: number;
  output: number;
  cacheRead?: number;
  cacheWrite?: number;
  cacheWrite1h?: number;
}

/** Prices of tokens: of every model, or of each. */
export type Prices = TokenPrices | ((model: string) => TokenPrices | undefined);

/** The counters of a reply, as far as they are there. */
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

/** How many tokens the request of a reply had. */
export function promptTokens(usage: Counters | null | undefined): number {
  const { input_tokens, cache_creation_input_tokens, cache_read_input_tokens } = usage ?? {};
  return (
    countOf(input_tokens) + countOf(cache_creation_input_tokens) + countOf(cache_read_input_tokens)
  );
}

/** What the tokens of a reply cost. */
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

/** What the tokens of a reply of this model cost; nothing where the model has no price. */
export function costIn(
  prices: Prices | undefined,
  model: string | undefined,
  usage: Counters | null | undefined,
): number {
  const known = typeof prices === 'function' ? prices(model ?? '') : prices;
  return known ? costOf(usage, known) : 0;
}
