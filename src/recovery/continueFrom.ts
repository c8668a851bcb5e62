import { SHORTEST_REPEAT, type SeamConfig } from './Seam.ts';
import { isThought } from '../history/blockKinds.ts';
import { type Continuation, continuation, continuationIn } from '../message/continuation.ts';
import { type Block, isSpliced, keptBlocks, type KeptContent, keptContent } from './keptContent.ts';
import type { AnyMessage } from '../message/StreamEvent.ts';

/**
 * How the request for the rest of a broken reply is built.
 *
 * - `prefill`: the text so far is sent as the beginning of the answer (models up to 4.5).
 * - `instruct`: the text so far is sent as a turn, and a user turn asks to continue (all other models).
 * - `restart`: the same request is sent again; all content so far is withdrawn.
 */
export type ContinuationStrategy = 'prefill' | 'instruct' | 'restart';

/** The parameters that a continuation reads or changes, in GA and beta requests. */
export interface ContinuableParams {
  model: string;
  max_tokens: number;
  // `string & {}` accepts any string, but keeps the literal types in a written request.
  messages: readonly { role: 'user' | 'assistant' | (string & {}); content?: unknown }[];
  thinking?: { type: 'adaptive' | (string & {}); budget_tokens?: number } | null | undefined;
  tool_choice?: { type: 'auto' | (string & {}) } | null | undefined;
  output_config?: { format?: unknown } | null | undefined;
  /** The older name of `output_config.format`, in the beta parameters. */
  output_format?: unknown;
}

export interface ContinueFromOptions<Params, Reply extends AnyMessage = AnyMessage> {
  /**
   * The strategy, or a function that returns the request. If the function returns the same `messages`,
   * the reply starts again; otherwise the new text is appended unchanged. Default: chosen by the model's
   * name, see `continueFrom`.
   */
  strategy?: ContinuationStrategy | ((params: Params, partial: Reply) => Params) | undefined;
}

/** The maximum length of an anchor, in UTF-16 code units. */
const ANCHOR = 40;
/** The maximum length of the quoted end of the text, in UTF-16 code units. */
const QUOTE = 400;
/** For `max_tokens`: the mean length of a token in English, in characters. */
const CHARACTERS_PER_TOKEN = 4;

// Models that accept an assistant turn as the beginning of the answer: Claude up to 4.5, on the API,
// Bedrock and Vertex (docs: /docs/en/api/errors#prefill-not-supported). All other models refuse it.
const PREFILL =
  /claude-(?:(?:instant|2|3)(?:[-.@:]|$)|(?:opus|sonnet|haiku)-4(?:-[015])?(?:[-@](?:\d{8}|latest|default))?(?:-v\d+(?::\d+)?)?$)/;

/**
 * Builds the request for the rest of a broken reply. It does not change `params`.
 *
 * It keeps the content of `partial` up to and including the most recent text. Unfinished or later
 * thinking and tool calls cannot be continued and are left out
 * (docs: /docs/en/build-with-claude/streaming#error-recovery).
 *
 * The strategy, unless given:
 *
 * | | |
 * |---|---|
 * | no text has arrived | `restart` |
 * | `output_config.format` is set, or `tool_choice` forces a tool | `restart`: such an answer cannot begin in the middle |
 * | a model up to 4.5, without thinking, and no tool call is kept | `prefill` |
 * | otherwise | `instruct` |
 *
 * - Earlier turns, tool results, `stop_sequences` and all other parameters do not change. The partial text
 *   continues an assistant turn at the end of `messages`.
 * - `max_tokens` is reduced by an estimate of 4 characters per token. It stays above
 *   `thinking.budget_tokens`, is at least 1, and is never more than before.
 * - White space at the end is not sent, because the API refuses it (400); neither is half a character.
 *   `retryResumable` prevents that the continuation doubles them.
 * - Content that the API does not accept back is left out: text that is only white space, thinking
 *   without a signature, a server tool call without its result. Thinking of a continuation is left out
 *   too, because it belongs to another conversation
 *   (docs: /docs/en/build-with-claude/preserved-thinking).
 * - A kept tool call gets a `tool_result` that says that it has not run so far, because the API requires
 *   a result for each call.
 *
 * `fromMessages` passes on how the text must be joined; so do `toSse` and the sinks based on it, for a
 * `fromResponse` in the client. Behind another source, `retryResumable` decides by the model's name, and
 * takes a `restart` for a continuation.
 *
 * @throws TypeError when `strategy` is `prefill` and the API would refuse it: with thinking, with a forced
 * tool, or if a tool call is kept; when it is `prefill` or `instruct` with `output_config.format`; and
 * when it is another value, or a function that does not return a request.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { continueFrom, fromMessages, retryResumable, textOnly } from 'claude-rx';
 *
 * const client = new Anthropic();
 * const params = {
 *   model: 'claude-opus-5-5',
 *   max_tokens: 4096,
 *   messages: [{ role: 'user' as const, content: 'Tell me a long story' }],
 * };
 * fromMessages(client, params)
 *   .pipe(
 *     retryResumable({ resume: ({ partial }) => fromMessages(client, continueFrom(params, partial)) }),
 *     textOnly(),
 *   )
 *   .subscribe((text) => process.stdout.write(text));
 * ```
 */
