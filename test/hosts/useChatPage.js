// The page of useChat.test.ts: it asks once for each chat, and gives what `useChat` has then.
import { useChat } from '@ai-sdk/react';
import { DefaultChatTransport } from 'ai';
import { createElement, useEffect } from 'react';
import { createRoot } from 'react-dom/client';

function Chat({ id, done }) {
  const { messages, status, error, sendMessage } = useChat({
    id,
    transport: new DefaultChatTransport({ api: `/chat/${id}` }),
  });
  useEffect(() => void sendMessage({ text: 'Hi' }), []);
  useEffect(() => {
    if (messages.length > 0 && (status === 'error' || (status === 'ready' && messages.length > 1)))
      done({ messages, status, error: error?.message });
  }, [messages, status]);
  return createElement('p', null, status);
}

const root = createRoot(document.body.appendChild(document.createElement('main')));
globalThis.ask = (id) =>
  new Promise((resolve) => root.render(createElement(Chat, { key: id, id, done: resolve })));
