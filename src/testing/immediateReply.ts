import { httpError } from './httpError.ts';
import type { RequestState } from './ReceivedRequest.ts';
import { checkedReply, type CheckedReply } from './Reply.ts';
import type { RequestBody } from './RequestBody.ts';
import { requestProblems } from './requestProblems.ts';
import type { SaidBefore } from './SaidBefore.ts';

/** For counting tokens: the mean length of an English token, in characters. */
const CHARACTERS_PER_TOKEN = 4;

/**
 * The reply to a request that does not come from the test: an error for an invalid request, or a token
 * count. With `said`, the whole request is checked.
 */
export function immediateReply(
  { method, path, body }: RequestState,
  said: SaidBefore | undefined,
): CheckedReply | undefined {
  const place = path.split('?')[0];
  const countOnly = place === '/v1/messages/count_tokens';
  if (method !== 'POST' || (!countOnly && place !== '/v1/messages')) {
    return checkedReply(httpError(404, { message: 'Not Found' }));
  }
  const problem =
    shapeProblem(body, countOnly) ??
    (said && requestProblems(body as RequestBody, { said, countOnly })[0]);
  if (problem !== undefined) return checkedReply(httpError(400, { message: problem }));
  return countOnly ? checkedReply({ body: { input_tokens: countOf(body as object) } }) : undefined;
}

function shapeProblem(body: unknown, countOnly: boolean): string | undefined {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return 'The request body is not valid JSON: it must be an object';
  }
  const { model, max_tokens, messages, stream } = body as Record<string, unknown>;
  if (model === undefined) return 'model: Field required';
  if (typeof model !== 'string') return 'model: Input should be a valid string';
  if (max_tokens === undefined && !countOnly) return 'max_tokens: Field required';
  if (max_tokens !== undefined && !Number.isInteger(max_tokens)) {
    return 'max_tokens: Input should be a valid integer';
  }
  if (messages === undefined) return 'messages: Field required';
  if (!Array.isArray(messages)) return 'messages: Input should be a valid list';
  if (stream !== undefined && typeof stream !== 'boolean') {
    return 'stream: Input should be a valid boolean';
  }
  return undefined;
}

/** The tokens of a request, without cache breakpoints, which the model does not see. */
export function countOf(body: object): number {
  const { system, tools, messages } = body as Record<string, unknown>;
  const text = JSON.stringify({ system, tools, messages }, (key, value) =>
    key === 'cache_control' ? undefined : value,
  );
  return Math.ceil(text.length / CHARACTERS_PER_TOKEN);
}
