/* What the Messages API answers with 400, as far as a continuation could run into it. */

interface Block {
  type: string;
  text?: string;
  id?: string;
  tool_use_id?: string;
  signature?: string;
}

interface Turn {
  role: string;
  content: string | readonly Block[];
}

export interface Request {
  model: string;
  max_tokens: number;
  messages: readonly { role: string; content: unknown }[];
  thinking?: { type: string; budget_tokens?: number } | null | undefined;
  tool_choice?: { type: string } | null | undefined;
  output_config?: { format?: unknown } | null | undefined;
}

/** Whether a model accepts a prefill: those up to 4.5 (docs: errors#prefill-not-supported). */
export function acceptsPrefill(model: string): boolean {
  const [, before, , major, minor] =
    /claude-(?:(\d)-.*|(opus|sonnet|haiku)-(\d)(?:-(\d))?(?:[-@]\d{8}.*)?)$/.exec(model) ?? [];
  if (before) return Number(before) <= 3;
  return major !== undefined && Number(`${major}.${minor ?? 0}`) <= 4.5;
}

/** Why the API would refuse a request; empty where it would not. */
export function refusals(request: Request): string[] {
  const turns = merged(request.messages as readonly Turn[]);
  return [
    ...refusedNumbers(request),
    ...(turns[0]?.role === 'user' ? [] : ['first message must use the user role']),
    ...turns.flatMap((turn, index) => refusedTurn(turn, turns[index + 1], turns[index - 1])),
    ...refusedEnd(request, turns.at(-1)!),
    // `JSON.stringify` writes a surrogate as an escape only where it is alone.
    ...(/\\ud[89a-f]/.test(JSON.stringify(request)) ? ['the body is not valid JSON'] : []),
  ];
}

interface MergedTurn {
  role: string;
  content: readonly Block[];
}

/** Turns of the same role count as one. */
function merged(messages: readonly Turn[]): MergedTurn[] {
  const turns: MergedTurn[] = [];
  for (const { role, content } of messages) {
    const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
    const last = turns.at(-1);
    if (last?.role === role) {
      turns.splice(-1, 1, { role, content: [...last.content, ...blocks] });
    } else turns.push({ role, content: blocks });
  }
  return turns;
}

function refusedNumbers({ max_tokens, thinking }: Request): string[] {
  const isWhole = Number.isInteger(max_tokens) && max_tokens >= 1;
  const budget = thinking?.budget_tokens ?? 0;
  return [
    ...(isWhole ? [] : ['max_tokens must be at least 1']),
    ...(budget < max_tokens ? [] : ['max_tokens must be greater than thinking.budget_tokens']),
  ];
}

function refusedTurn(
  { role, content }: MergedTurn,
  next: MergedTurn | undefined,
  previous: MergedTurn | undefined,
): string[] {
  const found: string[] = [];
  if (content.length === 0) found.push('all messages must have non-empty content');
  content.forEach((block, index) => {
    if (block.type === 'text' && block.text === '') {
      found.push('text content blocks must be non-empty');
    }
    if (block.type === 'text' && block.text?.trim() === '') {
      found.push('text content blocks must contain non-whitespace text');
    }
    if (block.type === 'thinking' && !block.signature) found.push('signature: Field required');
    const before = content.slice(0, index);
    if (block.type === 'tool_result') {
      if (!ids(previous?.content, 'tool_use').includes(block.tool_use_id)) {
        found.push('unexpected tool_use_id found in tool_result blocks');
      }
      if (before.some(({ type }) => type !== 'tool_result')) {
        found.push('tool_result blocks must come first');
      }
    } else if (block.type.endsWith('_tool_result')) {
      const uses = [...ids(before, 'server_tool_use'), ...ids(before, 'mcp_tool_use')];
      if (!uses.includes(block.tool_use_id)) {
        found.push(`unexpected tool_use_id found in ${block.type} blocks`);
      }
    }
    if (block.type === 'server_tool_use' || block.type === 'mcp_tool_use') {
      const results = content.slice(index).map(({ tool_use_id }) => tool_use_id);
      if (!results.includes(block.id)) found.push(`${block.type} without its result`);
    }
  });
  if (role !== 'assistant') return found;
  const answered = new Set((next?.content ?? []).map(({ tool_use_id }) => tool_use_id));
  if (ids(content, 'tool_use').some((id) => !answered.has(id))) {
    found.push('tool_use ids were found without tool_result blocks immediately after');
  }
  if (content.at(-1)?.type.endsWith('thinking')) {
    found.push('the final block in an assistant message cannot be thinking');
  }
  return found;
}

function ids(content: readonly Block[] | undefined, type: string): (string | undefined)[] {
  return (content ?? []).filter((block) => block.type === type).map(({ id }) => id);
}

/** A request may end with a turn of the assistant's under some conditions only. */
function refusedEnd(request: Request, { role, content }: MergedTurn): string[] {
  if (role !== 'assistant') return [];
  const text = content.at(-1)?.text;
  const { thinking, tool_choice, output_config } = request;
  return [
    ...(acceptsPrefill(request.model) ? [] : ['prefill is not supported for this model']),
    ...(thinking && thinking.type !== 'disabled' ? ['prefill with thinking'] : []),
    ...(/^(any|tool)$/.test(tool_choice?.type ?? '') ? ['prefill with a forced tool'] : []),
    ...(output_config?.format ? ['prefill with a format'] : []),
    ...(text !== undefined && text !== text.trimEnd()
      ? ['final assistant content cannot end with trailing whitespace']
      : []),
  ];
}
