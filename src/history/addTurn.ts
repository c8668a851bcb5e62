import type { AnyBlock, Turn } from './blocks.ts';

/**
 * Adds content to the turns of a request: to the last turn if it has the same role, else as a new turn.
 * The last turn is replaced by a copy; with `isOwn`, for turns that nobody else holds, it is extended in
 * place, because copying it for each message takes quadratic time.
 */
export function addTurn(
  turns: Turn[],
  role: Turn['role'],
  content: readonly AnyBlock[],
  { isOwn = false }: { isOwn?: boolean } = {},
): void {
  if (content.length === 0) return;
  const last = turns.at(-1);
  if (last?.role !== role) turns.push({ role, content: [...content] });
  else if (!isOwn) turns[turns.length - 1] = { role, content: [...last.content, ...content] };
  else for (const block of content) last.content.push(block);
}
