import { generateId, type UIMessage } from 'ai';

/** The chat as this browser keeps it. A service with accounts would keep it in its database. */
export interface SavedChat {
  id: string;
  messages: UIMessage[];
  /** Whether a reply had not ended when the chat was saved: it is to be resumed. */
  isOpen: boolean;
}

const KEY = 'chat';

export function loadChat(): SavedChat {
  const saved = localStorage.getItem(KEY);
  if (saved !== null) return JSON.parse(saved) as SavedChat;
  return { id: generateId(), messages: [], isOpen: false };
}

export function saveChat(chat: SavedChat): void {
  localStorage.setItem(KEY, JSON.stringify(chat));
}

export function forgetChat(): void {
  localStorage.removeItem(KEY);
}
