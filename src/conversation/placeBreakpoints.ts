import { isBlank } from '../history/blankText.ts';
import type { AnyBlock } from '../history/blocks.ts';

type Ttl = '5m' | '1h';

interface Marked {
  cache_control?: { type: string; ttl?: Ttl | null } | null | undefined;
}

/** The parts of a request that may have a breakpoint. */
interface CacheableParams extends Marked {
  messages: readonly { role: string; content: string | readonly object[] }[];
  system?: string | readonly object[] | null | undefined;
  tools?: readonly object[] | null | undefined;
}

/** At most so many (docs: /docs/en/build-with-claude/prompt-caching). */
const MOST = 4;

/** The place of a block: in the tools, in the system prompt, or in a turn; and the block in it. */
type Place = readonly [list: 'tools' | 'system' | number, index: number];

/**
 * The request with breakpoints for the prompt cache, as far as there is room beside the caller's own:
 * at the end of the last two turns of the user, of the system prompt, and of the tools.
 *
 * - The last turn of the user's is where this request writes, the one before where the request
 *   before has written: so the cache is found again however many blocks a turn has added. (From
 *   a breakpoint the API looks back over 20 blocks and no further:
 *   docs /docs/en/build-with-claude/prompt-caching.)
 * - Of the caller's own, those in the latest turns stand, at most 4 in all: who marks each message
 *   has a fifth one day.
 * - One that lasts an hour never comes behind one that lasts 5 minutes, which the API refuses.
 */
export function placeBreakpoints<Params extends object>(
  params: Params,
  ttl: Ttl = '5m',
  marked: MarkedTurns = new MarkedTurns(),
): Params {
  const { request, own } = withoutExcess(params as unknown as CacheableParams, marked);
  const free = MOST - own.length - (request.cache_control ? 1 : 0);
  const places = wantedPlaces(request).slice(0, Math.max(0, free));
  return places.reduce(
    (placed, place) => withMark(placed, place, ttlAt(request, own, place, ttl)),
    request,
  ) as unknown as Params;
}

/** Where breakpoints are useful and are not yet, the most useful first. */
function wantedPlaces(request: CacheableParams): Place[] {
  const { messages, system, tools, cache_control } = request;
  const last = messages.findLastIndex(isUsers);
  const before = messages.findLastIndex((turn, index) => index < last && isUsers(turn));
  const isSystem = typeof system === 'string' ? !isBlank(system) : Boolean(system?.length);
  const tool = tools?.findLastIndex((one) => !(one as AnyBlock)['defer_loading']) ?? -1;
  const places: (Place | undefined)[] = [
    // One for the whole request is put there by the API.
    cache_control ? undefined : lastBlock(request, last),
    lastBlock(request, before),
    isSystem ? ['system', typeof system === 'string' ? 0 : system!.length - 1] : undefined,
    tool >= 0 ? ['tools', tool] : undefined,
  ];
  return places.filter((place) => place !== undefined && !isMarked(request, place)) as Place[];
}

function isUsers({ role }: { role: string }): boolean {
  return role === 'user';
}

function lastBlock({ messages }: CacheableParams, turn: number): Place | undefined {
  if (turn < 0) return undefined;
  const { content } = messages[turn]!;
  return [turn, typeof content === 'string' ? 0 : content.length - 1];
}

function listAt({ messages, system, tools }: CacheableParams, [list]: Place): readonly object[] {
  const content = list === 'tools' ? tools : list === 'system' ? system : messages[list]?.content;
  return typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []);
}

function isMarked(request: CacheableParams, place: Place): boolean {
  return breakpointsIn(listAt(request, place)[place[1]]).length > 0;
}

/** The breakpoints in a block: its own, and those of what a tool result holds. */
function breakpointsIn(block: object | undefined): readonly Marked[] {
  const { cache_control, content } = (block ?? {}) as Marked & { content?: unknown };
  if (!cache_control && !Array.isArray(content)) return NONE;
  const inside = Array.isArray(content) ? content.flatMap(breakpointsIn) : [];
  return [...inside, ...(cache_control ? [block as Marked] : [])];
}

const NONE: readonly never[] = [];

