/** The phase of a number that is being read. */
export type NumberPhase =
  | 'start'
  | 'minus'
  | 'zero'
  | 'integer'
  | 'point'
  | 'fraction'
  | 'e'
  | 'e sign'
  | 'exponent';

/** Whether a number may end here. */
export function isWholeNumber(phase: NumberPhase): boolean {
  return phase === 'zero' || phase === 'integer' || phase === 'fraction' || phase === 'exponent';
}

/** The phase after one more character, or `undefined` if the character cannot continue the number. */
export function nextNumberPhase(phase: NumberPhase, code: number): NumberPhase | undefined {
  switch (code) {
    case 0x2d: // -
      return phase === 'start' ? 'minus' : phase === 'e' ? 'e sign' : undefined;
    case 0x2b: // +
      return phase === 'e' ? 'e sign' : undefined;
    case 0x2e: // .
      return phase === 'zero' || phase === 'integer' ? 'point' : undefined;
    case 0x65: // e
    case 0x45: // E
      return phase === 'zero' || phase === 'integer' || phase === 'fraction' ? 'e' : undefined;
    default:
      return code >= 0x30 && code <= 0x39 ? afterDigit(phase, code === 0x30) : undefined;
  }
}

function afterDigit(phase: NumberPhase, isZero: boolean): NumberPhase | undefined {
  switch (phase) {
    case 'start':
    case 'minus':
      return isZero ? 'zero' : 'integer';
    case 'zero':
      return undefined;
    case 'integer':
      return 'integer';
    case 'point':
    case 'fraction':
      return 'fraction';
    default:
      return 'exponent';
  }
}
