/**
 * The longest timer, in milliseconds. A longer one fires at once:
 * https://developer.mozilla.org/docs/Web/API/setTimeout.
 */
export const LONGEST_TIMER: number = 2 ** 31 - 1;
