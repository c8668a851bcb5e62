import type { Turn } from '../history/blocks.ts';
import { estimateTokens, excessTurns, turnTokens } from './excessTurns.ts';

/** The bounds of the correction factor of an estimate. */
const [LEAST, MOST] = [0.25, 4];

/** Keeps a history below a number of tokens. The estimate is corrected by earlier counts of the API. */
export class HistoryBudget {
  readonly #max: number;
  /** The ratio of the tokens that the API has counted to the estimated tokens. */
  #tokensPerEstimate = 1;

  constructor(max: number = Infinity) {
    this.#max = max;
  }

  /** How many of the first turns to leave out. */
  excess(turns: () => readonly Turn[]): number {
    if (this.#max === Infinity) return 0;
    return excessTurns(turns(), this.#max, (turn) => turnTokens(turn) * this.#tokensPerEstimate);
  }

  /** The estimated tokens of a request, if there is a limit. */
  estimate({ system, tools }: Record<string, unknown>, turns: readonly Turn[]): number {
    if (this.#max === Infinity) return 0;
    return turns.reduce((sum, turn) => sum + turnTokens(turn), estimateTokens([system, tools]));
  }

  /** Updates the ratio with the tokens that the API has counted for a request. */
  learn(tokens: number, estimate: number): void {
    if (tokens <= 0 || estimate <= 0) return;
    this.#tokensPerEstimate = Math.min(MOST, Math.max(LEAST, tokens / estimate));
  }
}