export function continueFrom<
  Params extends ContinuableParams,
  Reply extends AnyMessage = AnyMessage,
>(
  params: Params,
  partial: Reply | undefined,
  { strategy }: ContinueFromOptions<Params, Reply> = {},
): Params {
  if (typeof strategy === 'function') {
    return partial ? byFunction(params, partial, strategy(params, partial)) : again(params);
  }
  const kept = partial?.content.slice(0, keptBlocks(partial)) ?? [];
  const refusal = strategy && refusalOf(params, kept, strategy);
  if (refusal) throw new TypeError(`continueFrom: strategy '${strategy}' ${refusal}`);
  const chosen = kept.length === 0 ? 'restart' : (strategy ?? defaultStrategy(params, kept));
  if (chosen === 'restart') return partial ? restart(params) : again(params);
  // Prefill works only without thinking, so thinking blocks are left out.
  const blocks = chosen === 'prefill' ? kept.filter((block) => !isThought(block)) : kept;
  const sent = keptContent(blocks, isSpliced(partial), params.messages);
  if (sent.content.length === 0) return joined(params, kept, sent.seam);
  return chosen === 'prefill' ? prefill(params, kept, sent) : instruct(params, kept, sent);
}

/** How a continuation joins `partial` if the request does not say so: depends on the model's name. */
export function defaultContinuation(partial: AnyMessage): Continuation {
  const { keep, seam } = exact(partial);
  return { keep, seam: { ...seam, mayRepeat: !PREFILL.test(partial.model) } };
}

/** How a continuation joins `partial` if it can only repeat the text that was left out. */
function exact(partial: AnyMessage): Continuation {
  const keep = keptBlocks(partial);
  const { seam } = keptContent(partial.content.slice(0, keep), isSpliced(partial));
  return { keep, seam };
}

type Turn = ContinuableParams['messages'][number];

/** The reason why a strategy cannot be used; `undefined` if it can. */
function refusalOf(
  params: ContinuableParams,
  kept: readonly Block[],
  strategy: ContinuationStrategy,
): string | undefined {
  if (strategy === 'restart') return undefined;
  if (strategy !== 'prefill' && strategy !== 'instruct') {
    return "is not 'prefill', 'instruct', 'restart' or a function";
  }
  if (hasFormat(params)) return "cannot continue an output_config.format; use 'restart'";
  if (strategy === 'instruct') return undefined;
  if (isForced(params)) return "is refused with a tool_choice that forces a tool; use 'restart'";
  if (isThinking(params)) return "is refused with thinking; use 'instruct'";
  return hasCall(kept) ? "is refused after a tool call; use 'instruct'" : undefined;
}

function defaultStrategy(params: ContinuableParams, kept: readonly Block[]): ContinuationStrategy {
  if (hasFormat(params) || isForced(params)) return 'restart';
  const canPrefill = PREFILL.test(params.model) && !isThinking(params) && !hasCall(kept);
  return canPrefill ? 'prefill' : 'instruct';
}

function hasFormat({ output_config, output_format }: ContinuableParams): boolean {
  return Boolean(output_config?.format ?? output_format);
}

function isForced({ tool_choice }: ContinuableParams): boolean {
  return tool_choice?.type === 'any' || tool_choice?.type === 'tool';
}

function isThinking({ thinking }: ContinuableParams): boolean {
  return thinking != null && thinking.type !== 'disabled';
}

function hasCall(kept: readonly Block[]): boolean {
  return kept.some(({ type }) => type === 'tool_use');
}

const ANEW: Continuation = { keep: 0, seam: { sent: '' } };

function restart<Params extends ContinuableParams>(params: Params): Params {
  return { ...params, [continuation]: ANEW };
}

/** The same request, after an attempt without content. If it was a continuation, it still is. */
function again<Params extends ContinuableParams>(params: Params): Params {
  return { [continuation]: ANEW, ...params };
}

