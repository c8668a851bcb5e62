import type { MessageCreateParamsBase } from '@anthropic-ai/sdk/resources/messages/messages';
import type {
  ContentBlockParam,
  ContentBlock,
  Message,
  Usage,
} from '@anthropic-ai/sdk/resources/messages/messages';
import { MessageBuilder, type StreamEvent } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { encodeEvent } from '../../src/sse/encodeEvent.ts';
import { pieces } from '../../src/testing/pieces.ts';

export type Request = Pick<MessageCreateParamsBase, 'model' | 'messages'>;

/** How a model that was told to go on begins: with nothing, a repeat, or the words it was asked for. */
export type Beginning = 'plain' | 'anchor' | { repeat: number };

export interface Manner {
  beginning?: Beginning;
  usage?: Partial<Usage>;
}

/** What the API would refuse. */
class RefusedRequest extends Error {}

const NO_PREFILL = /claude-(opus|sonnet)-(5|4-[6-9])/;

/**
 * A model that has one thing to say, and says it from wherever a request ends: after a prefill, or
 * after an assistant turn and a user turn that asks to go on.
 *
 * It is strict about requests: what the API refuses, or text that it never said, is an error.
 */
export class ContinuingModel {
  readonly events: readonly StreamEvent[];
  readonly message: Message;
  /** All text, joined. */
  readonly text: string;
  readonly #turns: number;
  readonly #isNested: boolean;
  /** The events from the start of each block on, with the indices they have as a reply of their own. */
  readonly #rests: StreamEvent[][] = [];

  /**
   * `turns`: how many messages the request has that is not a continuation. `nested`: whether there
   * are continuations of continuations, in which white space between two parts may be left out.
   */
  constructor(
    reply: Iterable<StreamEvent>,
    { turns = 1, nested = false }: { turns?: number; nested?: boolean } = {},
  ) {
    this.events = [...reply];
    const builder = new MessageBuilder();
    for (const event of this.events) builder.push(event);
    this.message = builder.message!;
    this.text = textOf(this.message.content);
    this.#turns = turns;
    this.#isNested = nested;
  }

  /** What it says to this request. */
  answer(request: Request, { beginning = 'plain', usage = {} }: Manner = {}): StreamEvent[] {
    const said = this.#said(request);
    const [start, ...rest] = messageEvents.with({ model: request.model, usage });
    if (said === '') return this.#ended([start!, ...this.#restFrom(0)], rest);
    const { index, offset } = this.#place(said);
    const repeated = isAsked(request) ? repeatOf(beginning, request) : '';
    return this.#ended([start!, ...this.#goOn(index, offset, repeated)], rest);
  }

  /** The text that the request says has been said. */
  #said({ model, messages }: Request): string {
    const { role, content } = messages.at(-1)!;
    if (role === 'assistant' && NO_PREFILL.test(model)) {
      throw new RefusedRequest('This model does not support assistant message prefill.');
    }
    if (role === 'assistant' && /\s$/.test(textOf(blocksOf(content)))) {
      throw new RefusedRequest('final assistant content cannot end with trailing whitespace');
    }
    let said = '';
    for (const [index, message] of messages.slice(this.#turns).entries()) {
      const blocks = blocksOf(message.content);
      if (message.role === 'assistant') said = this.#after(said, blocks);
      else answerEach(blocksOf(messages[this.#turns + index - 1]!.content), blocks);
    }
    return said;
  }

  /** What has been said after another turn, which may begin with a repeat. */
  #after(said: string, blocks: ContentBlockParam[]): string {
    for (const block of blocks) this.#recognise(block);
    const text = textOf(blocks);
    for (let at = said.length; at >= 0; at--) {
      if (this.text.startsWith(text, at)) return this.text.slice(0, at + text.length);
      const end = this.#isNested ? endIgnoringSpace(this.text, text, at) : undefined;
      if (end !== undefined) return this.text.slice(0, end);
    }
    throw new RefusedRequest(`never said: ${JSON.stringify(text.slice(-80))}`);
  }

  #recognise(block: ContentBlockParam): void {
    if (block.type === 'text') {
      if (block.text.trim() === '')
        throw new RefusedRequest('text content blocks must be non-empty');
      return;
    }
    const own = this.message.content.map((one) => JSON.stringify(one));
    if (!own.includes(JSON.stringify(block))) {
      throw new RefusedRequest(`never made: ${JSON.stringify(block)}`);
    }
  }

  /** The text block in which that much has been said, and how much of it. */
  #place(said: string): { index: number; offset: number } {
    let offset = said.length;
    for (const [index, block] of this.message.content.entries()) {
      if (block.type !== 'text') continue;
      if (offset <= block.text.length) return { index, offset };
      offset -= block.text.length;
    }
    throw new RefusedRequest('more than was said');
  }

