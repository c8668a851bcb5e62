import { signal } from '@angular/core';
import { type ReplyView, restoredView } from './reply-view';
import type { Turn } from './turn';

const KEY = 'turns';

type SavedTurn = Omit<Turn, 'reply'> & { reply: ReplyView };

/** Saves the conversation for a reload of this tab. */
export function saveTurns(turns: readonly Turn[]): void {
  try {
    const saved = turns.map(({ reply, ...turn }): SavedTurn => ({ ...turn, reply: reply() }));
    sessionStorage.setItem(KEY, JSON.stringify(saved));
  } catch {
    // A conversation that is too large for the storage, or no storage at all: a reload begins anew.
  }
}

/** The conversation before the reload; none if there is none, or none that can be read. */
export function restoreTurns(): Turn[] {
  try {
    const saved = JSON.parse(sessionStorage.getItem(KEY) ?? '[]') as SavedTurn[];
    return saved.map(({ reply, fault, ...turn }) => ({
      ...turn,
      fault,
      reply: signal(restoredView(reply)),
    }));
  } catch {
    return [];
  }
}
