import { isBlank } from '../history/blankText.ts';
import type { AnyBlock } from '../history/blocks.ts';

type Ttl = '5m' | '1h';

interface Marked {
  cache_control?: { type: string; ttl?: Ttl | null } | null | undefined;
}

interface CacheableTurn {
  role: string;
  content: string | readonly object[];
}

/** The parts of a request that may have a breakpoint. */
interface CacheableParams extends Marked {
  messages: readonly CacheableTurn[];
  system?: string | readonly object[] | null | undefined;
  tools?: readonly object[] | null | undefined;
}

/** The maximum number of breakpoints (docs: /docs/en/build-with-claude/prompt-caching). */
const MOST = 4;

/** The place of a block: the tools, the system prompt or the index of a turn, and the index of the block. */
type Place = readonly [list: 'tools' | 'system' | number, index: number];

/**
 * Adds breakpoints for the prompt cache to a request, as many as the caller's own leave room for: at the end
 * of the last two user turns, of the system prompt, and of the tools.
 *
 * - This request writes the cache at the last user turn; the request before wrote it at the user turn before.
 *   So the cache is found however many blocks a turn has added. (From a breakpoint the API looks back over
 *   at most 20 blocks: docs /docs/en/build-with-claude/prompt-caching.)
 * - If the caller has set more than 4, the first ones in the turns are dropped: a caller that marks each
 *   message will exceed the limit.
 * - A breakpoint of an hour never follows one of 5 minutes, which the API refuses.
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

/** Useful places that have no breakpoint yet, the most useful first. */
function wantedPlaces(request: CacheableParams): Place[] {
  const { messages, system, tools, cache_control } = request;
  const last = messages.findLastIndex(isUsers);
  const before = messages.findLastIndex((turn, index) => index < last && isUsers(turn));
  const isSystem = typeof system === 'string' ? !isBlank(system) : Boolean(system?.length);
  const tool = tools?.findLastIndex((one) => !(one as AnyBlock)['defer_loading']) ?? -1;
  const places: (Place | undefined)[] = [
    // The API places the breakpoint of a request-level `cache_control` there.
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

/** The breakpoints in a block: its own, and those of the blocks inside a tool result. */
function breakpointsIn(block: object | undefined): readonly Marked[] {
  const { cache_control, content } = (block ?? {}) as Marked & { content?: unknown };
  if (!cache_control && !Array.isArray(content)) return NONE;
  const inside = Array.isArray(content) ? content.flatMap(breakpointsIn) : [];
  return [...inside, ...(cache_control ? [block as Marked] : [])];
}

const NONE: readonly never[] = [];

/** The places of all breakpoints in a list of blocks, one per breakpoint. */
function marksIn(list: Place[0], blocks: string | readonly object[] | null | undefined): Place[] {
  const places: Place[] = [];
  if (blocks == null || typeof blocks === 'string') return places;
  blocks.forEach((block, index) => {
    for (const _ of breakpointsIn(block)) places.push([list, index]);
  });
  return places;
}

/**
 * Finds the caller's own breakpoints in the turns of a request. Turns that are the same as in the request
 * before are not searched again.
 */
export class MarkedTurns {
  #turns: CacheableParams['messages'] = [];
  #places: Place[] = [];
  readonly #unmarked = new WeakMap<object, CacheableTurn>();

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

  /** The turn without any breakpoint: the same object each time. */
  unmarked(turn: CacheableTurn): CacheableTurn {
    let made = this.#unmarked.get(turn);
    if (made === undefined) {
      const { content } = turn;
      const blocks =
        typeof content === 'string' ? content : content.map((one) => withoutMarks(one));
      this.#unmarked.set(turn, (made = { ...turn, content: blocks }));
    }
    return made;
  }
}

/** The places of the caller's own breakpoints, in the order in which the API reads them. */
function ownPlaces({ tools, system, messages }: CacheableParams, marked: MarkedTurns): Place[] {
  return [...marksIn('tools', tools), ...marksIn('system', system), ...marked.of(messages)];
}

/** Removes the caller's first breakpoints in turns, if there are more than the API accepts. */
function withoutExcess(
  request: CacheableParams,
  marked: MarkedTurns,
): { request: CacheableParams; own: Place[] } {
  const places = ownPlaces(request, marked);
  const excess = places.length + (request.cache_control ? 1 : 0) - MOST;
  if (excess <= 0) return { request, own: places };
  const inTurns = places.filter(([list]) => typeof list === 'number');
  const others = places.filter(([list]) => typeof list !== 'number');
  const dropped = new Set([...inTurns, ...others].slice(0, excess));
  const own = places.filter((place) => !dropped.has(place));
  // Most turns lose all that they have: what is left of such a turn is made once.
  const first = Math.min(...own.map(([list]) => (typeof list === 'number' ? list : Infinity)));
  const messages = [...request.messages];
  const partly: Place[] = [];
  for (const place of dropped) {
    const [list] = place;
    if (typeof list !== 'number' || list >= first) partly.push(place);
    else messages[list] = marked.unmarked(request.messages[list]!);
  }
  return { request: partly.reduce(withoutFirstMark, { ...request, messages }), own };
}

/** The block without its breakpoints, or without the first `most` of them. */
function withoutMarks(block: object, most = Infinity): object {
  let left = most;
  const strip = (one: object): object => {
    const { cache_control, ...rest } = one as Marked & { content?: unknown };
    const content = rest.content;
    const inside = Array.isArray(content) && left > 0 ? content.map(strip) : content;
    const isOwn = left > 0 && Boolean(cache_control);
    if (isOwn) left--;
    if (inside === content && !isOwn) return one;
    return {
      ...rest,
      ...(content !== undefined && { content: inside }),
      ...(!isOwn && cache_control && { cache_control }),
    };
  };
  return strip(block);
}

function withoutFirstMark(request: CacheableParams, place: Place): CacheableParams {
  return withBlock(request, place, (block) => withoutMarks(block, 1));
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

/** The duration of an added breakpoint that is valid between the caller's own. */
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