  /** The rest of a text block, with what is repeated before it, and all blocks that follow. */
  *#goOn(index: number, offset: number, repeated: string): Generator<StreamEvent> {
    const block = this.message.content[index] as ContentBlock & { type: 'text' };
    const rest = this.#restFrom(index);
    // The deltas that bring what was said, and the one that was cut.
    let at = 1;
    let length = 0;
    for (; length < offset; at++) length += lengthOf(rest[at]!);
    const first = repeated + block.text.slice(offset, length);
    const isOver = first === '' && rest[at]!.type === 'content_block_stop';
    if (!isOver) {
      yield rest[0]!;
      for (const text of pieces(first, 4)) {
        yield { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } };
      }
      return yield* rest.slice(at);
    }
    // Nothing is left to say in this block, so its start is left out, too.
    yield* this.#restFrom(index + 1);
  }

  #restFrom(index: number): StreamEvent[] {
    return (this.#rests[index] ??= this.#shifted(index));
  }

  #shifted(index: number): StreamEvent[] {
    const begin = this.events.findIndex(
      (event) => event.type === 'content_block_start' && event.index === index,
    );
    const end = this.events.findIndex(({ type }) => type === 'message_delta');
    if (begin < 0) return [];
    return this.events
      .slice(begin, end)
      .map((event) => ('index' in event ? { ...event, index: event.index - index } : event));
  }

  #ended(events: StreamEvent[], ending: StreamEvent[]): StreamEvent[] {
    const own = this.events.find((event) => event.type === 'message_delta')!;
    return events.concat(
      ending.map((event) =>
        event.type === 'message_delta' ? { ...event, delta: own.delta } : event,
      ),
    );
  }
}

function blocksOf(content: string | ContentBlockParam[]): ContentBlockParam[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}

function textOf(blocks: readonly { type: string }[]): string {
  return blocks.map((block) => ('text' in block ? String(block.text) : '')).join('');
}

function lengthOf(event: StreamEvent): number {
  if (event.type !== 'content_block_delta' || event.delta.type !== 'text_delta') return 0;
  return event.delta.text.length;
}

/** Where `part` ends in `text` when it begins at `at`, white space aside. */
function endIgnoringSpace(text: string, part: string, at: number): number | undefined {
  let end = at;
  for (const character of part.replaceAll(/\s/g, '')) {
    while (/\s/.test(text[end] ?? '')) end++;
    if (!text.startsWith(character, end)) return undefined;
    end += character.length;
  }
  return end;
}

/** Whether the last turn is one that asks to go on. */
function isAsked({ messages }: Request): boolean {
  return messages.at(-1)!.role === 'user';
}

/** Each call must have its result, at the beginning of the next turn. */
function answerEach(before: ContentBlockParam[], blocks: ContentBlockParam[]): void {
  const calls = before.flatMap((block) => (block.type === 'tool_use' ? block.id : []));
  const results = blocks.flatMap((block) =>
    block.type === 'tool_result' ? block.tool_use_id : [],
  );
  if (calls.join() !== results.join() || blocks.slice(0, calls.length).some(isText)) {
    throw new RefusedRequest('tool_use ids were found without tool_result blocks');
  }
}

function isText({ type }: { type: string }): boolean {
  return type === 'text';
}

/** What is said again: the end of the turn that was sent. */
function repeatOf(beginning: Beginning, { messages }: Request): string {
  if (beginning === 'plain') return '';
  const [sent, asked] = messages.slice(-2).map(({ content }) => textOf(blocksOf(content)));
  const length = beginning === 'anchor' ? anchorLength(sent!, asked!) : beginning.repeat;
  const repeated = sent!.slice(-length).replace(/^[\uDC00-\uDFFF]/, '');
  return repeated.length < 12 ? '' : repeated;
}

/** How many code units it was asked to begin with: the end of the instruction, and of what was said. */
function anchorLength(sent: string, asked: string): number {
  let length = 0;
  while (length < sent.length && asked.endsWith(sent.slice(-length - 1))) length++;
  return Math.max(1, length);
}

