import type { Turn } from '../history/blocks.ts';
import { estimateTokens, excessTurns, turnTokens } from './excessTurns.ts';

/** What of an estimate can be believed: counts of tokens are within these bounds of it. */
const [LEAST, MOST] = [0.25, 4];

/** Keeps a history below a number of tokens, which are estimated by what the API has counted before. */
export class HistoryBudget {
  readonly #max: number;
  /** How many tokens the API has counted for one that was estimated. */
  #tokensPerEstimate = 1;

  constructor(max: number = Infinity) {
    this.#max = max;
  }

  /** How many turns, from the first, are too many. */
  excess(turns: () => readonly Turn[]): number {
    if (this.#max === Infinity) return 0;
    return excessTurns(turns(), this.#max, (turn) => turnTokens(turn) * this.#tokensPerEstimate);
  }

  /** How many tokens a request is estimated to have, where there is a limit. */
  estimate({ system, tools }: Record<string, unknown>, turns: readonly Turn[]): number {
    if (this.#max === Infinity) return 0;
    return turns.reduce((sum, turn) => sum + turnTokens(turn), estimateTokens([system, tools]));
  }

  /** Learns that a request had so many tokens. */
  learn(tokens: number, estimate: number): void {
    if (tokens <= 0 || estimate <= 0) return;
    this.#tokensPerEstimate = Math.min(MOST, Math.max(LEAST, tokens / estimate));
  }
}
