import type { AgUiEvent } from './AgUiEvent.ts';

/** `AgUiEvent` with a string as `type`, so that AG-UI's enum is not needed at run time. */
export type PlainEvent = Plain<AgUiEvent>;

type Plain<T> = T extends { type: infer Type extends string }
  ? { [Key in keyof T]: Key extends 'type' ? `${Type}` : T[Key] }
  : never;
