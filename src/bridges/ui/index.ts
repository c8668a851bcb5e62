export * from './fromUiMessages.ts';
export * from './toUiMessages.ts';
export type * from './UiMessage.ts';
export type * from './UiMessageChunk.ts';
export * from './uiMessageSse.ts';
