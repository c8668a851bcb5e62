import { ChatClient, type ChatClientOptions, fetchServerSentEvents } from '@tanstack/ai-client';
import { contentOf, inputOf, type PageContent } from '../support/pageContent.ts';

/** A chat of TanStack AI with its own client, and the errors that it has reported. */
export function tanStackPage(
  url: string,
  options: Partial<ChatClientOptions> & { fetch?: typeof globalThis.fetch } = {},
): { client: ChatClient; errors: Error[] } {
  const { fetch: fetchClient, ...rest } = options;
  const errors: Error[] = [];
  const client = new ChatClient({
    connection: fetchServerSentEvents(url, fetchClient && { fetchClient }),
    onError: (error) => errors.push(error),
    ...rest,
  } as ChatClientOptions);
  return { client, errors };
}

/** What the page shows of replies. */
export function contentOfTanStack(client: ChatClient): PageContent {
  const parts = client.getMessages().flatMap(({ role, parts: all }) => {
    return role === 'assistant' ? all : [];
  });
  return contentOf(
    parts.map((part) => {
      if (part.type === 'text') return { text: part.content };
      if (part.type === 'thinking') return { reasoning: part.content };
      if (part.type === 'tool-call') {
        const { id, name, arguments: json } = part;
        return { call: { id, name, input: inputOf(json) } };
      }
      if (part.type !== 'tool-result') return {};
      return { result: { id: part.toolCallId, value: part.content } };
    }),
  );
}
