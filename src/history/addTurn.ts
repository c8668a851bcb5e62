import type { AnyBlock, Turn } from './blocks.ts';

/** Adds content to the turns of a request: to the last turn if it has the same role, else as a new turn. */
export function addTurn(turns: Turn[], role: Turn['role'], content: readonly AnyBlock[]): void {
  if (content.length === 0) return;
  const last = turns.at(-1);
  if (last?.role === role)
    turns[turns.length - 1] = { role, content: [...last.content, ...content] };
  else turns.push({ role, content: [...content] });
}