/** The places of the blocks in a list that have breakpoints, one for each. */
function marksIn(list: Place[0], blocks: string | readonly object[] | null | undefined): Place[] {
  const places: Place[] = [];
  if (blocks == null || typeof blocks === 'string') return places;
  blocks.forEach((block, index) => {
    for (const _ of breakpointsIn(block)) places.push([list, index]);
  });
  return places;
}

/**
 * Finds the caller's own breakpoints in the turns of requests that mostly begin as the one before: only
 * turns that are new are looked at.
 */
export class MarkedTurns {
  #turns: CacheableParams['messages'] = [];
  #places: Place[] = [];

  of(turns: CacheableParams['messages']): readonly Place[] {
    let same = 0;
    while (same < turns.length && turns[same] === this.#turns[same]) same++;
    this.#places = this.#places.filter(([turn]) => (turn as number) < same);
    for (let turn = same; turn < turns.length; turn++) {
      for (const place of marksIn(turn, turns[turn]!.content)) this.#places.push(place);
    }
    this.#turns = turns;
    return this.#places;
  }
}

/** Where the caller's own breakpoints are, in the order in which the API reads: one for each. */
function ownPlaces({ tools, system, messages }: CacheableParams, marked: MarkedTurns): Place[] {
  return [...marksIn('tools', tools), ...marksIn('system', system), ...marked.of(messages)];
}

/** Without the caller's first breakpoints in turns, where there are more than the API takes. */
function withoutExcess(
  request: CacheableParams,
  marked: MarkedTurns,
): { request: CacheableParams; own: Place[] } {
  const places = ownPlaces(request, marked);
  const excess = places.length + (request.cache_control ? 1 : 0) - MOST;
  if (excess <= 0) return { request, own: places };
  const inTurns = places.filter(([list]) => typeof list === 'number');
  const others = places.filter(([list]) => typeof list !== 'number');
  const rest = [...inTurns, ...others].slice(0, excess).reduce(withoutFirstMark, request);
  return { request: rest, own: ownPlaces(rest, new MarkedTurns()) };
}

function withoutFirstMark(request: CacheableParams, place: Place): CacheableParams {
  let isFirst = true;
  const strip = (block: object): object => {
    const { cache_control, ...rest } = block as Marked & { content?: unknown };
    const content = rest.content;
    const inside = Array.isArray(content) && isFirst ? content.map(strip) : content;
    const isOwn = isFirst && Boolean(cache_control);
    if (isOwn) isFirst = false;
    if (inside === content && !isOwn) return block;
    return {
      ...rest,
      ...(content !== undefined && { content: inside }),
      ...(!isOwn && cache_control && { cache_control }),
    };
  };
  return withBlock(request, place, (block) => strip(block));
}

function withMark(request: CacheableParams, place: Place, ttl: Ttl): CacheableParams {
  const cache_control = { type: 'ephemeral', ...(ttl === '1h' && { ttl }) };
  return withBlock(request, place, (block) => ({ ...block, cache_control }));
}

function withBlock(
  request: CacheableParams,
  place: Place,
  change: (block: object) => object,
): CacheableParams {
  const [list, index] = place;
  const changed = listAt(request, place).with(index, change(listAt(request, place)[index]!));
  if (typeof list !== 'number') return { ...request, [list]: changed };
  const turn = { ...request.messages[list]!, content: changed };
  return { ...request, messages: request.messages.with(list, turn) };
}

/** How long a breakpoint of ours lasts, so that it may be between those of the caller. */
function ttlAt(
  request: CacheableParams,
  ownMarks: readonly Place[],
  place: Place,
  wanted: Ttl,
): Ttl {
  const rank = ([list, index]: Place) =>
    (list === 'tools' ? -2 : list === 'system' ? -1 : list) * 1e6 + index;
  const own = ownMarks.map((other) => {
    const ttls = breakpointsIn(listAt(request, other)[other[1]]).map(ttlOf);
    return { isBefore: rank(other) < rank(place), ttls };
  });
  const behind = [
    ...own.flatMap(({ isBefore, ttls }) => (isBefore ? [] : ttls)),
    ...(request.cache_control ? [ttlOf(request)] : []),
  ];
  if (behind.includes('1h')) return '1h';
  const isLater = own.some(({ isBefore, ttls }) => isBefore && ttls.includes('5m'));
  return isLater ? '5m' : wanted;
}

function ttlOf({ cache_control }: Marked): Ttl {
  return cache_control?.ttl ?? '5m';
}
