/** A message that a page sends: the used fields of the AI SDK's `UIMessage`. */
export interface UiMessage {
  readonly id?: string;
  readonly role: string;
  readonly parts: readonly { readonly type: string }[];
}
