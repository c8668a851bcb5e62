import type { AgUiEvent } from './AgUiEvent.ts';

/** `AgUiEvent` with its `type` as text: a program without AG-UI's enum at run time can write it. */
export type PlainEvent = Plain<AgUiEvent>;

type Plain<T> = T extends { type: infer Type extends string }
  ? { [Key in keyof T]: Key extends 'type' ? `${Type}` : T[Key] }
  : never;
