/** A longer timer would fire at once: https://developer.mozilla.org/docs/Web/API/setTimeout. */
export const LONGEST_TIMER: number = 2 ** 31 - 1;
