import { createHash } from 'node:crypto';

/** A Lua script, and the hash under which Redis caches it. */
export interface Script {
  readonly source: string;
  readonly sha: string;
}

/** An index entry that was not checked for this long is removed, in milliseconds. */
const DAY = 86_400_000;

/** Separates the parts of a message. JSON text does not contain this character. */
export const SEPARATOR = '\u001e';

// KEYS: the head of a log (a hash) and its entries (a stream, with ids `<number>-0`). The channel has the
// same name as the stream. Redis runs a script atomically, and writes its effects to the append-only file
// as one transaction. The script publishes last, so that a user without this permission leaves no partial
// write. https://redis.io/docs/latest/develop/programmability/eval-intro/
const COMMON = `
local head, log = KEYS[1], KEYS[2]
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function keep(ttl)
  redis.call('PEXPIRE', head, ttl)
  redis.call('PEXPIRE', log, ttl)
end
local function hold(lease, ttl, ...)
  redis.call('HSET', head, 'until', string.format('%.0f', now() + lease), 'ttl', ttl, ...)
  keep(ttl)
end
local function tell(message)
  redis.call(PUBLISH, log, message)
end
local function refusal(owner, known)
  if not known[1] then
    tell('')
    return 'unknown'
  end
  if known[1] ~= owner then return 'superseded' end
  if known[2] then return 'ended' end
end
-- Runs a command on the stream. Returns an empty table if it fails because another client has replaced the
-- stream by another type of value, or has added entries with higher numbers.
local function onLog(...)
  local answer = redis.pcall(...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  for _, text in ipairs({ 'WRONGTYPE', 'equal or smaller than the target', 'exhausted the last possible ID' }) do
    if string.find(answer.err, text, 1, true) then return {} end
  end
  return redis.call(...)
end
-- Returns whether the entry was added.
local function add(number, data)
  return type(onLog('XADD', log, number .. '-0', 'd', data)) == 'string'
end
-- Another client may have added or removed entries, or Redis may have evicted the stream.
local function isWhole(count)
  return not count or onLog('XLEN', log) == tonumber(count)
end
`;

/** ARGV: owner, lease, ttl, tag, optionally the request */
const BEGIN = `
local owner = redis.call('HGET', head, 'owner')
if owner then return owner == ARGV[1] and 1 or 0 end
-- First, as Redis checks its memory before the first write only, and lets DEL pass.
redis.call('HSET', head, 'owner', ARGV[1], 'tag', ARGV[4], 'last', '0', 'count', '0', 'writers', '1')
redis.call('DEL', log)
if ARGV[5] then redis.call('HSET', head, 'request', ARGV[5]) end
hold(ARGV[2], ARGV[3])
return 1
`;

/** ARGV: owner, lease, ttl, the maximum number of writers */
const TAKE_OVER = `
local known = redis.call('HMGET', head, 'owner', 'ended', 'until', 'writers')
if not known[1] or known[2] then return 0 end
if known[1] == ARGV[1] then return 1 end
if tonumber(known[3]) > now() or tonumber(known[4]) >= tonumber(ARGV[4]) then return 0 end
redis.call('HINCRBY', head, 'writers', 1)
hold(ARGV[2], ARGV[3], 'owner', ARGV[1])
return 1
`;

/** ARGV: owner, lease, ttl. Publishes the number of the last entry, so readers notice missing entries. */
const RENEW = `
local known = redis.call('HMGET', head, 'owner', 'ended', 'last')
local refused = refusal(ARGV[1], known)
if refused then return refused end
hold(ARGV[2], ARGV[3])
tell(known[3])
return 'done'
`;

/**
 * ARGV: owner, lease, ttl, after, 1 if the last entry is the ending or else 0, 1 to publish the entries or
 * 0 if readers must read them, then number and data of each entry
 */
const APPEND = `
local known = redis.call('HMGET', head, 'owner', 'ended', 'last', 'count')
local last = ARGV[#ARGV - 1]
if known[1] == ARGV[1] and known[3] == last and known[2] ~= 'by another' then
  -- A write, so that a WAIT after it waits for the one before.
  keep(ARGV[3])
  return 'done'
end
local refused = refusal(ARGV[1], known)
if refused then return refused end
if known[3] ~= ARGV[4] or not isWhole(known[4]) then return 'diverged' end
for at = 7, #ARGV, 2 do
  if not add(ARGV[at], ARGV[at + 1]) then return 'diverged' end
end
local count = known[4] and { 'count', string.format('%.0f', known[4] + (#ARGV - 6) / 2) } or {}
if ARGV[5] == '1' then redis.call('HSET', head, 'ended', 'by its writer') end
hold(ARGV[2], ARGV[3], 'last', last, unpack(count))
tell(ARGV[6] == '1' and ARGV[4] .. '\\30' .. table.concat(ARGV, '\\30', 7) or last)
return 'done'
`;

