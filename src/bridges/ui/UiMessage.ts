/** A message as a page sends it: what is used of the AI SDK's `UIMessage`. */
export interface UiMessage {
  readonly id?: string;
  readonly role: string;
  readonly parts: readonly { readonly type: string }[];
}
