import type { TokenUsage } from '@ag-ui/core';
import { addUsage } from '../../message/addUsage.ts';
import { type Fields, fields } from '../../message/record.ts';

/** Sums up the usage of the replies of a run, by their models. */
export class RunUsage {
  readonly #byModel = new Map<string, object>();

  add(message: Fields | undefined): void {
    if (message === undefined) return;
    const model = String(message['model'] ?? '');
    this.#byModel.set(model, addUsage(this.#byModel.get(model), fields(message['usage'])));
  }

  /** For the last event of a run; absent where there is none. */
  get field(): { usage?: TokenUsage[] } {
    const usage = [...this.#byModel].map(([model, counters]) => tokenUsage(model, counters));
    return usage.length === 0 ? {} : { usage };
  }
}

/** The API counts tokens of the cache beside the input; AG-UI counts them as a part of it. */
function tokenUsage(model: string, usage: object): TokenUsage {
  const { input_tokens, output_tokens, cache_read_input_tokens, ...rest } = usage as Fields;
  const { cache_creation_input_tokens, output_tokens_details } = rest;
  const { thinking_tokens } = fields(output_tokens_details);
  const read = count(cache_read_input_tokens);
  const written = count(cache_creation_input_tokens);
  const inputTokens = count(input_tokens) + read + written;
  const outputTokens = count(output_tokens);
  return {
    provider: 'anthropic',
    ...(model !== '' && { model }),
    inputTokens,
    outputTokens,
    totalTokens: inputTokens + outputTokens,
    ...(typeof thinking_tokens === 'number' && { reasoningTokens: count(thinking_tokens) }),
    ...(typeof cache_read_input_tokens === 'number' && { cachedInputTokens: read }),
    ...(typeof cache_creation_input_tokens === 'number' && { cacheWriteInputTokens: written }),
  };
}

/** AG-UI takes whole numbers from 0 on. */
function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