/** ARGV: owner, lease, ttl, then number and data of each entry */
const COMPACT = `
local known = redis.call('HMGET', head, 'owner', 'ended', 'last', 'count')
local refused = refusal(ARGV[1], known)
if refused then return refused end
if known[3] ~= ARGV[#ARGV - 1] or not isWhole(known[4]) then return 'diverged' end
redis.call('DEL', log)
for at = 4, #ARGV, 2 do add(ARGV[at], ARGV[at + 1]) end
hold(ARGV[2], ARGV[3], 'count', string.format('%.0f', (#ARGV - 3) / 2))
return 'done'
`;

/**
 * ARGV: the data of the ending, the id, the channel that notifies writers. Entries of other clients are
 * removed.
 */
const END = `
local known = redis.call('HMGET', head, 'last', 'ended', 'ttl', 'count')
if not known[1] or known[2] then return 0 end
-- Redis checks its memory only before the first write of a script, and PEXPIRE passes that check: so the
-- ending can be stored when Redis is out of memory.
keep(known[3])
local number = string.format('%.0f', known[1] + 1)
local top = onLog('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
local isOwn = isWhole(known[4]) and (not top or top[1] == known[1] .. '-0')
if not isOwn or not add(number, ARGV[1]) then
  local own = onLog('XRANGE', log, '-', known[1] .. '-0')
  redis.call('DEL', log)
  for _, entry in ipairs(own) do redis.call('XADD', log, entry[1], unpack(entry[2])) end
  add(number, ARGV[1])
end
redis.call('HSET', head, 'last', number, 'count', redis.call('XLEN', log), 'ended', 'by another')
keep(known[3])
tell(known[1] .. '\\30' .. number .. '\\30' .. ARGV[1])
redis.call('PUBLISH', ARGV[3], ARGV[2])
return 1
`;

const HEAD = `
local known = redis.call('HMGET', head, 'tag', 'last', 'ended', 'until', 'writers', 'request')
if not known[1] then return false end
return { known[1], known[2], known[3] or '', string.format('%.0f', known[4] - now()), known[5], known[6] or '' }
`;

/** ARGV: the id of the first entry, the maximum number of entries, the bytes at which the page ends */
const READ = `
local last = redis.call('HGET', head, 'last')
if not last then return false end
local page, from, rest, bytes = {}, ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
while rest > 0 do
  local some = onLog('XRANGE', log, from, '+', 'COUNT', math.min(rest, 16))
  for _, entry in ipairs(some) do
    page[#page + 1] = entry
    bytes = bytes - #(entry[2][2] or '')
    if bytes <= 0 then return { last, page } end
  end
  if #some < 16 then break end
  rest, from = rest - 16, '(' .. some[16][1]
end
return { last, page }
`;

// KEYS: only the index of open logs, a sorted set with the time at which the lease of each log may expire.

/** ARGV: id, milliseconds until the lease may expire */
const OPEN = `
redis.call('ZREMRANGEBYSCORE', head, '-inf', now() - ${DAY})
redis.call('ZADD', head, now() + ARGV[2], ARGV[1])
redis.call('PEXPIRE', head, ${7 * DAY})
return 1
`;

/** ARGV: milliseconds until a log may be returned again, the maximum number of logs */
const DUE = `
local due = redis.call('ZRANGEBYSCORE', head, '-inf', now(), 'LIMIT', 0, ARGV[2])
for _, id in ipairs(due) do redis.call('ZADD', head, now() + ARGV[1], id) end
return due
`;

type ScriptName =
  | 'OPEN'
  | 'DUE'
  | 'BEGIN'
  | 'TAKE_OVER'
  | 'RENEW'
  | 'APPEND'
  | 'COMPACT'
  | 'END'
  | 'HEAD'
  | 'READ';

export type Scripts = Readonly<Record<ScriptName, Script>>;

const BODIES: Readonly<Record<ScriptName, string>> = {
  OPEN,
  DUE,
  BEGIN,
  TAKE_OVER,
  RENEW,
  APPEND,
  COMPACT,
  END,
  HEAD,
  READ,
};

/** The scripts, with the command that publishes to the channel of a log. */
export function scriptsWith(publish: 'PUBLISH' | 'SPUBLISH'): Scripts {
  const common = COMMON.replace('PUBLISH', `'${publish}'`);
  return Object.fromEntries(
    Object.entries(BODIES).map(([name, body]) => {
      const source = common + body;
      return [name, { source, sha: createHash('sha1').update(source).digest('hex') }];
    }),
  ) as unknown as Scripts;
}
