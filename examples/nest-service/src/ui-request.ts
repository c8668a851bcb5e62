import type { UiMessage } from 'claude-rx/ui';
import { z } from 'zod';

// `fromUiMessages` reads what is in the list; here it is limited.
const Message = z.looseObject({}) as unknown as z.ZodType<UiMessage>;

/** What a page with `useChat` sends. */
export const UiRequest = z.looseObject({
  /** The id of the chat, which the page chooses. */
  id: z.string().min(1).max(200),
  messages: z.array(Message).min(1).max(400),
});
export type UiRequest = z.infer<typeof UiRequest>;
