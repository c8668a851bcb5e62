import { blockProblems, isThought } from './blockProblems.ts';
import { acceptsPrefill } from './acceptsPrefill.ts';
import type { RequestBody, RequestContext } from './RequestBody.ts';
import { type AnyBlock, type SaidBefore, seedOf, withBlock } from './SaidBefore.ts';

/** A block with its path in the request. */
interface Placed {
  block: AnyBlock;
  at: string;
}

/** Consecutive turns of one role. */
interface Turn {
  role: string;
  at: string;
  blocks: Placed[];
}

/** The problems of the turns of a request. */
export function historyProblems(
  body: RequestBody,
  { said, countOnly = false }: RequestContext,
): string[] {
  const { messages } = body;
  if (messages.length === 0) return ['messages: at least one message is required'];
  const shapes = messages.flatMap(shapeProblem);
  if (shapes.length > 0) return shapes;
  const turns = joined(messages);
  return [
    ...(turns[0]?.role === 'user'
      ? []
      : ['messages: first message must use the "user" role (it must be a user turn)']),
    ...turns.flatMap((turn) => contentProblems(turn, said)),
    ...callProblems(turns),
    ...turns.flatMap((turn, index) =>
      serverCallProblems(turn, turns.slice(0, index), isPaused(turn, turns, said)),
    ),
    ...thoughtProblems(body, turns, said),
    ...(countOnly ? [] : endProblems(body, turns, said)),
  ];
}

function shapeProblem({ role, content }: { role: unknown; content: unknown }, index: number) {
  const at = `messages.${index}`;
  if (role !== 'user' && role !== 'assistant' && role !== 'system') {
    return [`${at}.role: Input should be 'user', 'assistant' or 'system'`];
  }
  if (typeof content === 'string') return [];
  if (!Array.isArray(content)) return [`${at}.content: Input should be a valid list`];
  if (content.length === 0) return [`${at}: all messages must have non-empty content`];
  return content.flatMap((block, position) =>
    typeof block?.type === 'string' ? [] : [`${at}.content.${position}.type: Field required`],
  );
}

/** Merges consecutive turns of the same role. System messages are not turns. */
function joined(messages: RequestBody['messages']): Turn[] {
  const turns: Turn[] = [];
  for (const [index, { role, content }] of messages.entries()) {
    if (role === 'system') continue;
    const at = `messages.${index}`;
    const list = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
    const blocks = (list as AnyBlock[]).map((block, position) => ({
      block,
      at: typeof content === 'string' ? at : `${at}.content.${position}`,
    }));
    if (turns.at(-1)?.role === role) turns.at(-1)!.blocks.push(...blocks);
    else turns.push({ role, at, blocks });
  }
  return turns;
}

function contentProblems({ role, blocks }: Turn, said: SaidBefore | undefined): string[] {
  const last = blocks.at(-1)!;
  return [
    ...blocks.flatMap(({ block, at: place }) =>
      blockProblems(block, role, said).map((problem) => `${place}${problem}`),
    ),
    ...(role === 'assistant' && isThought(last.block)
      ? [`${last.at}: The final block in an assistant message cannot be \`thinking\`.`]
      : []),
  ];
}

/** Each call must have exactly one result, at the start of the next turn. */
function callProblems(turns: readonly Turn[]): string[] {
  const problems: string[] = [];
  const known = new Set<unknown>();
  for (const [index, turn] of turns.entries()) {
    const next = turns[index + 1];
    const calls = blocksOf(turn, 'tool_use');
    for (const { block, at } of calls) {
      if (known.has(block['id'])) problems.push(`${at}: \`tool_use\` ids must be unique`);
      known.add(block['id']);
    }
    const answered = new Set(blocksOf(next, 'tool_result').map(idOfResult));
    const open = calls.map(({ block }) => block['id']).filter((id) => !answered.has(id));
    if (open.length > 0) {
      problems.push(
        `${turn.at}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ` +
          `${open.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
      );
    }
    problems.push(...resultProblems(turn, turns[index - 1]));
  }
  return problems;
}

function resultProblems(turn: Turn, before: Turn | undefined): string[] {
  const problems: string[] = [];
  const calls = new Set(blocksOf(before, 'tool_use').map(({ block }) => block['id']));
  const seen = new Set<unknown>();
  for (const placed of blocksOf(turn, 'tool_result')) {
    const id = idOfResult(placed);
    if (!calls.has(id)) {
      problems.push(
        `${placed.at}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${String(id)}. ` +
          'Each `tool_result` block must have a corresponding `tool_use` block in the previous message.',
      );
    } else if (seen.has(id)) {
      problems.push(
        `${placed.at}: each tool_use must have a single result. Found multiple \`tool_result\` blocks with id: ${String(id)}`,
      );
    }
    seen.add(id);
    const other = turn.blocks.findIndex(({ block }) => block.type !== 'tool_result');
    if (other >= 0 && other < turn.blocks.indexOf(placed)) {
      problems.push(`${placed.at}: tool_result blocks must come first in the content`);
    }
  }
  return problems;
}

