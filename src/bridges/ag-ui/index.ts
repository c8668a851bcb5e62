export type * from './AgUiEvent.ts';
export * from './agUiSse.ts';
export * from './fromRunInput.ts';
export * from './toAgUi.ts';
