import { MessageStreamError } from '../../message/MessageStreamError.ts';

/** Permanent errors of Redis, and what to do about each. */
const PERMANENT: Readonly<Record<string, string>> = {
  WRONGTYPE:
    'A key of this reply has another type: pass a `prefix` to RedisStore that nothing else uses',
  OOM: 'Redis has reached its `maxmemory`: give it more memory, or keep replies for less time (`ttl`)',
  NOAUTH: 'Redis asks for a password: create the client with its `username` and `password`',
  NOPERM:
    'The Redis user lacks a permission: allow the keys, channels and commands listed in docs/relay.md',
  READONLY: 'This Redis is a replica: connect to its master, or use `createSentinel`',
  MOVED: 'This Redis is part of a cluster: use `createCluster`',
  CROSSSLOT: 'This Redis is part of a cluster: use `createCluster`',
  'unknown command': 'This Redis is too old: use Redis 6.2 or later, and 7 for a cluster',
};

/** Temporary with a cluster or Sentinel client, which finds the new master. */
const PASSING: ReadonlySet<string> = new Set(['READONLY', 'MOVED', 'CROSSSLOT']);

/** Before Redis 7, the error of a command in a script has a prefix about the script. */
const NAME =
  /^(?:ERR Error running script.*?: )?(?:-?(WRONGTYPE|OOM|NOAUTH|NOPERM|READONLY|MOVED|CROSSSLOT)\b|(?:ERR )?(unknown command|Unknown Redis command)|(?:ERR |NOPERM )?The user executing the script can't)/;

/**
 * Converts a permanent error of Redis to a `MessageStreamError` that is not retryable, with the name of the
 * error as `errorType`. Other errors are returned unchanged.
 */
export function redisError(error: unknown, isManaged: boolean): unknown {
  if (!(error instanceof Error)) return error;
  const found = NAME.exec(error.message);
  if (!found) return error;
  const name = found[1] ?? (found[2] ? 'unknown command' : 'NOPERM');
  if (isManaged && PASSING.has(name)) return error;
  return new MessageStreamError(`${PERMANENT[name]} (Redis: ${name})`, {
    code: 'connection',
    retryable: false,
    errorType: name,
    cause: error,
  });
}
