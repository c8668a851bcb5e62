import type { TokenUsage } from '@ag-ui/core';
import { addUsage } from '../../message/addUsage.ts';
import { type Fields, fields } from '../../message/record.ts';

/** Adds up the usage of the replies of a run, by model. */
export class RunUsage {
  readonly #byModel = new Map<string, object>();

  add(message: Fields | undefined): void {
    if (message === undefined) return;
    const model = String(message['model'] ?? '');
    this.#byModel.set(model, addUsage(this.#byModel.get(model), fields(message['usage'])));
  }

  /** The usage for the last event of a run; absent if there is none. */
  get field(): { usage?: TokenUsage[] } {
    const usage = [...this.#byModel].map(([model, counters]) => tokenUsage(model, counters));
    return usage.length === 0 ? {} : { usage };
  }
}

/** AG-UI counts cached tokens as a part of the input; the API counts them separately. */
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

/** AG-UI only accepts whole numbers from 0 on. */
function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
