import { useChat, type UseChatHelpers } from '@ai-sdk/react';
import { DefaultChatTransport, type UIMessage } from 'ai';
import { useEffect, useRef } from 'react';
import { Composer } from './Composer.tsx';
import { Message } from './Message.tsx';
import { type SavedChat, saveChat } from './savedChat.ts';
import { isAnswered, runPageTool } from './pageTools.ts';
import { isLost, useResumed } from './useResumed.ts';
import { useStickyBottom } from './useStickyBottom.ts';

const API = '/api/ui';
const transport = new DefaultChatTransport({ api: API });

interface ChatProps {
  /** What the browser has kept of it. */
  saved: SavedChat;
  onNew: () => void;
}

/** A chat with `useChat`, whose replies survive a reload and a lost connection. */
export function Chat({ saved, onNew }: ChatProps) {
  const { id } = saved;
  const chat: UseChatHelpers<UIMessage> = useChat({
    id,
    messages: saved.messages,
    transport,
    // One update of the page for many deltas.
    throttle: 50,
    // After a reload: `GET /api/ui/ID/stream`.
    resume: saved.isOpen,
    // Calls of the tools that run in this page.
    onToolCall: ({ toolCall }) => runPageTool(toolCall, chat.addToolOutput),
    // Sends the answers as soon as each call that waits has one.
    sendAutomaticallyWhen: isAnswered,
  });
  const { messages, status, error } = chat;
  const isBusy = status === 'submitted' || status === 'streaming';
  // Where nothing of a reply has arrived, it is asked for again: the request may not have arrived either.
  const isReconnecting = isLost(error) && messages.at(-1)?.role === 'assistant';
  useResumed(isReconnecting ? error : undefined, chat.resumeStream);
  // Not with each delta: what has arrived of a reply comes once more when it is resumed.
  const settled = status === 'streaming' ? undefined : messages;
  const isOpen = isBusy || isReconnecting;
  useEffect(() => saveChat({ id, messages, isOpen }), [id, settled, isOpen]);
  useStickyBottom(messages);

  const input = useRef<HTMLTextAreaElement>(null);
  const stop = () => {
    // `stop` closes the connection of this page; the service ends the reply.
    void chat.stop();
    // Where the connection was lost, nothing is tried any more.
    chat.clearError();
    void fetch(`${API}/${encodeURIComponent(id)}/stop`, { method: 'POST' }).catch(() => {});
    input.current?.focus();
  };
  const startNew = () => {
    if (isOpen) stop();
    onNew();
  };
  const answer = (approvalId: string, approved: boolean) => {
    void chat.addToolApprovalResponse({ id: approvalId, approved });
    // The button that had the focus goes away.
    input.current?.focus();
  };

  return (
    <>
      <header>
        <h1>React chat</h1>
        <button type="button" onClick={startNew} disabled={messages.length === 0}>
          New chat
        </button>
      </header>
      <main>
        <div role="log" aria-label="Conversation" aria-busy={isBusy}>
          {messages.map((message, index) => (
            <Message
              key={message.id}
              message={message}
              isBusy={isOpen && index === messages.length - 1}
              onAnswer={answer}
            />
          ))}
        </div>
        <p role="status" className="status">
          {isReconnecting
            ? 'The connection was lost. Reconnecting …'
            : status === 'submitted' && 'Waiting for Claude …'}
        </p>
        {error && !isReconnecting && (
          <p role="alert" className="problem">
            <span>{isLost(error) ? 'The service cannot be reached.' : error.message}</span>
            <button type="button" onClick={() => void chat.regenerate()}>
              Try again
            </button>
          </p>
        )}
        <Composer
          inputRef={input}
          isBusy={isOpen}
          showPrompts={messages.length === 0}
          onSend={(text) => void chat.sendMessage({ text })}
          onStop={stop}
        />
      </main>
    </>
  );
}
