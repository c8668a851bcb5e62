import type Anthropic from '@anthropic-ai/sdk';
import type { StreamEvent } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';

export type Random = () => number;

const BLANKS = ['\n', ' ', '\u0001'];
const HALVES = ['half \ud83d', '\ud83d'];
const WORDS = ['Hm', ' a', 'b ', 'two words', 'Grüße 👋🏽', 'end. \n', 'x', ...BLANKS, ...HALVES];
/** Ids as gateways make them: of another shape, and the same in each reply or in one. */
const IDS = ['functions.look:0', 'functions_look_0', 'call_0', 'é'];
/** Blocks that come whole. */
const BLOCKS = [
  { type: 'fallback', from: { model: 'a' }, to: { model: 'b' } },
  { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_none', content: [] },
  { type: 'container_upload', file_id: 'f' },
  { type: 'connector_text', connector_text: 'new' },
  { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
];
const NAMES = ['look', 'slow', 'fail', 'empty', 'ask', 'missing'];

/**
 * Anything at all that the API may say to these messages; `ids` is part of all its ids and signatures.
 * What was paused goes on with the result that was missing.
 */
export function randomReply(
  random: Random,
  ids: string,
  messages: Anthropic.MessageParam[],
): { events: Iterable<StreamEvent>; stopReason: string } {
  const id = (index: number) => `${ids}_${index}`;
  let reply = messageEvents.with({
    id: `msg_${id(0)}`,
    usage: { input_tokens: Math.ceil(JSON.stringify(messages).length / 5) },
  });
  const paused = pausedCall(messages.at(-1));
  if (paused) reply = reply.block(resultOf(paused));
  let stopReason = 'end_turn';
  const length = Math.floor(random() * 5);
  for (let index = 0; index < length; index++) {
    const what = random();
    if (what < 0.35) reply = reply.text(words(random));
    else if (what < 0.5) {
      reply = reply.thinking(random() < 0.3 ? '' : words(random), { signature: `s${id(index)}` });
    } else if (what < 0.53) reply = reply.redactedThinking(`d${id(index)}`);
    else if (what < 0.55) reply = reply.block(pick(random, BLOCKS));
    else if (what < 0.6) {
      const call = `srvtoolu_${id(index)}`;
      reply = reply.serverToolUse('web_search', { query: 'x' }, { id: call });
      if (random() < 0.6) reply = reply.block(resultOf(call));
      else if (index === length - 1 && stopReason === 'end_turn') stopReason = 'pause_turn';
    } else {
      const input = random() < 0.15 ? { wrong: true } : { value: words(random) };
      const name = pick(random, NAMES);
      const texts = ['{"value": "cut', 'null', '[]', '{"value":"a","\\ud83d":"\\ud83d"}'];
      const json = random() < 0.1 ? { json: pick(random, texts) } : {};
      const callId = random() < 0.2 ? pick(random, IDS) : `toolu_${id(index)}`;
      reply = reply.toolUse(name, input, { id: callId, ...json });
      stopReason = 'tool_use';
    }
  }
  if (stopReason === 'tool_use' && random() < 0.15) {
    stopReason = pick(random, ['max_tokens', 'end_turn', 'model_context_window_exceeded']);
  }
  if (stopReason === 'end_turn' && random() < 0.15) {
    stopReason = pick(random, ['refusal', 'pause_turn', 'compaction', 'stop_sequence', 'new']);
  }
  return { events: reply.with({ stopReason }), stopReason };
}

/** The call that a request leaves to the API. */
function pausedCall(last: Anthropic.MessageParam | undefined): string | undefined {
  if (last?.role !== 'assistant' || typeof last.content === 'string') return undefined;
  const block = last.content.at(-1);
  return block?.type === 'server_tool_use' ? block.id : undefined;
}

function resultOf(id: string): { type: string } {
  return { type: 'web_search_tool_result', tool_use_id: id, content: [] } as { type: string };
}

export function words(random: Random): string {
  const count = 1 + Math.floor(random() * 3);
  return Array.from({ length: count }, () => pick(random, WORDS)).join('');
}

export function pick<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)]!;
}
