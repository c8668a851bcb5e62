import { historyProblems } from './historyProblems.ts';
import type { RequestBody, RequestContext } from './RequestBody.ts';

// SDK src/resources/messages/messages.ts and src/resources/beta/messages/messages.ts.
const PARAMETERS: ReadonlySet<string> = new Set(
  (
    'model max_tokens messages system tools tool_choice thinking stream stop_sequences metadata ' +
    'cache_control container diagnostics inference_geo output_config output_format service_tier ' +
    'speed billing_policy compaction context_management fallback_credit_token fallbacks ' +
    'mcp_servers thread'
  ).split(' '),
);

/** The maximum number of cache breakpoints (docs: /docs/en/build-with-claude/prompt-caching). */
const MOST_BREAKPOINTS = 4;

/**
 * The error messages of the API for an invalid request; empty if the request is valid. The wording is the
 * API's own, if known, with the path in front.
 *
 * Consecutive turns of the same role count as one, because the API joins them.
 */
export function requestProblems(body: RequestBody, context: RequestContext = {}): string[] {
  return [
    ...Object.keys(body)
      .filter((name) => !PARAMETERS.has(name))
      .map((name) => `${name}: Extra inputs are not permitted`),
    ...(context.countOnly ? [] : numberProblems(body)),
    ...toolProblems(body),
    ...breakpointProblems(body),
    ...historyProblems(body, context),
    // `JSON.stringify` writes a surrogate as an escape only if it is alone.
    ...(/\\ud[89a-f]/.test(JSON.stringify(body)) ? ['The request body is not valid JSON'] : []),
  ];
}

function numberProblems({ max_tokens = 0, thinking }: RequestBody): string[] {
  const budget = thinking?.budget_tokens ?? 0;
  return [
    // Zero only writes the cache (SDK src/resources/messages/messages.ts `max_tokens`).
    ...(max_tokens >= 0 ? [] : ['max_tokens: Input should be greater than or equal to 0']),
    ...(budget === 0 || budget < max_tokens
      ? []
      : ['max_tokens: `max_tokens` must be greater than `thinking.budget_tokens`']),
  ];
}

function toolProblems(body: RequestBody): string[] {
  const { tools } = body as { tools?: unknown };
  const names = (Array.isArray(tools) ? tools : []).flatMap(({ name }) => name ?? []);
  return new Set(names).size < names.length ? ['tools: Tool names must be unique.'] : [];
}

function breakpointProblems(body: RequestBody): string[] {
  const { system, tools, messages } = body as unknown as Record<string, unknown>;
  const found = [
    ...breakpoints(tools, 'tools'),
    ...breakpoints(system, 'system'),
    ...breakpoints(messages, 'messages'),
    // The API places this breakpoint at the last block that can have one.
    ...ownBreakpoint(body, ''),
  ];
  const count = found.length;
  return [
    ...(count > MOST_BREAKPOINTS
      ? [`A maximum of 4 blocks with cache_control may be provided. Found ${count}.`]
      : []),
    ...found
      .filter(({ ttl }, index) => ttl === '1h' && found.slice(0, index).some(isShort))
      .map(
        ({ at }) =>
          `${at}cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. Note that blocks are processed in the following order: \`tools\`, \`system\`, \`messages\`.`,
      ),
  ];
}

interface Breakpoint {
  at: string;
  ttl: unknown;
}

function isShort({ ttl }: Breakpoint): boolean {
  return ttl !== '1h';
}

function ownBreakpoint(value: object, at: string): Breakpoint[] {
  const { cache_control } = value as { cache_control?: { ttl?: unknown } | null };
  return cache_control ? [{ at, ttl: cache_control.ttl }] : [];
}

/** The breakpoints in `value`, also inside of tool results. */
function breakpoints(value: unknown, at: string): Breakpoint[] {
  if (Array.isArray(value))
    return value.flatMap((one, index) => breakpoints(one, `${at}.${index}`));
  if (typeof value !== 'object' || value === null) return [];
  const { content } = value as { content?: unknown };
  return [...breakpoints(content, `${at}.content`), ...ownBreakpoint(value, `${at}.`)];
}