/** The same request, with the information how its reply is joined to the kept content. */
function joined<Params extends ContinuableParams>(
  params: Params,
  kept: readonly Block[],
  seam: SeamConfig,
): Params {
  return { ...params, [continuation]: { keep: kept.length, seam } };
}

function byFunction<Params extends ContinuableParams>(
  params: Params,
  partial: AnyMessage,
  request: Params,
): Params {
  if (!request?.messages) {
    throw new TypeError('continueFrom: the function given as `strategy` must return a request');
  }
  const said = continuationIn(request);
  if (said && said !== continuationIn(params)) return request;
  const isSame = request.messages === params.messages;
  return { ...request, [continuation]: isSame ? ANEW : exact(partial) };
}

function prefill<Params extends ContinuableParams>(
  params: Params,
  kept: readonly Block[],
  { content, seam }: KeptContent,
): Params {
  return withTurns(params, kept, seam, [{ role: 'assistant', content }]);
}

function instruct<Params extends ContinuableParams>(
  params: Params,
  kept: readonly Block[],
  { content, answers, seam, ending }: KeptContent,
): Params {
  const anchor = lastWords(ending);
  return withTurns(params, kept, { ...seam, anchor, mayRepeat: true }, [
    { role: 'assistant', content },
    { role: 'user', content: [...answers, { type: 'text', text: instruction(ending, anchor) }] },
  ]);
}

/**
 * The wording is from the API docs. It also asks to repeat the last words, so that the repeat can be
 * recognised. These words come last and without quotation marks, because the model would repeat the marks.
 */
function instruction(ending: string, anchor: string): string {
  return [
    ...(ending === ''
      ? ['Your previous response was interrupted.']
      : [
          'Your previous response was interrupted and ended with:',
          `<ended_with>${endOf(ending, QUOTE)}</ended_with>`,
        ]),
    'Continue from exactly where you left off, as one text, without any comment on the interruption.',
    ...(anchor === ''
      ? ['Repeat nothing of it.']
      : ['Begin with its last words, unchanged, and go on from there. They are:', anchor]),
  ].join('\n');
}

function withTurns<Params extends ContinuableParams>(
  params: Params,
  kept: readonly Block[],
  seam: SeamConfig,
  turns: readonly Turn[],
): Params {
  return {
    ...joined(params, kept, seam),
    messages: turns.reduce(appendTurn, params.messages),
    max_tokens: remainingTokens(params, kept, seam),
  };
}

/**
 * Consecutive turns of the same role are merged: the partial text continues a prefill of the caller.
 * Blocks before thinking are not changed.
 */
function appendTurn(turns: readonly Turn[], turn: Turn): readonly Turn[] {
  const last = turns.at(-1);
  if (last?.role !== turn.role) return [...turns, turn];
  const before = contentOf(last);
  const [first, ...rest] = contentOf(turn);
  const joint = before.at(-1);
  const areTexts = joint?.type === 'text' && first?.type === 'text';
  const content =
    areTexts && !joint.citations && !first.citations && !rest.some(isThought)
      ? [...before.slice(0, -1), { ...joint, text: `${joint.text}${first.text}` }, ...rest]
      : [...before, ...(first ? [first] : []), ...rest];
  return [...turns.slice(0, -1), { ...last, content }];
}

interface ContentParam {
  type: string;
  text?: string;
  citations?: unknown;
}

function contentOf({ content }: Turn): readonly ContentParam[] {
  return typeof content === 'string'
    ? [{ type: 'text', text: content }]
    : (content as readonly ContentParam[]);
}

/** At most this number of code units from the end, and no half character. */
function endOf(text: string, length: number): string {
  return text.slice(-length).replace(/^[\udc00-\udfff]/, '');
}

/** The end of the text from the start of a word on, if that is long enough to be recognised. */
function lastWords(text: string): string {
  const end = endOf(text, ANCHOR);
  const words = end.replace(/^\S*\s+/, '');
  return [words, end.trimStart()].find(({ length }) => length >= SHORTEST_REPEAT) ?? '';
}

function remainingTokens(
  { max_tokens, thinking }: ContinuableParams,
  kept: readonly Block[],
  { anchor = '' }: SeamConfig,
): number {
  // The model writes the anchor again.
  const spent = kept.reduce((sum, block) => sum + lengthOf(block), -anchor.length);
  const left = max_tokens - Math.ceil(spent / CHARACTERS_PER_TOKEN);
  return Math.min(max_tokens, Math.max(left, (thinking?.budget_tokens ?? 0) + 1));
}

function lengthOf(block: Block): number {
  const { text, thinking, input } = block as { text?: string; thinking?: string; input?: unknown };
  return (text ?? thinking ?? JSON.stringify(input) ?? '').length;
}
