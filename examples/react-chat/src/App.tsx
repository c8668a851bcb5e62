import { useState } from 'react';
import { Chat } from './Chat.tsx';
import { forgetChat, loadChat } from './savedChat.ts';

/** The page: one chat, and a new one on demand. */
export function App() {
  const [saved, setSaved] = useState(loadChat);
  const startNew = () => {
    forgetChat();
    setSaved(loadChat());
  };
  return <Chat key={saved.id} saved={saved} onNew={startNew} />;
}
