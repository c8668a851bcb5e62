export { ask, type AskOptions } from './ask.ts';
export { Conversation } from './Conversation.ts';
export type { ConversationChanges } from './ConversationChanges.ts';
export type {
  ConversationDocument,
  DocumentCall,
  DocumentMessage,
} from './ConversationDocument.ts';
export type * from './ConversationOptions.ts';
export type * from './ConversationState.ts';
export type { Prices, TokenPrices } from '../message/tokenCost.ts';
