import { InvalidJsonError, type InvalidJsonInit } from './InvalidJsonError.ts';

/** The error for a call whose input may not be used. */
export function invalidToolInput(
  { name, id }: { name: string; id: string },
  problem: string,
  { partial, ...init }: Omit<InvalidJsonInit, 'partial'> & { partial: object | undefined },
): InvalidJsonError {
  return new InvalidJsonError(`The input of the call of ${name} (${id}) ${problem}`, {
    ...init,
    partial: partial as InvalidJsonInit['partial'],
  });
}
