import { MessageStreamError } from '../../message/MessageStreamError.ts';

/** Errors of Redis that do not pass by waiting, and what to do about each. */
const PERMANENT: Readonly<Record<string, string>> = {
  WRONGTYPE:
    'A key of this reply holds another type of value: give the relay a `prefix` that nothing else uses',
  OOM: 'Redis has reached its `maxmemory`: give it more memory, or keep replies for less time (`ttl`)',
  NOPERM:
    'The Redis user lacks a permission: allow the keys, channels and commands that the guide of the relay lists',
  READONLY: 'This Redis is a replica: connect to its master, or use `createSentinel`',
  MOVED: 'This Redis is part of a cluster: use `createCluster`',
  CROSSSLOT: 'This Redis is part of a cluster: use `createCluster`',
  'unknown command': 'This Redis is too old: use Redis 6.2 or later, and 7 for a cluster',
};

/** In a cluster, and behind Sentinel, the client finds the new master. */
const PASSING: ReadonlySet<string> = new Set(['READONLY', 'MOVED', 'CROSSSLOT']);

/** Before Redis 7 an error inside of a script follows a text about the script. */
const NAME =
  /^(?:ERR Error running script.*?: )?(?:-?(WRONGTYPE|OOM|NOPERM|READONLY|MOVED|CROSSSLOT)\b|ERR (unknown command)|(?:ERR |NOPERM )?The user executing the script can't)/;

/**
 * The error of a Redis command as the relay reports it: an error that does not pass is a
 * `MessageStreamError` that is not retryable, with the error's own name as `errorType`.
 */
export function redisError(error: unknown, isManaged: boolean): unknown {
  if (!(error instanceof Error)) return error;
  const found = NAME.exec(error.message);
  if (!found) return error;
  const name = found[1] ?? found[2] ?? 'NOPERM';
  if (isManaged && PASSING.has(name)) return error;
  return new MessageStreamError(`${PERMANENT[name]} (Redis: ${name})`, {
    code: 'connection',
    retryable: false,
    errorType: name,
    cause: error,
  });
}
