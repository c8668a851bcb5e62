import {
  DefaultChatTransport,
  readUIMessageStream,
  type UIMessage,
  type UIMessageChunk as Chunk,
} from 'ai';
import { toSseResponse } from 'claude-rx';
import { UI_MESSAGE_SSE, type UiMessageChunk } from 'claude-rx/ui';
import type { Observable } from 'rxjs';

/** What a page has of a message, and what went wrong with it. */
export interface PageMessage {
  message: UIMessage;
  errors: string[];
  chunks: Chunk[];
}

/** What the AI SDK's own transport and reader make of chunks that are sent with our sink. */
export function readChunks(
  chunks$: Observable<UiMessageChunk>,
  message?: UIMessage,
): Promise<PageMessage> {
  const response = toSseResponse(chunks$, { ...UI_MESSAGE_SSE, heartbeat: Infinity });
  return readPage(() => Promise.resolve(response), 'http://localhost/chat', message);
}

/** The message that the AI SDK's own transport and reader make of the answer of a server. */
export async function readPage(
  fetch: typeof globalThis.fetch | undefined,
  api: string,
  message?: UIMessage,
  messages: UIMessage[] = [],
): Promise<PageMessage> {
  const transport = new DefaultChatTransport<UIMessage>({ api, ...(fetch && { fetch }) });
  const stream = await transport.sendMessages({
    chatId: 'chat',
    messages,
    abortSignal: undefined,
    trigger: 'submit-message',
    messageId: undefined,
  });
  return readStream(stream, message);
}

export async function readStream(
  stream: ReadableStream<Chunk>,
  message?: UIMessage,
): Promise<PageMessage> {
  const chunks: Chunk[] = [];
  const seen = stream.pipeThrough(
    new TransformStream<Chunk, Chunk>({
      transform(chunk, controller) {
        chunks.push(chunk);
        controller.enqueue(chunk);
      },
    }),
  );
  const errors: string[] = [];
  const states = readUIMessageStream({
    stream: seen,
    ...(message && { message: structuredClone(message) }),
    onError: (error) => errors.push((error as Error).message),
  });
  let last: UIMessage = message ?? { id: '', role: 'assistant', parts: [] };
  for await (const state of states) last = state;
  return { message: last, errors, chunks };
}
