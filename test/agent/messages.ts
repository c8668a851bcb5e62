// The messages of Claude Code for tests: the lines, their order and their fields are those of CLI
// 2.1.332.
import { type BetaStreamEvent, MessageBuilder, type MessageOf } from 'claude-rx';
import type {
  AgentAssistantMessage,
  AgentInitMessage,
  AgentMessage,
  AgentPartialMessage,
  AgentResultError,
  AgentResultSuccess,
  AgentUserMessage,
} from 'claude-rx/agent';

export type Block = MessageOf<BetaStreamEvent>['content'][number];

export const SESSION = '2e4d765b-d13a-4a8a-81ae-f6db66c57220';
let count = 0;
const sent = () => ({
  uuid: `00000000-0000-4000-8000-${String(++count).padStart(12, '0')}`,
  session_id: SESSION,
});

export const text = (said: string): Block => ({ type: 'text', text: said, citations: null });
export const thinking = (thought: string): Block => ({
  type: 'thinking',
  thinking: thought,
  signature: 'c2ln',
});
export const toolUse = (id: string, name = 'Read', input: object = { file_path: '/a' }): Block => ({
  type: 'tool_use',
  id,
  name,
  input,
  caller: { type: 'direct' },
});

export const init = (fields: Partial<AgentInitMessage> = {}): AgentInitMessage => ({
  type: 'system',
  subtype: 'init',
  model: 'claude-opus-5-5',
  cwd: '/project',
  tools: ['Bash', 'Read'],
  mcp_servers: [],
  permissionMode: 'default',
  slash_commands: [],
  apiKeySource: 'none',
  claude_code_version: '2.1.332',
  output_style: 'default',
  skills: [],
  plugins: [],
  ...sent(),
  ...fields,
});

type Message = AgentAssistantMessage['message'];
const usage = { input_tokens: 10, output_tokens: 1 } as Message['usage'];

export const header = (id: string): Message => ({
  id,
  type: 'message',
  role: 'assistant',
  model: 'claude-opus-5-5',
  content: [],
  container: null,
  context_management: null,
  diagnostics: null,
  stop_details: null,
  stop_reason: null,
  stop_sequence: null,
  usage,
});

/** A complete message: one block of the reply `id`, or several. */
export const complete = (
  id: string,
  content: Block | Block[],
  fields: Partial<AgentAssistantMessage> = {},
): AgentAssistantMessage => ({
  type: 'assistant',
  message: { ...header(id), content: [content].flat() },
  parent_tool_use_id: null,
  ...sent(),
  ...fields,
});

export const partial = (
  event: BetaStreamEvent,
  parent: string | null = null,
  fields: Partial<AgentPartialMessage> = {},
): AgentPartialMessage => ({
  type: 'stream_event',
  event: event as AgentPartialMessage['event'],
  parent_tool_use_id: parent,
  ...sent(),
  ...fields,
});

/** An event of the reply `id`, as CLI 2.1.332 prints it. */
export const eventOf = (
  id: string,
  event: object,
  fields: Partial<AgentPartialMessage> = {},
): AgentPartialMessage =>
  partial(event as BetaStreamEvent, null, { api_message_id: id, ...fields });

/** The line by which the CLI closes a reply that was cut: the blocks from `from` on are abandoned. */
export const abandoned = (id: string, from: number): AgentPartialMessage =>
  eventOf(
    id,
    { type: 'message_stop' },
    {
      abandoned_blocks: { api_message_id: id, from_block_index: from },
    },
  );

/** An error that the CLI puts in words. */
export const cliError = (
  words: string,
  fields: Partial<AgentAssistantMessage> = {},
  stop_reason: Message['stop_reason'] = 'stop_sequence',
): AgentAssistantMessage => ({
  type: 'assistant',
  message: {
    ...header('6a8e7bb5-0000'),
    model: '<synthetic>',
    stop_reason,
    content: [{ type: 'text', text: words, citations: null }],
  },
  parent_tool_use_id: null,
  error: 'server_error',
  is_api_error_message: true,
  ...sent(),
  ...fields,
});

/** The line in which the CLI tells the model what became of its reply. */
export const cliTellsModel = (fields: Partial<AgentUserMessage> = {}): AgentUserMessage => ({
  type: 'user',
  message: { role: 'user', content: [{ type: 'text', text: 'The reply was cut off.' }] },
  parent_tool_use_id: null,
  isSynthetic: true,
  ...sent(),
  ...fields,
});

