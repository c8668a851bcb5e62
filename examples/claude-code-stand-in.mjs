#!/usr/bin/env node
// Stands in for the Claude Code CLI where that is not installed: it prints what CLI 2.1.332 prints with
// `-p --input-format stream-json --output-format stream-json --verbose`, and has one answer.
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';

const PAUSE = 25;
const hasPartial = process.argv.includes('--include-partial-messages');
const session_id = randomUUID();
const model = 'claude-opus-5-5';
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const send = (message) => {
  process.stdout.write(`${JSON.stringify({ ...message, session_id, uuid: randomUUID() })}\n`);
};
const timestamp = () => new Date().toISOString();
/** Each reply has an id of its own. */
let replies = 0;
let turns = 0;

/** One reply: a complete message for each block, and between them the events of its stream. */
async function reply(stop_reason, blocks) {
  const id = `msg_${session_id.slice(0, 8)}_${++replies}`;
  const request_id = `req_${replies}`;
  const usage = { input_tokens: 12, output_tokens: 1 };
  const message = {
    id,
    type: 'message',
    role: 'assistant',
    model,
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    usage,
  };
  const event = (fields, more = {}) => {
    if (!hasPartial) return;
    const line = { type: 'stream_event', event: fields, parent_tool_use_id: null, ...more };
    send({ ...line, api_message_id: id });
  };
  if (hasPartial) send({ type: 'system', subtype: 'status', status: 'requesting' });
  event({ type: 'message_start', message: { ...message, content: [] } }, { ttft_ms: PAUSE });
  for (const [index, block] of blocks.entries()) {
    const [key, type, whole] =
      block.type === 'text'
        ? ['text', 'text_delta', block.text]
        : ['partial_json', 'input_json_delta', JSON.stringify(block.input)];
    const start = block.type === 'text' ? { ...block, text: '' } : { ...block, input: {} };
    event({ type: 'content_block_start', index, content_block: start });
    for (const piece of whole.match(/[^]{1,8}/gu)) {
      await pause(PAUSE);
      event({ type: 'content_block_delta', index, delta: { type, [key]: piece } });
    }
    send({
      type: 'assistant',
      message: { ...message, content: [block] },
      parent_tool_use_id: null,
      timestamp: timestamp(),
      request_id,
    });
    event({ type: 'content_block_stop', index });
  }
  const final = { container: null, stop_details: null, stop_reason, stop_sequence: null };
  event({ type: 'message_delta', delta: final, usage: { ...usage, output_tokens: 40 } });
  event({ type: 'message_stop' });
}

async function turn() {
  send({
    type: 'system',
    subtype: 'init',
    model,
    cwd: process.cwd(),
    tools: ['Read', 'Bash'],
    mcp_servers: [],
    permissionMode: 'default',
    apiKeySource: 'none',
    slash_commands: [],
    skills: [],
    plugins: [],
    output_style: 'default',
    claude_code_version: 'stand-in',
  });
  await reply('tool_use', [
    { type: 'text', text: 'Let me look at what there is to read first. ', citations: null },
    {
      type: 'tool_use',
      id: 'toolu_1',
      name: 'Read',
      input: { file_path: 'README.md' },
      caller: { type: 'direct' },
    },
  ]);
  const found = { type: 'tool_result', tool_use_id: 'toolu_1', content: '# claude-rx' };
  const answer = { role: 'user', content: [found] };
  send({ type: 'user', message: answer, parent_tool_use_id: null, timestamp: timestamp() });
  const text =
    'This is a toolkit that turns what Claude says into Observables: everything else is an operator.';
  await reply('end_turn', [{ type: 'text', text, citations: null }]);
  send({
    type: 'result',
    subtype: 'success',
    is_error: false,
    num_turns: 2,
    duration_ms: 1_000,
    duration_api_ms: 900,
    result: text,
    stop_reason: 'end_turn',
    terminal_reason: 'completed',
    api_error_status: null,
    queued_turn_count: 0,
    result_index: turns++,
    total_cost_usd: 0.0123,
    usage: { input_tokens: 24, output_tokens: 80 },
    modelUsage: { [model]: { inputTokens: 24, outputTokens: 80, costUSD: 0.0123 } },
    permission_denials: [],
  });
}

let queue = Promise.resolve();
createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (JSON.parse(line).type === 'user') queue = queue.then(turn);
  })
  .on('close', () => queue.then(() => process.exit()));