/**
 * A tool that the API runs has its result in the same turn. A paused turn, and a turn that calls a
 * client-side tool, may lack the result: it then comes in a later turn (docs: handling-stop-reasons).
 */
function serverCallProblems(turn: Turn, before: readonly Turn[], isToGoOn: boolean): string[] {
  const problems: string[] = [];
  const { blocks } = turn;
  const mayLackResult = isToGoOn || blocksOf(turn, 'tool_use').length > 0;
  const earlier = before.flatMap((one) => one.blocks).filter(({ block }) => isServerCall(block));
  for (const [index, { block, at }] of blocks.entries()) {
    if (isServerCall(block)) {
      const results = blocks.slice(index).map(idOfResult);
      if (!mayLackResult && !results.includes(block['id'])) {
        problems.push(`${at}: \`${block.type}\` without its result: ${String(block['id'])}`);
      }
    } else if (block.type.endsWith('_tool_result')) {
      const calls = [
        ...earlier,
        ...blocks.slice(0, index).filter((placed) => isServerCall(placed.block)),
      ];
      if (!calls.some((placed) => placed.block['id'] === block['tool_use_id'])) {
        problems.push(
          `${at}: unexpected \`tool_use_id\` found in \`${block.type}\` blocks: ${String(block['tool_use_id'])}`,
        );
      }
    }
  }
  return problems;
}

/**
 * Thinking must have the same content before it as when it was signed, and thinking before calls must be
 * sent back together with the results of the calls.
 */
function thoughtProblems(
  body: RequestBody,
  turns: readonly Turn[],
  said: SaidBefore | undefined,
): string[] {
  if (said === undefined) return [];
  const problems: string[] = [];
  const answer = turns.at(-1)!;
  const isOpen = answer.blocks.every(({ block }) => block.type === 'tool_result');
  const isThinking = body.thinking && body.thinking.type !== 'disabled';
  let prefix = seedOf(body);
  for (const [index, turn] of turns.entries()) {
    const prefixes = new Set([prefix]);
    for (const { block, at } of turn.blocks) {
      if (isThought(block) && said.isMoved(block, prefix)) {
        problems.push(
          `${at}: Invalid \`signature\` in \`thinking\` block. The block is bound to a different conversation. Remove the block, or set \`thinking.block_binding.prefix_mismatch_behavior\` to "drop_block".`,
        );
      }
      prefix = withBlock(prefix, turn.role, block);
      prefixes.add(prefix);
    }
    const isBeingAnswered = isThinking && isOpen && index === turns.length - 2;
    const blocks = turn.blocks.map(({ block }) => block);
    if (isBeingAnswered && said.lacksThoughts(blocks, prefixes)) {
      problems.push(
        `${turn.at}: When \`thinking\` is enabled, the thinking blocks before a \`tool_use\` must be passed back with it`,
      );
    }
  }
  return problems;
}

/** A request may end with an assistant turn only under some conditions. */
function endProblems(
  { model, thinking, tool_choice, output_config }: RequestBody,
  turns: readonly Turn[],
  said: SaidBefore | undefined,
): string[] {
  const turn = turns.at(-1)!;
  const last = turn.blocks.at(-1)?.block;
  if (turn.role !== 'assistant' || last === undefined || isPaused(turn, turns, said)) return [];
  const text = last.type === 'text' ? String(last['text']) : '';
  return [
    ...(acceptsPrefill(model)
      ? []
      : [
          'This model does not support assistant message prefill: it is not supported after 4.5. The conversation must end with a user message.',
        ]),
    ...(thinking && thinking.type !== 'disabled' ? ['messages: prefill with thinking'] : []),
    ...(/^(any|tool)$/.test(tool_choice?.type ?? '')
      ? ['messages: prefill with a forced tool']
      : []),
    ...(output_config?.format ? ['messages: prefill with a format'] : []),
    ...(text !== text.trimEnd()
      ? ['messages: final assistant content cannot end with trailing whitespace']
      : []),
  ];
}

/** Whether the request ends with an unchanged paused turn, so that the turn continues. */
function isPaused(turn: Turn, turns: readonly Turn[], said: SaidBefore | undefined): boolean {
  const last = turn.blocks.at(-1)?.block;
  return turn === turns.at(-1) && last !== undefined && (said?.wasPausedAt(last) ?? false);
}

function blocksOf(turn: Turn | undefined, type: string): Placed[] {
  return turn?.blocks.filter(({ block }) => block.type === type) ?? [];
}

function idOfResult({ block }: Placed): unknown {
  return block['tool_use_id'];
}

function isServerCall({ type }: AnyBlock): boolean {
  return type === 'server_tool_use' || type === 'mcp_tool_use';
}