/** A system message that is not `init`. */
export const system = (subtype: string, fields: object = {}): AgentMessage =>
  ({ type: 'system', subtype, ...sent(), ...fields }) as unknown as AgentMessage;

/** The answer to a call. */
export const toolResult = (id: string, parent: string | null = null): AgentUserMessage => ({
  type: 'user',
  message: { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'done' }] },
  parent_tool_use_id: parent,
  ...sent(),
});

const turn = {
  type: 'result' as const,
  num_turns: 1,
  duration_ms: 10,
  duration_api_ms: 5,
  stop_reason: 'end_turn',
  total_cost_usd: 0.25,
  usage,
  modelUsage: {},
  permission_denials: [],
};

export const result = (fields: Partial<AgentResultSuccess> = {}): AgentResultSuccess => ({
  ...turn,
  subtype: 'success',
  is_error: false,
  result: 'done',
  ...sent(),
  ...fields,
});

export const errorResult = (
  subtype: AgentResultError['subtype'],
  fields: Partial<AgentResultError> = {},
): AgentResultError => ({
  ...turn,
  subtype,
  is_error: true,
  errors: [`it was ${subtype}`],
  ...sent(),
  ...fields,
});

/** The messages that are built of events, also those that did not end. */
export function built(events: Iterable<BetaStreamEvent>): MessageOf<BetaStreamEvent>[] {
  const messages: MessageOf<BetaStreamEvent>[] = [];
  const builder = new MessageBuilder<BetaStreamEvent>();
  for (const event of events) {
    if (event.type === 'message_start' && builder.message) messages.push(builder.message);
    builder.push(event);
  }
  return builder.message ? [...messages, builder.message] : messages;
}

/** The blocks of the messages that were built, without the empty messages of what was taken back. */
export const blocks = (events: Iterable<BetaStreamEvent>): Block[][] =>
  built(events)
    .map(({ content }) => content)
    .filter((content) => content.length > 0);

export interface ReplyScript {
  id: string;
  blocks: Block[];
  stopReason?: string;
  parent?: string | null;
}

/** A reply as Claude Code writes it, with its partial messages or without. */
export function reply(
  { id, blocks: content, stopReason = 'end_turn', parent = null }: ReplyScript,
  level: 'partial' | 'complete',
): AgentMessage[] {
  const lines = content.map((block) => complete(id, block, { parent_tool_use_id: parent }));
  if (level === 'complete') return lines;
  const events = (list: unknown[]) =>
    list.map((event) => eventOf(id, event as object, { parent_tool_use_id: parent }));
  return [
    ...events([{ type: 'message_start', message: header(id) }]),
    // The complete message comes ahead of the event that ends its block.
    ...content.flatMap((block, index) => [
      ...events(streamed(block, index)),
      lines[index]!,
      ...events([{ type: 'content_block_stop', index }]),
    ]),
    ...events([
      {
        type: 'message_delta',
        delta: {
          stop_reason: stopReason,
          stop_sequence: null,
          stop_details: null,
          container: null,
        },
        usage: { ...usage, output_tokens: 20 },
      },
      { type: 'message_stop' },
    ]),
  ];
}

/** The events of a block, but for its stop: its text in pieces of three characters. */
export function streamed(block: Block, index: number): unknown[] {
  const delta = (fields: object) => ({ type: 'content_block_delta', index, delta: fields });
  const start = (fields: object) => ({
    type: 'content_block_start',
    index,
    content_block: { ...block, ...fields },
  });
  const pieces = (said: string) => said.match(/[^]{1,3}/gu) ?? [];
  switch (block.type) {
    case 'text':
      return [
        start({ text: '' }),
        ...pieces(block.text).map((piece) => delta({ type: 'text_delta', text: piece })),
      ];
    case 'thinking':
      return [
        start({ thinking: '', signature: '' }),
        ...pieces(block.thinking).map((piece) =>
          delta({ type: 'thinking_delta', thinking: piece }),
        ),
        delta({ type: 'signature_delta', signature: block.signature }),
      ];
    case 'tool_use':
      return [
        start({ input: {} }),
        ...pieces(JSON.stringify(block.input)).map((piece) =>
          delta({ type: 'input_json_delta', partial_json: piece }),
        ),
      ];
    default:
      return [start({})];
  }
}