const encoded = new WeakMap<StreamEvent, Buffer>();

/** The body of a reply, and the offset in bytes at which each event of it begins. */
export function bodyOf(events: readonly StreamEvent[]): { body: Buffer; offsets: number[] } {
  const offsets: number[] = [];
  let length = 0;
  const frames = events.map((event) => {
    const frame = encoded.get(event) ?? Buffer.from(encodeEvent(event));
    encoded.set(event, frame);
    offsets.push(length);
    length += frame.length;
    return frame;
  });
  return { body: Buffer.concat(frames), offsets };
}

/** Numbers from 0 to below 1 that are the same each time: mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A reply of that many events that is hard to cut: text, thinking, text, a tool call, text; with
 * emoji, combining characters, white space, code and JSON. No 12 code units of its text occur twice,
 * so that a repeat is never ambiguous.
 */
export function trickyReply(events: number, seed = 1): Iterable<StreamEvent> {
  const random = seeded(seed);
  const text = trickyTexts(random);
  // message_start, message_delta and message_stop; start and stop of five blocks; two pings; the
  // signature; the empty delta with which the input of a call begins.
  const deltas = events - 3 - 10 - 2 - 1 - 1;
  const part = (share: number) => Math.max(1, Math.floor(deltas * share));
  const [first, thinking, second, call] = [part(0.25), part(0.15), part(0.28), part(0.12)];
  const last = deltas - first - thinking - second - call;
  const input = { path: 'notes/é 👩‍👩‍👧.md', lines: [1, -2.5e3, null], text: text(call * 4) };
  while (Array.from(JSON.stringify(input)).length > call * 4) {
    input.text = Array.from(input.text).slice(0, -1).join('');
  }
  return messageEvents
    .text(text(first * 4))
    .ping()
    .thinking(text(thinking * 4))
    .text(text(second * 4))
    .ping()
    .toolUse('write_file', input, { id: 'toolu_chaos' })
    .text(text(last * 4));
}

/** Makes texts of that many code points, in all of which no 12 code units occur twice. */
export function trickyTexts(random: () => number): (codePoints: number) => string {
  const known = new Set<string>();
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const word = () =>
    Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(syllables)).join('');
  const part = () => pick(kinds)(word, pick);
  return (codePoints) => {
    let all = '';
    while (Array.from(all).length < codePoints) {
      const more = all + part();
      const added = grams(more.slice(Math.max(0, all.length - 11)));
      if (added.some((gram) => known.has(gram)) || new Set(added).size < added.length) continue;
      for (const gram of added) known.add(gram);
      all = more;
    }
    return Array.from(all).slice(0, codePoints).join('');
  };
}

function grams(text: string): string[] {
  return Array.from({ length: Math.max(0, text.length - 11) }, (_, at) => text.slice(at, at + 12));
}

const syllables = 'ba ce di fo gu ha ji ke lo mu na pe qi ro su ta vi we xo yu za ü ß ö'.split(' ');
const marks = ['\u0301', '\u0308', '\u0323\u0307', '\ufe0f', '\u200d'];
const emoji = ['👩‍👩‍👧‍👦', '🇩🇪', '🇫🇷🇯🇵', '👍🏽', '❤️', '🏴󠁧󠁢󠁳󠁣󠁴󠁿', '1️⃣', '𝒳', '🧑🏿‍🚀'];
const spaces = ['\n', '\n\n', '  ', ' \n', '\t', '\r\n', '\u00a0', '\u2028', '\ufeff', '\n    '];

type Kind = (word: () => string, pick: <T>(list: readonly T[]) => T) => string;
const plain: Kind = (word) => `${word()} `;
const kinds: readonly Kind[] = [
  ...Array.from({ length: 8 }, () => plain),
  (word) => `${word()}, ${word()}. `,
  (_, pick) => pick(emoji),
  (word, pick) => `${word()}${pick(marks)}${word()}`,
  (_, pick) => pick(spaces),
  (_, pick) => pick(spaces) + pick(spaces),
  (word) => `\n\`\`\`${word()}\n${word()}(${word()});\n\`\`\`\n`,
  (word) => `{"${word()}": ["${word()}\\n", {"${word()}": -1.5e3}], "${word()}": null}`,
  (word) => `<${word()}>${word()}</${word()}>`,
];
