import Anthropic from '@anthropic-ai/sdk';
import { fromMessages, fromRecording, fromResponse, Valve } from 'claude-rx';
import { Conversation } from 'claude-rx/conversation';
import { fromClaudeCode } from 'claude-rx/node';
import { createRelay, fromRelay } from 'claude-rx/relay';
import { runTools } from 'claude-rx/tools';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EMPTY } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { MAX_DOCUMENT_BLOCKS } from '../src/conversation/ConversationDocument.ts';
import { MAX_DEPTH } from '../src/history/wellFormed.ts';
import { IncrementalJsonParser } from '../src/json/IncrementalJsonParser.ts';
import { MAX_FRAME_LENGTH } from '../src/message/frameLimit.ts';
import { KEPT } from '../src/node/LastOutput.ts';
import { relayConfig } from '../src/relay/relayConfig.ts';
import { MAX_TURNS } from '../src/tools/RunToolsOptions.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** The number that a source file gives to a name. */
const valueIn = (path: string, name: string): number =>
  Number(new RegExp(`\\b${name} = ([\\d_]+)`).exec(read(path))?.[1]?.replaceAll('_', ''));

/** How many levels of JSON are read. */
function jsonDepth(): number {
  let depth = 0;
  const parser = new IncrementalJsonParser();
  try {
    for (; depth < 10_000; depth++) parser.push('[');
  } catch {
    // One more is too many.
  }
  return depth;
}

const relay = relayConfig({});

/** What the code says, for each row. */
const DEFAULTS: Readonly<Record<string, number>> = {
  'maxFrameLength of fromMessages, fromResponse, fromRelay, fromRecording': MAX_FRAME_LENGTH,
  'maxLineLength of fromClaudeCode': MAX_FRAME_LENGTH,
  'maxUnreadPrompts of fromClaudeCode': MAX_FRAME_LENGTH,
  'stderr of ClaudeCodeExit': KEPT,
  'exitTimeout of fromClaudeCode': valueIn('src/node/fromClaudeCode.ts', 'exitTimeout'),
  'maxTurns of runTools, Conversation': MAX_TURNS,
  'JSON depth of jsonOutput, jsonElements, toolInput': jsonDepth(),
  'sent depth of runTools, Conversation': MAX_DEPTH,
  'maxDocumentBlocks of Conversation.fromJSON, Conversation.fromChanges': MAX_DOCUMENT_BLOCKS,
  'document depth of Conversation.fromJSON': MAX_DEPTH,
  'count of retryResumable': valueIn('operators/retryResumable.ts', 'count'),
  'count of fromRelay, fromSession': valueIn('src/session/fromSession.ts', 'count'),
  'highWaterMark of Valve': new Valve().highWaterMark,
  'concurrency of RequestGate': valueIn('src/traffic/RequestGate.ts', 'concurrency'),
  'maxQueue of RequestGate': valueIn('src/traffic/RequestGate.ts', 'maxQueue'),
  'maxEvents of createRelay': relay.maxEvents,
  'maxEventSize of createRelay': relay.maxEventSize,
  'maxBuffered of createRelay': relay.maxBuffered,
  'ttl of createRelay': relay.ttl,
  'maxUnread of createRelay': relay.maxUnread,
  'unread entries of createRelay': valueIn('src/relay/Follower.ts', 'PAGE'),
  'maxTakeOvers of createRelay': relay.maxTakeOvers,
};

describe('docs/limits.md', () => {
  it('has the defaults of the code', () => {
    const rows = [...read('docs/limits.md').matchAll(/^\| (.+?) \| (.+?) \| ([\d,]+)/gm)].map(
      ([, limit = '', of = '', value = '']) => [
        `${limit} of ${of}`.replaceAll('`', ''),
        Number(value.replaceAll(',', '')),
      ],
    );
    expect(Object.fromEntries(rows)).toEqual(DEFAULTS);
    expect(valueIn('src/relay/fromRelay.ts', 'count')).toBe(10);
  });

  it('has every option that is called a maximum', () => {
    const files = ['src', 'operators'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts') && !/^(testing|inspect)/.test(file))
        .map((file) => `${folder}/${file}`),
    );
    const options = files.flatMap((file) =>
      [...read(file).matchAll(/^ {2}(max[A-Z]\w*)\?:/gm)].map(([, name = '']) => name),
    );
    // Of text that is shown, and not a limit of what comes.
    const others = new Set(['maxLength', 'maxLatency', 'maxRetries']);
    const page = read('docs/limits.md');
    const missing = options.filter((name) => !page.includes(name) && !others.has(name));
    expect(missing).toEqual([]);
    expect(options).toContain('maxFrameLength');
  });
});

const params = { model: 'm', max_tokens: 1, messages: [] };
const client = new Anthropic({ apiKey: 'test' });

describe('a limit that is no number in its range is a TypeError at the call', () => {
  it.each<[name: string, call: (limit: number) => unknown]>([
    ['maxFrameLength', (limit) => fromMessages(client, params, { maxFrameLength: limit })],
    ['maxFrameLength', (limit) => fromResponse(() => Response.error(), { maxFrameLength: limit })],
    ['maxFrameLength', (limit) => fromRelay('http://x', { maxFrameLength: limit })],
    ['maxFrameLength', (limit) => fromRecording([], { maxFrameLength: limit })],
    ['liveness', (limit) => fromRelay('http://x', { liveness: limit })],
    ['count', (limit) => fromRelay('http://x', { count: limit })],
    ['delay', (limit) => fromRelay('http://x', { delay: limit })],
    ['speed', (limit) => fromRecording([], { speed: limit })],
    ['maxLineLength', (limit) => fromClaudeCode({ prompt: '', maxLineLength: limit })],
    ['maxUnreadPrompts', (limit) => fromClaudeCode({ prompt: '', maxUnreadPrompts: limit })],
    ['exitTimeout', (limit) => fromClaudeCode({ prompt: '', exitTimeout: limit })],
    ['killAfter', (limit) => fromClaudeCode({ prompt: '', killAfter: limit })],
    ['maxTurns', (limit) => runTools(() => EMPTY, params, { tools: [], maxTurns: limit })],
    ['concurrency', (limit) => runTools(() => EMPTY, params, { tools: [], concurrency: limit })],
    ['timeout', (limit) => runTools(() => EMPTY, params, { tools: [], timeout: limit })],
    [
      'maxHistoryTokens',
      (limit) => new Conversation(() => EMPTY, params, { maxHistoryTokens: limit }),
    ],
    [
      'maxDocumentBlocks',
      (limit) => Conversation.fromJSON({}, () => EMPTY, params, { maxDocumentBlocks: limit }),
    ],
    ['maxEventSize', (limit) => createRelay({ maxEventSize: limit })],
  ])('%s', (name, call) => {
    for (const limit of [Number.NaN, -1, -Infinity, '5' as never, {} as never, null as never]) {
      expect(() => call(limit)).toThrow(TypeError);
      expect(() => call(limit)).toThrow(`\`${name}\` must be `);
    }
  });
});
